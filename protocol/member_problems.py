"""Why a member list, or a document of it, is refused; and what its warnings mean."""

from typing import Final

MEMBER_CODES: Final[dict[str, str]] = {
    "members-oversize": "The document or the bundle is larger than allowed.",
    "members-malformed": "The document or the bundle can't be read.",
    "members-pin": "The first root isn't the one whose hash was given.",
    "members-threshold": "A threshold isn't more than half of the states.",
    "members-signature": "The document isn't signed by those who have to sign it.",
    "members-possession": "A state that joins, or changes its key, hasn't signed the root with its new key.",
    "members-gap": "A root is missing between the one in force and the one offered.",
    "members-rollback": "The document offered is older than the one in force, which stays.",
    "members-fork": "Two different documents of one version are validly signed: a proof of misbehaviour.",
    "members-inconsistent": "Root and targets don't name the same states, or use one key for two purposes.",
    "members-unknown": "The list has no such country.",
    "members-other-country": "The record names another country than the role that signs it.",
    "members-record": "The member's record breaks a rule or a limit.",
    "members-shared-certificate": "Two countries claim the same TLS certificate.",
    "members-left": "The country has left; its record stays as it was.",
    "members-suspension": "A suspension by a few states names too few of them, or lasts longer than allowed.",
    "members-second-suspension": "A state takes part in a second suspension within 90 days: a proof of misbehaviour.",
    "members-expired": "The list has expired: no new members or counterparts until the states renew it.",
    "members-expires-90": "The document expires within 90 days.",
    "members-expires-30": "The document expires within 30 days.",
    "members-expires-7": "The document expires within 7 days.",
    "members-proposal": "This change to the list can't be proposed.",
}


class MemberListError(Exception):
    """A refusal with a code of `MEMBER_CODES`.

    `document` is `root`, `targets`, a country's code or empty; `detail` quotes no content; `proof` holds,
    for a fork, the two signed documents byte for byte, ours first.
    """

    def __init__(self, code: str, detail: str, document: str = "", proof: tuple[bytes, ...] = ()) -> None:
        """Take a code of `MEMBER_CODES`."""
        self.code = code
        self.meaning = MEMBER_CODES[code]
        self.detail = detail
        self.document = document
        self.proof = proof
        super().__init__(": ".join(text for text in (code, document, detail) if text))

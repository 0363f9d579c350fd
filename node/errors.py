"""The one error type of a node, and the table of what its codes mean.

The table is the source of docs/errors.md. What isn't ours is `internal`: its detail goes to the log only.
"""

from dataclasses import dataclass
from typing import Final, Literal

from protocol.problems import ProtocolError

Fault = Literal["caller", "peer", "node"]


@dataclass(frozen=True)
class Code:
    """What an error code means: its HTTP status, who is at fault, and what to do next."""

    code: str
    status: int
    fault: Fault
    meaning: str
    hint: str


class NodeError(Exception):
    """A refusal with a stable code; `message` says what happened and never holds personal data.

    `fields` names the inputs at fault (path → code), for forms and API callers. `retry_after_s` says in how
    many seconds it may be tried again, where that is known.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        hint: str = "",
        fields: dict[str, str] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        """Take a code of `CODES`; message and hint default to the table's."""
        self.entry = CODES[code]
        self.code = code
        self.message = message or self.entry.meaning
        self.hint = hint or self.entry.hint
        self.fields = fields or {}
        self.retry_after_s = retry_after_s
        super().__init__(f"{code}: {self.message}")


def from_protocol(error: ProtocolError) -> NodeError:
    """Turn a refusal of the protocol into the error that a caller of this node sees."""
    code = error.code if error.code in CODES else "refused-by-protocol"
    return NodeError(code, f"{error.problem.meaning} {error.detail}".strip(), error.problem.hint)


_TABLE: Final = (
    Code("not-signed-in", 401, "caller", "You aren't signed in.", "Sign in, or send a valid bearer token."),
    Code("wrong-credentials", 401, "caller", "The name or the password is wrong.", "Try again, or ask for a link."),
    Code("link-invalid", 403, "caller", "The sign-in link was used or has expired.", "Ask for a new link."),
    Code("forbidden", 403, "caller", "Your role doesn't allow this.", "Ask your data administrator."),
    Code("csrf", 403, "caller", "The form is too old or came from elsewhere.", "Load the page again and repeat."),
    Code("not-found", 404, "caller", "There is no such thing, or it isn't yours.", "Check the address."),
    Code("method-not-allowed", 405, "caller", "This address doesn't take this method.", "See the OpenAPI document."),
    Code("stale", 409, "caller", "It was changed meanwhile.", "Read it again and repeat."),
    Code("not-owner", 409, "caller", "It is the other side's turn.", "Wait, or ask the other side for the change."),
    Code("wrong-state", 409, "caller", "The case isn't in a state that allows this.", "Read the case again."),
    Code("approval-needed", 409, "caller", "A coordinator has to approve it before it is sent.",
         "Make a draft of it and ask for approval."),
    Code("own-approval", 403, "caller", "Nobody approves what he wrote or asked for himself.",
         "Somebody else who decides for the coordinator has to look at it."),
    Code("own-reply", 403, "caller", "Nobody holds a reply sufficient that he wrote or approved himself.",
         "Somebody else who decides for the coordinator may."),
    Code("date-differs", 409, "caller", "The date isn't the one that is on the table.", "Read the case again."),
    Code("case-full", 409, "caller", "Your side has written as many messages in this case as it may.",
         "Close the case and send a new request."),
    Code("case-blocked", 403, "caller", "The case's data are blocked: they may be seen only with a reason.",
         "Give the reason; it is logged: docs/data-protection.md."),
    Code("case-erased", 410, "caller", "The case's data are deleted.", "What stays is in docs/data-protection.md."),
    Code("exists", 409, "caller", "It exists already.", "Choose another name."),
    Code("idempotency-mismatch", 409, "caller", "The Idempotency-Key was used for another request.", "Use a new key."),
    Code("too-large", 413, "caller", "It is larger than allowed.", "See docs/limits.md."),
    Code("event-too-large", 413, "caller", "The message is larger than allowed.", "Shorten texts; attach a file."),
    Code("unsupported-media", 415, "caller", "This type of file isn't accepted.", "Send PDF, PNG, JPEG or text."),
    Code("invalid", 422, "caller", "Something in the input isn't right.", "See the fields named."),
    Code("unknown-area", 422, "caller", "This node doesn't know this legal area.", "entente areas list."),
    Code("area-refused", 422, "caller", "This version of a legal area doesn't count here.",
         "entente areas check; docs/areas.md."),
    Code("unknown-authority", 422, "caller", "There is no such active authority.", "Search the directory."),
    Code("not-competent", 422, "caller", "The authority isn't competent in this legal area.", "Search the directory."),
    Code("no-coordinator", 422, "caller", "The directory names no coordinator who could decide.",
         "The authority's record needs a request coordinator in the area: docs/authorities.md."),
    Code("unknown-country", 422, "caller", "No active member has this country code.", "entente member list."),
    Code("no-encryption-key", 422, "peer", "The country has published no encryption key that this node can use.",
         "Its operator: a record with a key of a known suite; ours: a newer version."),
    Code("unknown-language", 422, "caller", "This isn't one of the 26 languages.", "Use a code such as de or hu."),
    Code("list-expired", 503, "node", "The member list has expired; no new counterparts.", "entente member renew."),
    Code("too-many", 429, "caller", "Too many attempts.", "Wait as long as Retry-After says, then try again."),
    Code("refused-by-protocol", 422, "caller", "The protocol doesn't allow this.", "See the message."),
    Code("config-missing", 500, "node", "There is no configuration here.", "entente init DIRECTORY --country XX."),
    Code("config-invalid", 500, "node", "The configuration isn't right.",
         "See the line named; entente config describe."),
    Code("key-missing", 500, "node", "A key file is missing.", "Restore it from its backup; entente doctor."),
    Code("key-exposed", 500, "node", "Others can read a key file.", "chmod 600 the file named."),
    Code("schema-newer", 500, "node", "The data were written by a newer version.",
         "Install that version, or go back: docs/operating.md, the way back."),
    Code("data-in-use", 409, "node", "Another process works on this data directory.",
         "Stop it: systemctl stop entente."),
    Code("backup-place", 422, "caller", "A backup can't be made in this folder.", "Name another folder."),
    Code("backup-runs", 409, "caller", "Another backup is being made in this folder.", "Wait until it has ended."),
    Code("backup-damaged", 422, "caller", "The backup isn't whole, or isn't what was written.",
         "Take another one: entente backup list."),
    Code("backup-foreign", 422, "caller", "The backup is another node's.", "Name a backup of this node."),
    Code("backup-expired", 422, "caller", "The backup of the case keys is older than it may become.",
         "Name a newer one, then remove this one: entente backup prune."),
    Code("disk-full", 507, "node", "There isn't enough space on the disk.", "Free some space; nothing was changed."),
    Code("database-damaged", 500, "node", "The database can't be read: it isn't what was written.",
         "Stop the node, then restore a backup: docs/worst-night.md."),
    Code("restore-unfinished", 503, "node", "A restore was interrupted on this data directory.",
         "entente restore --finish completes it."),
    Code("restored-from-old-disk", 503, "node", "A peer knows more of this node than it does itself.",
         "The running node fetches it back; see docs/operating.md."),
    Code("stream-diverged", 503, "node", "A peer has other messages of a stream than this node.",
         "Both operators compare, then begin a new epoch: entente peer new-epoch; see docs/operating.md."),
    Code("history-refused", 503, "peer", "What a peer gave back isn't what was signed and receipted.",
         "Nothing of it was stored; talk to its operator; see docs/operating.md."),
    Code("newer-at-peer", 409, "node", "A peer has a newer version of what this node is about to publish.",
         "Let the running node fetch it back first: entente serve, then entente doctor."),
    Code("peers-not-asked", 503, "node", "No peer could be asked which version it knows.",
         "Try again when one can be reached; --unasked if this disk was never restored from a copy."),
    Code("sealed", 409, "caller", "It is sealed for the other side and may have arrived: nobody can take it back.",
         "Its receipt decides. Keep it here meanwhile: entente queue hold; the asking side may ask to withdraw."),
    Code("directory-invalid", 422, "peer", "A directory snapshot was refused.", "See the detail; entente doctor."),
    Code("directory-rollback", 422, "peer", "A country has gone back to an older directory.", "See docs/operating.md."),
    Code("directory-fork", 422, "peer", "What a country's log says doesn't follow from what it said before.",
         "If both are signed, they are kept as a proof; the operators have to talk."),
    Code("directory-old", 503, "peer", "A country's directory is too old to ask it for the first time.",
         "entente directory status; its operator, or another node that has a newer one."),
    Code("directory-frozen", 409, "peer", "A country's directory stays at its last good state: its log has lied.",
         "See docs/operating.md, a directory that forked; the operators have to talk."),
    Code("members-invalid", 422, "caller", "The member list was refused.", "See the detail."),
    Code("peer-unreachable", 503, "peer", "The other node can't be reached.", "It is tried again; entente doctor."),
    Code("mail-server", 503, "node", "The mail server can't be used.", "See [mail] in node.toml; entente doctor."),
    Code("address-in-use", 500, "node", "Another process listens on this address.", "Change the port in node.toml."),
    Code("verification-failed", 500, "node", "An invariant of the node's data is broken.", "See what was found."),
    Code("case-damaged", 500, "node", "Something stored of this case can't be read any more; others aren't affected.",
         'entente verify names what; docs/operating.md, "A damaged case".'),
    Code("clock-wrong", 503, "node", "Nothing proves that this node's clock is right, so nothing is deleted.",
         "Set the clock; entente retention status says what was compared."),
    Code("unavailable", 503, "node", "The node can't do this now.", "Try again shortly."),
    Code("internal", 500, "node", "Something went wrong inside the node.", "The log has the detail."),
)  # fmt: skip

CODES: Final[dict[str, Code]] = {code.code: code for code in _TABLE}

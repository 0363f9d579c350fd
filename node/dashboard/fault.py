"""What the page of an error says: what happened, and what the reader can do, for every code that there is."""

from typing import Final, NamedTuple

from node.errors import Code


class Words(NamedTuple):
    """Two texts of the interface, by their ids."""

    what: str
    next: str


def _own(code: str, following: str = "") -> Words:
    return Words(f"fault.{code}.text", f"fault.{following or code}.next")


_INVALID: Final = _own("invalid")
_STALE: Final = _own("stale")
_OWN: Final = {code: _own(code) for code in (
    "not-found", "forbidden", "stale", "wrong-state", "invalid", "too-many", "list-expired", "case-damaged", "sealed",
    "approval-needed", "case-blocked", "case-full", "too-large", "internal", "unavailable",
)}  # fmt: skip
"""Codes that have texts of their own."""

TOLD: Final[dict[str, Words]] = _OWN | {
    "own-approval": Words("approvals.own", "fault.own-approval.next"),
    "own-reply": _own("own-reply", "own-approval"),
    "no-coordinator": Words("error.no-coordinator", "fault.forbidden.next"),
    "case-erased": Words("blocked.erased", "blocked.erased.text"),
    "not-owner": _own("wrong-state"),
    "date-differs": _own("wrong-state"),
    "exists": _own("exists", "invalid"),
    "csrf": _STALE,
    "idempotency-mismatch": _STALE,
    "not-signed-in": Words("error.old-form", "fault.stale.next"),
    "wrong-credentials": Words("error.sign-in", "fault.invalid.next"),
    "link-invalid": Words("signin.link.used", "signin.link.used.next"),
    "unknown-area": Words("notice.set-fetched", "fault.unavailable.next"),
    "unknown-authority": Words("error.authority-ended", "fault.invalid.next"),
    "not-competent": Words("error.authority-ended", "fault.invalid.next"),
    "unknown-country": _own("unknown-country", "list-expired"),
    "no-encryption-key": _own("unknown-country", "list-expired"),
    "event-too-large": _own("too-large"),
    "unsupported-media": _own("unsupported-media", "invalid"),
    "directory-frozen": _own("unavailable"),
    # what is wrong with a form's entries is told beside them; these are asked for by an address that nobody is shown
    "unknown-language": _INVALID,
    "method-not-allowed": _INVALID,
    "refused-by-protocol": _INVALID,
    # a peer's list, or an area's version, that a program or a command brings
    "directory-invalid": _INVALID,
    "directory-rollback": _INVALID,
    "directory-fork": _INVALID,
    "area-refused": _INVALID,
    "members-invalid": _INVALID,
    # commands alone make and restore backups
    "backup-place": _INVALID,
    "backup-runs": _INVALID,
    "backup-damaged": _INVALID,
    "backup-foreign": _INVALID,
    "backup-expired": _INVALID,
}
"""Code → what is said of it; what isn't named here is the node's own fault."""

_UNAVAILABLE: Final = 503
_SERVER: Final = 500


def words_of(entry: Code) -> Words:
    """Return what is said of a code; of the node's own faults that it is ours, or that it may be tried again."""
    if told := TOLD.get(entry.code):
        return told
    if entry.status == _UNAVAILABLE or (entry.fault == "node" and entry.status < _SERVER):
        return TOLD["unavailable"]
    return TOLD["internal"]

"""Every code with which one node answers another (SPEC.md section 10).

`final` codes are outcomes of single events in a receipt: the event is void on both sides. All others
are temporary: they travel as `application/problem+json` (RFC 9457), consume no position and sign nothing
(SPEC S-080, S-088).
"""

from dataclasses import dataclass
from typing import Final, Literal

Fault = Literal["sender", "receiver", "nobody"]


@dataclass(frozen=True)
class Problem:
    """One code: `status` is the HTTP status (200 for outcomes inside a receipt)."""

    code: str
    status: int
    final: bool
    fault: Fault
    meaning: str
    hint: str


class ProtocolError(Exception):
    """A refusal with one of the codes of `PROBLEMS`; `detail` never quotes content."""

    def __init__(self, code: str, detail: str = "") -> None:
        """Take a code of `PROBLEMS`."""
        self.problem = PROBLEMS[code]
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}" if detail else code)


def _temporary(code: str, status: int, fault: Fault, meaning: str, hint: str) -> Problem:
    return Problem(code, status, final=False, fault=fault, meaning=meaning, hint=hint)


def _final(code: str, meaning: str, hint: str) -> Problem:
    return Problem(code, 200, final=True, fault="sender", meaning=meaning, hint=hint)


STORED: Final = "stored"

_TABLE: Final = (
    _temporary("malformed", 400, "sender", "The message can't be read.", "Compare it with SPEC.md sections 3 and 4."),
    _temporary("too-large", 413, "sender", "The message is larger than allowed.", "See SPEC.md section 2."),
    _temporary("not-a-member", 403, "sender", "The certificate belongs to no active member.",
               "Compare the certificate with the member list: entente doctor."),
    _temporary("not-the-issuer", 403, "sender", "The issuer isn't the member that sent the message.",
               "A batch travels only over its issuer's own connection."),
    _temporary("wrong-audience", 403, "sender", "The message is addressed to another node.",
               "Check the address of the member in the member list."),
    _temporary("blocked", 403, "sender", "The operator of this node has blocked the sender.",
               "Talk to that node's operator."),
    _temporary("wrong-signature", 400, "sender", "The signature of the batch is wrong.",
               "Check that the key in use is the one in the member list."),
    _temporary("altered", 400, "sender", "The body isn't the one that the batch signed.",
               "Something on the way changed it; the same bytes are sent again."),
    _temporary("unknown-key", 409, "receiver", "The receiver doesn't know the signing key yet.",
               "It fetches the sender's member record and accepts the next attempt."),
    _temporary("gap", 409, "sender", "The batch doesn't follow the last one.",
               "The answer names the expected position; resend from there."),
    _temporary("fork", 409, "sender", "Another batch was received at this position.",
               "Both batches are kept as a proof; the operators have to talk."),
    _temporary("busy", 429, "receiver", "Too many messages at once.", "Wait as long as Retry-After says."),
    _temporary("unavailable", 503, "receiver", "The receiver can't store anything now.",
               "Wait as long as Retry-After says."),
    _temporary("comparing", 503, "receiver", "The receiver has just started and compares its streams first.",
               "Wait as long as Retry-After says."),
    _temporary("epoch-ended", 409, "sender", "A newer epoch of the stream has begun.",
               "Compare the streams; what wasn't received travels in the newer epoch."),
    _temporary("not-found", 404, "sender", "There is no such thing for this member.", "Check the address."),
    _temporary("blob-lost", 404, "sender", "The attachment was lost here too: this node asks the caller for it.",
               "Neither has it: ask no more, and have the file sent again."),
    _final("event-too-large", "The event with its parts is larger than allowed.", "Send less in one message."),
    _final("event-malformed", "The event can't be read.", "The sending node has a defect."),
    _final("event-signature", "The signature of the event is wrong.", "The sending node has a defect."),
    _final("event-key-revoked", "The event is signed with a revoked key.", "Send it again with a valid key."),
    _final("event-issuer", "The event was issued by another member.", "A node sends only its own events."),
    _final("event-audience", "The event isn't addressed to this node.", "Send it to the right node."),
    _final("event-reused-id", "Another event has the same identifier.", "The sending node has a defect."),
    _final("unknown-kind", "The receiver doesn't know this kind of event.", "Its software may be older."),
    _final("part-missing", "A part of the content is missing or unexpected.", "The sending node has a defect."),
    _final("part-unreadable", "A part can't be opened with the receiver's keys.",
           "The sending node used another encryption key."),
    _final("part-commitment", "A part isn't what the event commits to.", "The sending node has a defect."),
    _final("content-malformed", "The content isn't what this kind of event holds.", "The sending node has a defect."),
    _final("unknown-authority", "The receiver has no such active authority.", "Search the directory again."),
    _final("not-competent", "The authority isn't competent in the legal area of the case.", "Choose another authority."),
    _final("unknown-question", "The question set has no such question.", "Use the current question set."),
    _final("wrong-answer-type", "An answer isn't of the type that the question asks for.", "Answer again."),
    _final("content-incomplete", "Something required is missing.", "Fill in what the question set requires."),
    _final("unknown-case", "The receiver has no such case.", "The sending node has a defect."),
    _final("case-exists", "The case exists already.", "The sending node has a defect."),
    _final("case-erased", "The receiver has erased the case.", "Nobody can add to it any more."),
    _final("not-a-party", "The issuer isn't a party to this case.", "The sending node has a defect."),
    _final("not-owner", "It is the other side's turn.", "Wait for the other side, or ask it for the change."),
    _final("wrong-state", "The case is no longer in a state that allows this.", "Read the case again."),
    _final("no-predecessor", "It follows an event that the receiver didn't accept.", "Repeat what was refused first."),
    _final("case-fork", "Another event has the same number in this case.", "Both events are kept as a proof."),
    _final("case-full", "The side has written as many messages in this case as it may.", "Close it, and ask anew."),
    _final("date-differs", "The date agreed isn't the date that was proposed.", "Propose the other date."),
)  # fmt: skip

PROBLEMS: Final[dict[str, Problem]] = {problem.code: problem for problem in _TABLE}

"""What the parts of each kind of event hold (SPEC.md section 6.3).

Two visibility classes: `matter` (who asks whom what, without the person) and `person` (everything that
is about the person: personal variables and answers, free text, attachments; SPEC S-045). Unknown fields are ignored,
so that a newer minor version can add some.
"""

import datetime as dt
import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from protocol.encoding import b64u, canonical_json, strict_object, un_b64u
from protocol.limits import (
    MAX_ATTACHMENTS,
    MAX_BLOB,
    MAX_COLUMNS,
    MAX_NAME,
    MAX_PART,
    MAX_QUESTIONS,
    MAX_ROWS,
    MAX_TEXT,
)
from protocol.problems import ProtocolError

MATTER: Final = "matter"
PERSON: Final = "person"
SEND_KIND: Final = "request.send"
_DAY_FORM: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
CaseId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
Number = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[0-9]{4}-[0-9]{6,9}(/[1-9][0-9]{0,2})?$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$")]


def _day(value: object) -> dt.date:
    if isinstance(value, str) and _DAY_FORM.match(value):
        return dt.date.fromisoformat(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    raise ValueError("a day is written 2026-03-01")


Day = Annotated[dt.date, BeforeValidator(_day)]
"""A day as YYYY-MM-DD and in no other form, so that two readers never disagree."""


class Content(BaseModel):
    """A frozen value of the signed content; field names are those of the JSON."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, extra="ignore", strict=False, defer_build=True)


class Said(Content):
    """Free text in the language it was written in; never translated before it is signed."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]
    lang: Language


class Actor(Content):
    """Who acted for an authority; the name is that of an official, so it is only ever in a part."""

    authority: Id
    name: Name | None = None


class PartyName(Content):
    """An authority with its official name at the time of writing."""

    authority: Id
    name: Name


class Asked(Content):
    """One question that is asked, by its id in the question set; follow-ups come along."""

    item: Id
    comment: Said | None = None


class Cell(Content):
    """A cell of a table: a code, a text with its language, a date, a country, or a name (SPEC S-291)."""

    code: Id | None = None
    text: Name | None = None
    lang: Language | None = None
    date: Day | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    name: Name | None = None


Rows = Annotated[
    tuple[Annotated[dict[Id, Cell], Field(min_length=1, max_length=MAX_COLUMNS)], ...],
    Field(min_length=1, max_length=MAX_ROWS),
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),  # also where it is read strictly
]
"""The rows of a table, each by column; what isn't filled in is left out (SPEC S-291)."""


class Variable(Content):
    """A value for a question's placeholder; exactly the fields of its type are set."""

    code: Id | None = None
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)] | None = None
    lang: Language | None = None
    given_names: Name | None = None
    family_name: Name | None = None
    birth_date: Day | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    name: Name | None = None
    rows: Rows | None = None


class Reply(Content):
    """The answer to one question: a code, a text and its language, a date, a country, a table, or why there is none."""

    code: Id | None = None
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)] | None = None
    lang: Language | None = None
    date: Day | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    rows: Rows | None = None
    absent: Literal["not-known", "not-available"] | None = None
    comment: Said | None = None


class AttachmentRef(Content):
    """A blob that belongs to the event: `sha256` of its ciphertext, `key` to open it, `size` of the plaintext.

    A key opens this blob only (SPEC S-065).
    """

    sha256: Digest
    key: Digest
    size: Annotated[int, Field(strict=True, ge=0, le=MAX_BLOB)]
    name: Name
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]{1,100}$")]

    @property
    def key_bytes(self) -> bytes:
        """The 32 bytes of the key."""
        return un_b64u(self.key)


def _or_nothing(empty: Any) -> BeforeValidator:
    """Read `null` as what is empty (SPEC S-046)."""
    return BeforeValidator(lambda value: empty if value is None else value)


Confidential = Annotated[bool, Field(strict=True)] | None
"""True where the sender asks that what it writes is handled confidentially (SPEC S-261); left out elsewhere."""

Attachments = Annotated[tuple[AttachmentRef, ...], Field(max_length=MAX_ATTACHMENTS), _or_nothing(())]  # SPEC S-069
Variables = Annotated[dict[Id, Variable], Field(max_length=MAX_QUESTIONS), _or_nothing({})]
Replies = Annotated[dict[Id, Reply], Field(max_length=MAX_QUESTIONS), _or_nothing({})]


class SendMatter(Content):
    """`request.send`: the request without the person."""

    number: Number
    part_of: CaseId | None = None
    asking: PartyName
    replying: PartyName
    actor: Actor
    area: Id
    set: Id
    version: Annotated[int, Field(strict=True, ge=1)]
    set_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    questions: Annotated[tuple[Asked, ...], Field(min_length=1, max_length=MAX_QUESTIONS)]
    variables: Variables = Field(default_factory=dict)
    due: Day
    confidential: Confidential = None


class SendPerson(Content):
    """`request.send`: everything about the person."""

    variables: Variables = Field(default_factory=dict)
    comment: Said | None = None
    attachments: Attachments = ()


class ActMatter(Content):
    """Acts that say nothing but who acted: accept, close, agree to a withdrawal, wish one, opened."""

    actor: Actor


class DeclineMatter(ActMatter):
    """`request.decline`: a reason from the area's list."""

    reason: Id


class ForwardMatter(ActMatter):
    """`request.forward`: the authority of the replying country that answers from now on."""

    to: PartyName


class SplitMatter(ActMatter):
    """`request.split`: the questions that another authority of the replying country answers, as the case `part`."""

    to: PartyName
    items: Annotated[tuple[Id, ...], Field(min_length=1, max_length=MAX_QUESTIONS)]
    part: CaseId


class ReferMatter(ActMatter):
    """`request.refer` and `request.escalate`: the coordinator who decides now, of the asking or replying country."""

    to: PartyName


class DateMatter(ActMatter):
    """`date.propose` and `date.agree`."""

    date: Day


class WrittenMatter(ActMatter):
    """What a person writes to the other side: a clarification's question, a message; a reply adds its answers."""

    confidential: Confidential = None


class ReplyMatter(WrittenMatter):
    """`request.reply` and `request.reply-part`: the answers that say nothing about the person."""

    answers: Replies = Field(default_factory=dict)


class ReplyPerson(Content):
    """`request.reply` and `request.reply-part`: the answers about the person, what was written, and files."""

    answers: Replies = Field(default_factory=dict)
    comment: Said | None = None
    attachments: Attachments = ()


class WordPerson(Content):
    """Free text beside an act: a clarification's question, a reason, what is contested or right instead."""

    comment: Said | None = None


class MessagePerson(Content):
    """`note.message`: what is written to the other side beside the procedure, and files; one of the two at least."""

    comment: Said | None = None
    attachments: Attachments = ()


Rate = Annotated[int, Field(strict=True, ge=-1, le=1)]
"""Unsatisfied (-1), neutral (0) or satisfied (1)."""


class RatingMatter(ActMatter):
    """`note.rating`: how timely a reply was, and how much effort was made."""

    timeliness: Rate
    efforts: Rate


class OrderMatter(ActMatter):
    """`erasure.order`: why a case is to be erased before its time."""

    ground: Id


class ErasedMatter(Content):
    """`erasure.done`: the day on which the issuer's node destroyed the key of its copy."""

    date: Day


class ContestMatter(ActMatter):
    """`correction.contest`: which event of the case a person contests, and whether it isn't right or isn't lawful."""

    event: Digest
    ground: Literal["accuracy", "lawfulness"]


class CorrectMatter(ActMatter):
    """`correction.correct`: which event of the case is corrected, and the contest that this answers, if it does."""

    event: Digest
    contest: CaseId | None = None


class SettleMatter(ActMatter):
    """`correction.settle` and `correction.withdraw`: the contest that ends without a correction."""

    contest: CaseId


class BlobMatter(Content):
    """`notice.blob-stored`: the ciphertext digests that the other side now holds."""

    stored: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=MAX_ATTACHMENTS)]


SHAPES: Final[dict[str, tuple[type[Content], type[Content] | None]]] = {
    "request.send": (SendMatter, SendPerson),
    "request.accept": (ActMatter, WordPerson),
    "request.decline": (DeclineMatter, WordPerson),
    "request.withdraw": (ActMatter, WordPerson),
    "request.forward": (ForwardMatter, WordPerson),
    "request.split": (SplitMatter, WordPerson),
    "request.reply": (ReplyMatter, ReplyPerson),
    "request.reply-part": (ReplyMatter, ReplyPerson),
    "request.clarify": (WrittenMatter, WordPerson),
    "request.close": (ActMatter, None),
    "request.refer": (ReferMatter, WordPerson),
    "request.escalate": (ReferMatter, WordPerson),
    "request.uphold": (ActMatter, WordPerson),
    "request.return": (ActMatter, WordPerson),
    "date.propose": (DateMatter, WordPerson),
    "date.agree": (DateMatter, None),
    "wish.withdraw": (ActMatter, WordPerson),
    "note.message": (WrittenMatter, MessagePerson),
    "note.rating": (RatingMatter, None),
    "correction.contest": (ContestMatter, WordPerson),
    "correction.correct": (CorrectMatter, WordPerson),
    "correction.settle": (SettleMatter, WordPerson),
    "correction.withdraw": (SettleMatter, WordPerson),
    "erasure.order": (OrderMatter, None),
    "erasure.done": (ErasedMatter, None),
    "notice.opened": (ActMatter, None),
    "notice.blob-stored": (BlobMatter, None),
}
"""Kind → shape of its `matter` part (always there) and of its `person` part (left out when empty)."""


def chain_of(kind: str) -> str | None:
    """Return the chain that a kind belongs to, `request` or `date`; wishes, notes and notices have none."""
    family = kind.partition(".")[0]
    return family if family in ("request", "date") else None


def write_content(content: Content) -> bytes:
    """Serialise a part's plaintext: canonical JSON without empty fields (SPEC S-046)."""
    return canonical_json(content.model_dump(mode="json", exclude_none=True))


def read_content(kind: str, part: str, plaintext: bytes) -> Content:
    """Parse a part's plaintext; raises `part-missing` or `content-malformed` (SPEC S-044)."""
    shape = dict(zip((MATTER, PERSON), SHAPES[kind], strict=True)).get(part)
    if shape is None:
        raise ProtocolError("part-missing", f"{kind} has no part {part[:20]}")
    try:
        return shape.model_validate(strict_object(plaintext, limit=MAX_PART))
    except ValidationError as error:
        places = sorted(
            {
                ".".join(str(step) for step in e["loc"] if isinstance(step, int) or step in _FIELDS)
                for e in error.errors()
            }
        )
        raise ProtocolError("content-malformed", f"{kind}, part {part}: {', '.join(places)[:200]}") from None
    except ProtocolError as error:
        raise ProtocolError("content-malformed", error.detail) from None


_FIELDS: Final[frozenset[Any]] = frozenset(
    name for model in Content.__subclasses__() + ActMatter.__subclasses__() for name in model.model_fields
)
"""Names that may be quoted in an error: our own, never a key that came with the content."""


def attachment(sealed_sha256: bytes, key: bytes, *, size: int, name: str, media_type: str) -> AttachmentRef:
    """Name a blob in an event's content."""
    return AttachmentRef(sha256=b64u(sealed_sha256), key=b64u(key), size=size, name=name, media_type=media_type)

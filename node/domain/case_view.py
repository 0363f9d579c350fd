"""What a reader sees of a case: the one view that pages and API share.

All texts are already in the reader's language (`Text.lang` says which one it really is: `en` where a
translation is missing). Free text keeps its original and its language (`FreeText`).
"""

import datetime as dt
from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from node.domain.reminders import Mark

Side = Literal["asking", "replying"]
Holder = Literal["us", "them", "nobody"]
Transit = Literal["on-its-way", "applied", "refused", "given-up"]


class View(BaseModel):
    """A frozen value for readers."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Text(View):
    """A text of the interface or of a question set: `lang` is the language it is really in."""

    text: str
    lang: str


class FreeText(View):
    """What a person wrote: never translated in a signed message, shown with its language."""

    text: str
    lang: str


class Party(View):
    """One side of a case: its country (ISO 3166-1 alpha-2) and authority."""

    side: Side
    country: str
    country_name: str
    authority: str
    name: str
    title: Text | None = None


class Choice(View):
    """One entry of an answer list."""

    code: str
    label: Text


class Column(View):
    """A column of a table: its heading, and the answers to choose from where it is of type `code`."""

    id: str
    text: Text
    type: Literal["code", "text", "date", "country", "name"]
    required: bool
    personal: bool
    choices: tuple[Choice, ...] = ()


class Columns(View):
    """What a table takes: its columns, and how many rows at the most."""

    columns: tuple[Column, ...]
    rows: int


class ReadCell(View):
    """A cell as the reader reads it; `code` is the answer's, the country's, or the day as YYYY-MM-DD.

    `lang` is the language that a free text was written in.
    """

    text: str
    lang: str
    code: str | None = None


class Table(View):
    """A table that was filled in: the headings of its columns, and its rows, each cell by column."""

    columns: tuple[Column, ...]
    rows: tuple[dict[str, ReadCell], ...]


class Answer(View):
    """An answer as the reader reads it; `label` for codes and dates, `free` for text as written, `table` for rows.

    `absent` says that there is none, and why: `not-known`, or `not-available`; the label says so in words.
    """

    code: str | None = None
    absent: str | None = None
    label: Text | None = None
    free: FreeText | None = None
    table: Table | None = None
    comment: FreeText | None = None


class Question(View):
    """A question of the case, its follow-ups, and its answer once there is one.

    `depth` counts the levels of nesting; `enable_when` is `(item, codes)` of a follow-up. `takes` is what one of
    type `table` takes.
    """

    id: str
    depth: int
    text: Text
    type: Literal["choice", "text", "date", "country", "table"]
    required: bool
    personal: bool
    choices: tuple[Choice, ...] = ()
    takes: Columns | None = None
    enable_when: tuple[str, tuple[str, ...]] | None = None
    comment: FreeText | None = None
    answer: Answer | None = None


class Variable(View):
    """A value that the asking authority filled in, with its label in the reader's language.

    A table stands in `table`; its `value` is what a sentence says of it.
    """

    id: str
    label: Text
    value: str
    lang: str | None = None
    personal: bool
    table: Table | None = None


class Clarification(View):
    """A clarification asked after a reply, and its answer once there is one."""

    asked: FreeText
    asked_at: datetime
    answered: FreeText | None = None
    answered_at: datetime | None = None


class Handler(View):
    """A person of the reader's own authority who looks after the case, or may."""

    id: str
    name: str


class CasePart(View):
    """A case that some questions of this one became: `case` is its id where the reader may open it.

    `state` is None until the asking side's node has opened it; it says so where this node refused it (SPEC S-234).
    """

    number: str
    case: str | None
    authority: str
    state: Text | None


class Attachment(View):
    """A file of the case: `sha256` is that of the ciphertext; `here` is false until it was fetched.

    `lost`: neither side has it any more, so it never will be.
    """

    sha256: str
    name: str
    media_type: str
    size: int
    side: Side
    here: bool
    lost: bool = False


class Message(View):
    """What one side wrote to the other beside the procedure; `files` are names of attachments of the case."""

    at: datetime
    side: Side
    authority: str
    person: str | None
    text: FreeText | None
    files: tuple[str, ...]
    transit: Transit
    confidential: bool = False


class TimelineEntry(View):
    """Who did what and when; `transit` says whether the other side's receipt is there.

    `detail` is part of the act, such as a date; `comment` the words beside it, which stand nowhere else in the case.
    `confidential`: who wrote it asks that it is handled confidentially.
    """

    at: datetime
    side: Side
    authority: str
    person: str | None
    kind: str
    text: Text
    detail: FreeText | None = None
    comment: FreeText | None = None
    transit: Transit
    refusal: Text | None = None
    confidential: bool = False


class Rating(View):
    """How the asking side rated the reply: each -1 (unsatisfied), 0 or 1 (satisfied)."""

    timeliness: int
    efforts: int


class Due(View):
    """Until when an answer is due: `state` of the dates, and who may move it next."""

    date: date
    state: Literal["asked", "proposed", "agreed"]
    days_left: int
    holder: Holder


Unit = Literal["days", "working-days"]


class Period(View):
    """A period for a reply that begins the day after `since` and ends with `date`: so many `days` of a `unit`.

    Working days are those of `country`; `holidays` are its public holidays from Monday to Friday that don't count.
    """

    date: dt.date
    since: dt.date
    days: int
    unit: Unit
    country: str
    country_name: str
    holidays: tuple[dt.date, ...]


class CaseSummary(View):
    """A line of the work list; `given_up`: our own operator took the request back, so it never happened.

    `passed_on` names the own authority that has the case now, where the reader's had it once: then this line is all
    that there is to read. Of a blocked case it tells number, authorities, area, state and dates to every reader, and
    `question_set` is null. `legal` is the period that the act sets for the reply, if it does; `marks` say what stands
    too long. `handler` is the name of the person who looks after the case at home. `readable`: the reader's roles
    open the case itself.
    """

    id: str
    number: str
    role: Side
    state: str
    state_text: Text
    holder: Holder
    counterpart: Party
    own_authority: str
    area: Text
    question_set: Text | None
    due: Due | None
    legal: Period | None = None
    marks: tuple[Mark, ...] = ()
    updated_at: datetime
    on_its_way: bool
    unread: bool
    given_up: bool = False
    passed_on: str | None = None
    handler: str | None = None
    readable: bool = True
    confidential: bool = False


class CaseOutline(View):
    """All that an observer sees of a case: no text, no person, nobody of the other country, and no way into it.

    `authority` is the observed one that has the case now; `sent_at` is when the case came to be here.
    """

    number: str
    role: Side
    state: str
    state_text: Text
    authority: str
    authority_name: str
    country: str
    country_name: str
    area: Text
    due: date
    sent_at: datetime
    updated_at: datetime
    closed_at: datetime | None


class CorrectionEntry(View):
    """What was said of a contest or correction, by whom; `transit` is `refused` where the other side didn't take it."""

    kind: str
    text: Text
    at: datetime
    side: Side
    authority: str
    person: str | None
    said: FreeText | None
    transit: Transit
    refusal: Text | None


class Correction(View):
    """A contest of what was said, or a correction of it, with all that was said of it; the data stay as they are.

    `id` is what an answer names; `event` is the digest of the event that it is about. `open`: it was taken by both
    sides and nobody has answered it.
    """

    id: str
    event: str
    about: Text
    about_at: datetime | None
    about_side: Side | None
    ground: Text | None
    state: Literal["contested", "corrected", "settled", "withdrawn"]
    state_text: Text
    open: bool
    entries: tuple[CorrectionEntry, ...]


class CaseView(View):
    """A case as its reader sees it; `actions` are the use cases this reader may start now.

    `confidential`: something in it is to be handled confidentially; the messages and the history say what.
    `blocked`: its data are, and the reader has given a reason to see them.
    """

    id: str
    number: str
    role: Side
    state: str
    state_text: Text
    holder: Holder
    holder_text: Text
    asking: Party
    replying: Party
    area: Text
    area_id: str
    question_set: Text
    question_set_id: str
    question_set_here: bool
    due: Due | None
    legal: Period | None = None
    variables: tuple[Variable, ...]
    questions: tuple[Question, ...]
    comment: FreeText | None
    reason: FreeText | None
    clarifications: tuple[Clarification, ...]
    parts: tuple[CasePart, ...]
    part_of: CasePart | None
    handler: Handler | None
    messages: tuple[Message, ...]
    attachments: tuple[Attachment, ...]
    timeline: tuple[TimelineEntry, ...]
    notices: tuple[Text, ...]
    actions: tuple[str, ...]
    waiting_since: datetime | None
    blocked: bool = False
    draft_reply: dict[str, str] | None = None
    confidential: bool = False
    rating: Rating | None = None
    corrections: tuple[Correction, ...] = ()

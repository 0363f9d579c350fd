"""The case of the demo's story of retention: what is asked and answered, and what of it is personal."""

import datetime as dt
from typing import Final

from node.cli.demo_story import diploma
from node.domain.draft import ReplyDraft, RequestDraft
from protocol.content import Reply, Said, Variable

AREA: Final = "professional-qualifications"
OURS: Final = "DE-zaek-berlin"
THEIRS: Final = "HU-okfo"
FILE_NAME: Final = "eszter-borbala-oklevele.pdf"
FILE: Final = diploma()
FILE_PIECES: Final = tuple(FILE[at : at + 32] for at in range(0, len(FILE) - 32, 64))
"""Pieces of the attachment, so that a part of it is found too."""
COMMENT: Final = "Die Antragstellerin möchte sich in Pankow niederlassen."
REASON: Final = "Beweis vor dem Verwaltungsgericht, VG 12 K 34.20."
"""Why Berlin sees the blocked data."""
_ANSWER: Final = "2015 óta szerepel az alapnyilvántartásban."
_GIVEN, _FAMILY, _BORN = "Eszter Borbála", "Példafalvi", dt.date(1991, 4, 17)
TEXTS: Final = (_GIVEN, _FAMILY, _BORN.isoformat(), FILE_NAME, COMMENT, _ANSWER, REASON)
"""What is personal in the case: it may be nowhere in the clear, and nowhere at all in the end."""


def request(today: dt.date) -> RequestDraft:
    """Return the request of the Berlin chamber, without its attachment."""
    return RequestDraft(
        authority=OURS,
        country="HU",
        to=THEIRS,
        area=AREA,
        set="establishment",
        questions=("evidence-holder", "registration-status", "sanctions"),
        variables={
            "person": Variable(given_names=_GIVEN, family_name=_FAMILY, birth_date=_BORN),
            "profession": Variable(code="dental-practitioner"),
            "title": Variable(text="fogorvos (doctor medicinae dentariae)", lang="hu"),
            "document": Variable(name=FILE_NAME),
        },
        due=today + dt.timedelta(days=21),
        comment=Said(text=COMMENT, lang="de"),
    )


def reply() -> ReplyDraft:
    """Return the reply of the Hungarian register."""
    comment = Said(text=_ANSWER, lang="hu")
    return ReplyDraft(
        answers={
            "evidence-holder": Reply(code="yes"),
            "registration-status": Reply(code="registered", comment=comment),
            "sanctions": Reply(code="no"),
        }
    )

"""Contests and corrections of a case in a reader's language, beside the data that they are about."""

from collections.abc import Iterator, Sequence

from node.clock import unstamp
from node.domain.case_view import Correction, CorrectionEntry, Text
from node.service.case_texts import Story, said
from node.service.contents import Stored
from protocol.content import ContestMatter, CorrectMatter, SettleMatter, WordPerson
from protocol.correction import CONTEST, CORRECT, KINDS, Noted, state_of


def corrections(story: Story) -> tuple[Correction, ...]:
    """Return what was contested and corrected in a case, in this node's order.

    What the other side refused stands in it too: that data are contested is recorded here all the same (SPEC S-285).
    """
    return tuple(_corrections(story))


def _corrections(story: Story) -> Iterator[Correction]:
    found = [stored for stored in story.events if stored.kind in KINDS]
    for stored in found:
        if stored.kind == CONTEST or (stored.kind == CORRECT and _contest(stored) is None):
            jti = stored.event.claims.jti
            yield _correction(story, stored, [one for one in found if _contest(one) == jti])


def _contest(stored: Stored) -> str | None:
    return stored.matter.contest if isinstance(stored.matter, CorrectMatter | SettleMatter) else None


def _correction(story: Story, first: Stored, answers: Sequence[Stored]) -> Correction:
    assert isinstance(first.matter, ContestMatter | CorrectMatter)
    claims, digest, texts = first.event.claims, first.matter.event, story.texts
    about = next((one for one in story.events if one.event.name == digest), None)
    noted = [Noted(one.kind, one.event.claims.iss, one.event.claims.jti, one.matter) for one in answers]
    state = state_of(claims.jti, noted) if first.kind == CONTEST else "corrected"
    matter = first.matter
    ground = texts.interface(f"correction.ground.{matter.ground}") if isinstance(matter, ContestMatter) else None
    return Correction(
        id=claims.jti,
        event=digest,
        about=story.what(about) if about else Text(text=digest, lang=""),
        about_at=unstamp(about.at) if about else None,
        about_side=story.case.side_of(about.event.claims.iss) if about else None,
        ground=ground,
        state=state,
        state_text=texts.interface(f"correction.state.{state}"),
        open=state == "contested" and first.status != "refused",
        entries=tuple(_entry(story, one) for one in (first, *answers)),
    )


def _entry(story: Story, stored: Stored) -> CorrectionEntry:
    word = stored.person.comment if isinstance(stored.person, WordPerson) else None
    return CorrectionEntry(
        **story.act(stored),
        kind=stored.kind,
        text=story.texts.interface(f"event.{stored.kind}"),
        said=said(word),
        refusal=story.texts.refusal(stored.code) if stored.code else None,
    )

"""Blocked cases: nobody sees their data but who says why, and every sight is logged (Article 14(3))."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal, get_args

from node.clock import new_uuid, stamp, unstamp
from node.domain.access import Actor
from node.domain.case_view import Text, View
from node.domain.retention import decide
from node.errors import NodeError
from node.service.case_texts import CaseTexts
from node.service.list_place import next_of, place_from
from node.service.node import Node
from node.service.retention import UNKNOWN, rule_of
from node.store import audit, cases, erasures, retention, sights
from node.store.tx import Row, Tx
from protocol.limits import MAX_NAME

Ground = Literal["proof", "consent", "public-interest", "claim"]
"""To prove an exchange, with the person's consent, for an overriding reason of public interest (Article 14(3)), or to
answer a claim of the person itself (Article 19)."""
GROUNDS: Final[tuple[Ground, ...]] = get_args(Ground)

SIGHT_MINUTES: Final = 30
"""How long a person sees a blocked case after giving a reason."""
MAX_REASON: Final = MAX_NAME


class BlockedCase(View):
    """All that is shown of a blocked case: its number and area, and since when; `erased` where its data are deleted."""

    id: str
    number: str
    area: Text
    closed_on: date | None
    blocked_since: date
    delete_on: date | None
    erased: bool
    erased_there: date | None


@dataclass(frozen=True)
class Sight:
    """Who saw which blocked case when, on which ground and why; no reason once the case is erased."""

    number: str
    person: str
    ground: Ground
    reason: str | None
    at: datetime


def is_blocked(node: Node, case_id: str) -> bool:
    """Say whether the data of a case are blocked."""
    return node.store.read_now(lambda q: retention.blocked_since(q, case_id)) is not None


def require_sight(node: Node, actor: Actor, row: Row, what: str) -> None:
    """Raise `case-erased`, or `case-blocked`: but for reading, by an actor who has given a reason a while ago."""
    if _is_erased(node, row):
        raise NodeError("case-erased")
    if what != "cases.read":
        raise NodeError("case-blocked", "Nothing is done in a case whose data are blocked.")
    if seen_until(node, actor, row["id"]) is None:
        raise NodeError("case-blocked")


def _is_erased(node: Node, row: Row) -> bool:
    return row["erased_at"] is not None or node.store.read_now(lambda q: erasures.find(q, row["id"])) is not None


def seen_until(node: Node, actor: Actor, case_id: str) -> datetime | None:
    """Return until when the actor sees a blocked case."""
    found = node.store.read_now(lambda q: sights.until(q, case_id, actor.id, node.clock.now()))
    return unstamp(found) if found else None


def _row(node: Node, actor: Actor, case_id: str, what: str) -> Row:
    actor.require(what)
    row = node.store.read_now(lambda q: cases.row_of(q, case_id))
    if row is None:
        raise NodeError("not-found")
    actor.require(what, row["own_authority"], row["area"])
    return row


def blocked_case(node: Node, actor: Actor, case_id: str, lang: str) -> BlockedCase:
    """Return what may be shown of a blocked case to who may see that it exists; else `not-found`."""
    row = _row(node, actor, case_id, "cases.list")
    if row["blocked_at"] is None:
        raise NodeError("not-found")
    closed = unstamp(row["closed_at"]).date() if row["closed_at"] else None
    rule = rule_of(node, row["area"])
    return BlockedCase(
        id=row["id"],
        number=row["number"],
        area=CaseTexts(node, lang).area_title(row["area"]),
        closed_on=closed,
        blocked_since=unstamp(row["blocked_at"]).date(),
        delete_on=decide(closed, rule, closed).delete_on if closed and rule is not UNKNOWN else None,
        erased=_is_erased(node, row),
        erased_there=unstamp(row["erased_there_at"]).date() if row["erased_there_at"] else None,
    )


def may_see(node: Node, actor: Actor, case_id: str) -> bool:
    """Say whether the actor may see the case with a reason."""
    try:
        _row(node, actor, case_id, "cases.see-blocked")
    except NodeError:
        return False
    return True


async def see(node: Node, actor: Actor, case_id: str, ground: str, reason: str) -> datetime:
    """Let the actor see a blocked case for a while; the ground and who it was go to the audit trail first.

    Returns until when. Raises `invalid` without a ground or a reason, `case-erased`, `wrong-state` where it isn't
    blocked.
    """
    row = _row(node, actor, case_id, "cases.see-blocked")
    if row["blocked_at"] is None:
        raise NodeError("wrong-state", "The case isn't blocked.")
    if _is_erased(node, row):
        raise NodeError("case-erased")
    words = reason.strip()
    faults = {} if ground in GROUNDS else {"ground": "not-in-list"}
    if not words or len(words) > MAX_REASON:
        faults["reason"] = "too-long" if words else "missing"
    if faults:
        raise NodeError("invalid", "A ground and a reason are needed.", fields=faults)
    sight_id, until = new_uuid(node.entropy), node.clock.now() + timedelta(minutes=SIGHT_MINUTES)
    sealed = node.case_keys.seal(node.case_keys.find(case_id), words.encode(), sight_id)

    def work(tx: Tx) -> None:
        values = {"id": sight_id, "case_id": case_id, "authority": row["own_authority"], "person": actor.id}
        sights.add(tx, {**values, "ground": ground, "reason": sealed, "until": stamp(until)})
        audit.append(tx, actor.id, "case.see-blocked", case_id, ground)

    await node.store.write(work)
    return until


def seen_by(node: Node, actor: Actor, limit: int = 50, after: str = "") -> tuple[list[Sight], str | None]:
    """Return who saw blocked data of the actor's authorities, the latest first, and where the list goes on."""
    actor.require("protection.read")
    places, place = sorted(actor.places("protection.read")), place_from(after)
    rows = node.store.read_now(lambda q: sights.listing(q, places, limit + 1, place))
    return [_sight(node, row) for row in rows[:limit]], next_of(rows, limit, "at")


def _sight(node: Node, row: Row) -> Sight:
    try:
        key = node.case_keys.find(row["case_id"])
        reason = node.case_keys.open(key, bytes(row["reason"]), row["id"]).decode()
    except NodeError:
        reason = None
    return Sight(row["number"], row["name"] or row["person"], row["ground"], reason, unstamp(row["at"]))

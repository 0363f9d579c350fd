"""Comparing with one peer after a start, and fetching back from it what this node has lost (SPEC.md section 4.6)."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, NoReturn

import structlog

from node.delivery.call import Call, Line, LineError
from node.delivery.incoming import STREAMS
from node.delivery.refused import OK, RefusedError, refused
from node.errors import NodeError
from node.service import compare, recover, versions
from node.service.contents import DAMAGED
from node.service.node import Node
from node.service.past import PastBatch, checked
from node.store import peers, recoveries, streams
from protocol.batch import Head
from protocol.history import Told, parse_page, read_told
from protocol.limits import MAX_HISTORY_PAGE
from protocol.problems import ProtocolError

log: Final = structlog.get_logger("entente.comparer")
_PATIENCE_S: Final = 10.0
_LATER_S: Final = 60.0
"""Seconds until the next attempt where only the operators can help."""


class OpenBatchError(RefusedError):
    """What came back follows a batch of the peer that was taken in, and whose receipt was lost (SPEC S-128).

    `digest` is that of the batch, which must be taken in again before anything else comes back.
    """

    def __init__(self, digest: str) -> None:
        """Take the only batch that may be taken in."""
        super().__init__("comparing", None)
        self.digest = digest


async def ask(node: Node, peer: str, line: Line) -> Told:
    """Ask a peer how far it is with us, and note which versions of our own documents it knows."""
    answer = await line.send(Call("GET", STREAMS + node.country))
    if answer.status != OK:
        raise refused(answer)
    try:
        told = read_told(answer.body)
    except ProtocolError as error:
        raise RefusedError(error.code, None) from None
    await compare.note(node, peer, told)
    return told


async def ask_all(node: Node, line_to: Callable[[str], Line], *, unasked: bool = False) -> None:
    """Ask every other active member once, side by side, within seconds.

    For commands that publish: what a peer knows of this node must not be signed a second time (SPEC S-133). With
    `unasked` the operator says that none needs to have answered.
    """

    async def one(peer: str) -> bool:
        line = line_to(peer)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await ask(node, peer, line)
        except (LineError, RefusedError, TimeoutError):
            return False
        finally:
            await line.close()
        return True

    others = sorted(node.members.active_countries() - {node.country}) if node.members else []
    answered = sum(await asyncio.gather(*(one(peer) for peer in others)))
    node.asked = lambda: unasked or answered > 0 or not others
    neighbours = len(versions.neighbours(node))
    node.all_asked = lambda: unasked or answered == neighbours
    node.half_asked = lambda: unasked or not neighbours or 2 * answered > neighbours


async def compare_with(node: Node, peer: str, line: Line, *, first: bool) -> Told:
    """Compare both streams with a peer and fetch back what is missing here; on return nothing is.

    Where the `first` comparison since the start finds the peer behind, both may have lost the same day.
    Raises `RefusedError` (`stream-diverged`, `history-refused`, `case-damaged`), `LineError`. Each page is one
    transaction, so whatever interrupts this, the next call goes on from there.
    """
    told = await ask(node, peer, line)
    while "behind" in _verdicts(node, peer, told):
        await _fetch_back(node, peer, line, told)
        told = await ask(node, peer, line)
    note = node.store.read_now(lambda q: recoveries.unfinished(q, peer))
    if note is not None:
        _tell(await recover.finish(node, peer, int(note["seq"])))
    if first and "ahead" in _verdicts(node, peer, told):
        await recover.skip_numbers(node, peer)
    await node.store.write(lambda tx: peers.reached(tx, peer, None))
    return told


def _verdicts(node: Node, peer: str, told: Told) -> tuple[str, str]:
    found = compare.judge(node, peer, told)
    if "diverged" in found:
        log.error("stream-diverged", peer=peer, ours=found[0], theirs=found[1], hint="docs/operating.md")
        raise RefusedError("stream-diverged", _LATER_S)
    if "ahead" in found and "behind" not in found:
        log.warning("peer-behind", peer=peer, ours=found[0], theirs=found[1], hint="it fetches back from here")
    if "behind" in found and told.receipted is None:  # an older node, which can't give anything back
        raise RefusedError("restored-from-old-disk", _LATER_S)
    return found


async def _fetch_back(node: Node, peer: str, line: Line, told: Told) -> None:
    """Take one page of each stream that is behind."""
    verdicts = compare.judge(node, peer, told)
    own, theirs = node.store.read_now(
        lambda q: (streams.receipted_head(q, node.country, peer), streams.head(q, peer, node.country))
    )
    gap = recover.Gap((own, told.ours), (theirs, told.receipted or theirs))
    note = await recover.begin(node, peer, gap)
    if node.store.read_now(lambda q: recoveries.is_new(q, note)):
        log.warning("loss-found", peer=peer, own=f"{own.epoch}/{own.next}", theirs=f"{theirs.epoch}/{theirs.next}")
    try:
        # also the receipt of the batch that was open when the disk was copied: the peer's answers to it follow it
        ours = await _page(node, line, (node.country, peer), own) if told.ours != own and verdicts[0] != "ahead" else []
        other = await _page(node, line, (peer, node.country), theirs) if verdicts[1] == "behind" else []
        await recover.take(node, peer, note, ours, other)
    except recover.NoOrderError as error:
        if told.sealed is None or told.sealed.last is None or told.sealed == told.receipted or verdicts[1] == "behind":
            await _refuse(node, peer, note, error)
        raise OpenBatchError(told.sealed.last) from None
    except (ProtocolError, NodeError) as error:
        code = error.code
        if code in ("stale", "unknown-key"):
            raise RefusedError(code, None) from None
        await _refuse(node, peer, note, error)


async def _refuse(node: Node, peer: str, note: int, error: Exception) -> NoReturn:
    told_as = DAMAGED if getattr(error, "code", "") == DAMAGED else "history-refused"
    reason = str(error)
    log.error(told_as, peer=peer, reason=reason[:300])
    await node.store.write(lambda tx: recoveries.refuse(tx, note, reason))
    raise RefusedError(told_as, _LATER_S) from None


async def _page(node: Node, line: Line, stream: tuple[str, str], head: Head) -> list[PastBatch]:
    iss, aud = stream
    asked = Call("GET", f"{STREAMS}{iss}/{head.epoch}", {"from": str(head.next)}, longest=MAX_HISTORY_PAGE)
    answer = await line.send(asked)
    if answer.status != OK:
        raise refused(answer)
    page = parse_page(answer.body)
    if not page.entries:
        raise ProtocolError("gap", "the peer gives nothing back")
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, checked, node, iss, aud, head, page)


def _tell(row: Any) -> None:
    log.warning(
        "loss-mended",
        peer=row["peer"],
        batches=row["batches"],
        events=row["events"],
        first=row["first_at"],
        last=row["last_at"],
        taken_back=row["voided"],
        numbers_left_out=row["numbers"],
    )

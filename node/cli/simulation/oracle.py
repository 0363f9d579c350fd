"""What must hold, judged from outside the nodes: the oracle remembers what was promised and looks at what is there.

After each commit it compares a node with everything that it has seen of it before; at the end it compares the
nodes with each other and with what the officials were told.
"""

import asyncio
import itertools
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from node.cli.simulation.life import Ended, Life
from node.cli.simulation.loop import EndlessError
from node.cli.simulation.losses import Losses
from node.cli.simulation.protection import Erased, unerased
from node.cli.simulation.seen import Seen
from node.cli.simulation.shared import shared, stream
from node.delivery.call import Answer
from node.errors import NodeError
from node.service.node import Node
from node.service.verification import check_node
from node.store import fates, member_documents, streams
from node.store.tx import Read, Row
from protocol.batch import parse_batch
from protocol.member_suspension import is_suspension
from protocol.receipt import parse_receipt
from protocol.request import REPLY_PART, SPLIT

PERSONAL: Final = "Nur-für-die-Akte"
"""Stands in every personal text of a simulation: it may be nowhere but inside encrypted parts."""
STATE_AFTER: Final = {
    "request.send": "sent",
    "request.accept": "accepted",
    "request.decline": "declined",
    "request.withdraw": "withdrawn",
    "request.forward": "sent",
    "request.reply": "replied",
    "request.clarify": "clarifying",
    "request.refer": "referred",
    "request.escalate": "escalated",
    "request.uphold": "upheld",
    "request.return": "clarifying",
    "request.close": "closed",
}
"""The last event of a case that moves it says its state: written down here apart from the nodes' own table."""
_STAYING: Final = (SPLIT, REPLY_PART)
_MOST: Final = 20
_CHAINS: Final = ("request", "date")
Held = Mapping[str, tuple[object, ...]]


@dataclass(frozen=True)
class Violation:
    """Something that must never be: which invariant, where, when in virtual seconds, and what was found."""

    invariant: str
    country: str
    at: float
    found: str


@dataclass
class Attempt:
    """Something that an official tried; `expected` events if it was done. `told` None: nobody knows."""

    name: str
    country: str
    kind: str
    expected: int = 1
    told: bool | None = None


@dataclass
class Oracle:
    """Notes what is promised, and says where it isn't kept. `honest` are the countries that keep to the rules."""

    honest: Collection[str]
    violations: list[Violation] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    attempts: list[Attempt] = field(default_factory=list)
    erased: Erased = field(default_factory=Erased)
    seen: dict[str, Seen] = field(default_factory=dict)
    sent: dict[tuple[str, str, int, int], str] = field(default_factory=dict)
    misled: set[tuple[str, str]] = field(default_factory=set)
    losses: Losses = field(default_factory=Losses)
    numbers: dict[tuple[str, str], str] = field(default_factory=dict)

    def must(self, holds: bool, invariant: str, country: str, found: object = "") -> None:
        """Count a check, and note a violation where it fails."""
        self.checked[invariant] += 1
        if not holds and len(self.violations) < _MOST:
            at = asyncio.get_running_loop().time()
            self.violations.append(Violation(invariant, country, round(at, 3), str(found)[:500]))

    def endless(self, error: EndlessError) -> None:
        """Note that the story didn't come to its end."""
        self.violations.append(Violation("does-not-end", "", round(error.at, 3), str(error)))

    # --- after each step ---

    def written(self, life: Life, q: Read) -> None:
        """Look at a node after a commit, where something that counts has changed.

        That is asked through the connection that wrote: it has what it wrote in memory, another one reads the file.
        """
        if life.country not in self.honest:
            return
        seen = self.seen.setdefault(life.country, Seen())
        now = fates.mark(q)
        if now != seen.mark:
            seen.mark = now
            self.look(life)

    def look(self, life: Life) -> None:
        """Compare a node with all that was seen of it before; also after each restart."""
        if life.country not in self.honest:
            return
        country, store = life.country, life.node.store
        seen = self.seen.setdefault(country, Seen())
        events, cases = store.read_now(fates.events), store.read_now(fates.cases)
        moved = self._events(country, seen, events)
        self.losses.look(country, {c: each.events for c, each in self.seen.items()})
        if moved or cases != seen.cases:  # else it was checked already
            seen.cases = cases
            self._cases(country, seen)
        self.erased.look(life)
        heads = store.read_now(fates.heads)
        back = {way: (at, heads.get(way)) for way, at in seen.heads.items() if heads.get(way, (0, 0)) < at}
        self.must(not back, "position-lost", country, back)
        seen.heads = heads
        self._versions(country, seen, life.node)
        accused = [proof for proof in store.read_now(fates.proofs) if proof[0] in self.honest]
        self.must(not accused, "honest-accused", country, accused)

    def _events(self, country: str, seen: Seen, found: list[fates.EventFate]) -> bool:
        """Compare a node's events with those that were seen before; returns whether there is any difference."""
        now = {event.jti: event for event in found}
        moved = [jti for jti, before in seen.events.items() if now.get(jti) != before]
        for invariant in ("event-lost", "applied-undone"):
            self.checked[invariant] += len(seen.events) - len(moved)
        for jti in moved:
            before, after = seen.events[jti], now.get(jti)
            self.must(after is not None, "event-lost", country, before)
            settled = after is None or before.status in (after.status, "on-its-way")
            self.must(settled, "applied-undone", country, f"{before} became {after}")
            if before.actor is not None:  # which goes with the data of an erased case
                self.losses.actors[jti] = before.actor
        grown = len(now) > len(seen.events)
        seen.events = now
        return grown or bool(moved)

    def _cases(self, country: str, seen: Seen) -> None:
        reached: dict[tuple[str, str], int] = {}
        last: dict[str, tuple[int, bool, str]] = {}
        for event in seen.events.values():
            chain = event.kind.partition(".")[0]
            if chain == "request" and event.n is not None and event.status != "refused" and event.kind not in _STAYING:
                # what came back goes before what is being taken back
                this = (event.n, event.status == "applied", event.kind)
                last[event.case_id] = max(last.get(event.case_id, (0, False, "")), this)
            if event.status == "applied" and event.n is not None and chain in _CHAINS:
                place = (event.case_id, chain)
                reached[place] = max(reached.get(place, 0), event.n)
        for case in seen.cases:
            self._number(country, case)
            if case["counterpart"] not in self.honest:  # it may have refused what it then went on with
                continue
            meant = STATE_AFTER.get(last.get(case["id"], (0, False, ""))[2], "refused")
            self.must(case["state"] == meant, "state-without-event", country, f"{case['number']}: {case['state']}")
            for chain, n in (("request", case["n"]), ("date", case["date_n"])):
                least = reached.get((case["id"], chain), 0)
                gone = case["bare"] and chain == "date"  # which the signed words don't tell to an old disk
                self.must(gone or n >= least, "applied-undone", country, f"{case['number']}: {chain} {n} after {least}")

    def _number(self, country: str, case: Row) -> None:
        """Check that an own case's number was never another case's, not even on a disk that is gone."""
        if case["role"] == "asking":
            first = self.numbers.setdefault((country, case["number"]), case["id"])
            self.must(first == case["id"], "number-reused", country, case["number"])

    def _versions(self, country: str, seen: Seen, node: Node) -> None:
        now = {f"directory {c}": version for c, version in node.store.read_now(fates.directories).items()}
        now |= node.store.read_now(member_documents.versions)
        before = {name: version for name, version in seen.versions.items() if name in now or not is_suspension(name)}
        back = {name: (version, now.get(name)) for name, version in before.items() if now.get(name, 0) < version}
        self.must(not back, "rollback-accepted", country, back)
        seen.versions = now

    # --- what leaves a node ---

    def leaves(self, country: str, data: bytes) -> None:
        """Look at bytes that a node sends: no personal text in the clear."""
        self.must(PERSONAL.encode() not in data, "secret-in-the-clear", country, "on the way")

    def batch_sent(self, country: str, peer: str, data: bytes) -> None:
        """Note a batch that an honest node sends: never another one at the same position."""
        batch = parse_batch(data)
        place = (country, peer, batch.claims.epoch, batch.claims.first)
        before = self.sent.setdefault(place, batch.sha256)
        self.must(before == batch.sha256, "honest-forks", country, place[1:])

    def released(self, life: Life, answer: Answer) -> None:
        """Check at the moment a receipt leaves a node that another connection finds it on disk."""
        claims = parse_receipt(answer.body).claims
        row = life.node.store.read_now(
            lambda q: streams.batch_over(q, claims.aud, claims.iss, claims.epoch, claims.first)
        )
        held = {(row["digest"], row["receipt"]), (row["digest"], row["again"])} if row is not None else set()
        said = (claims.batch_sha256, answer.body.decode("ascii"))
        self.must(said in held, "receipt-not-durable", life.country, f"{claims.aud} {claims.epoch}/{claims.first}")
        members = life.node.members
        standing = members.standing(claims.aud) if members else None
        known = standing is not None and standing.status == "active"
        self.must(known, "receipt-to-no-member", life.country, f"{claims.aud}: {standing}")
        place = (claims.aud, claims.epoch, claims.first)
        before = self.seen.setdefault(life.country, Seen()).released.setdefault(place, said)
        signed_again = row is not None and row["again"] == said[1] and row["receipt"] == before[1]
        self.must(before == said or signed_again, "receipt-differs", life.country, place)

    def told(self, country: str, peer: str, *, altered: bool) -> None:
        """Note an answer of a peer about its streams with a country, which alone isn't signed."""
        (self.misled.add if altered else self.misled.discard)((country, peer))

    def is_misled(self, country: str, peer: str) -> bool:
        """Say whether two streams may well seem to contradict each other: one side lies, or was misheard."""
        return not {country, peer} <= set(self.honest) or (country, peer) in self.misled

    # --- what officials are told ---

    def trying(self, country: str, kind: str, expected: int = 1) -> Attempt:
        """Note that an official begins something; its name is the actor's id."""
        attempt = Attempt(f"{country}#{len(self.attempts)}", country, kind, expected)
        self.attempts.append(attempt)
        return attempt

    def outcome(self, life: Life, kind: str, ended: Ended[Any]) -> str:
        """Say in a word how work inside a node ended; an error that nobody is told properly is a violation."""
        error = ended.error
        if isinstance(error, NodeError):
            return error.code
        if isinstance(error, sqlite3.OperationalError) and life.full:
            return "full"
        self.must(error is None, "internal-error", life.country, f"{kind}: {error!r}")
        if error is not None:
            return "internal"
        return "unknown" if ended.unknown else "done"

    def lost_disk(self, country: str) -> None:
        """Forget what was on a disk that is gone; what others still have must come back, all else may not."""
        self.losses.disk_gone(country, self.seen[country].events)
        self.erased.lost_disk(country)
        self.sent = {place: digest for place, digest in self.sent.items() if place[0] != country}
        self.seen[country] = Seen()

    # --- at the end ---

    def drained(self, lives: Collection[Life]) -> bool:
        """Say whether nothing waits between honest nodes any more, and everything that was lost has come back."""
        mine = {life.country: life for life in lives if life.country in self.honest}
        return not any(self._waiting(life) or self._outstanding(life, mine) for life in mine.values())

    def _waiting(self, life: Life) -> list[str]:
        members, store = life.node.members, life.node.store
        if members is None:
            return ["no member list"]
        peers = {c for c in self.honest if members.active(c)} if members.active(life.country) else set()
        found = [f"{count} for {peer}" for peer, count in store.read_now(fates.queued).items() if peer in peers]
        files = store.read_now(fates.missing_files)
        away = peers - {life.country}  # an own file without a draft or message is what a crash left of one
        found += [f"to erase: {one}" for one in unerased(life)]
        return found + [f"file of {origin}: {failure}" for origin, failure in files if origin in away]

    def end(self, lives: dict[str, Life], judged: Collection[str]) -> None:
        """Check all nodes when the faults are over; `judged` are verified from their signed bytes as well."""
        mine = {country: life for country, life in sorted(lives.items()) if country in self.honest}
        for country, life in mine.items():
            self.look(life)
            waiting = self._waiting(life)
            self.must(not waiting, "not-drained", country, waiting)
            self._kept_receipts(life)
            readable = self.erased.judge(life)
            self.must(not readable, "erased-still-there", country, readable[:3])
            if country in judged:
                findings = check_node(life.node)
                self.must(not findings, "verify", country, findings[:3])
            self._attempts(country)
            kept = [
                sha for origin, sha in life.node.store.read_now(fates.lost_files) if _has_file(mine.get(origin), sha)
            ]
            self.must(not kept, "file-given-up", country, kept)
            owed = self._outstanding(life, mine)
            self.must(not owed, "not-given-back", country, owed[:3])
        held = {country: shared(life) for country, life in mine.items()}
        for one, other in itertools.combinations(mine.values(), 2):
            ours, theirs = held[one.country].get(other.country, {}), held[other.country].get(one.country, {})
            self._agree(one, other, ours, theirs)
            self._same_streams(one, other)

    def _kept_receipts(self, life: Life) -> None:
        kept = life.node.store.read_now(lambda q: fates.receipts(q, life.country))
        released = self.seen[life.country].released if life.country in self.seen else {}
        gone = [place for place, said in released.items() if said not in kept.get(place, ())]
        self.must(not gone, "receipt-lost", life.country, gone)

    def _attempts(self, country: str) -> None:
        actors, lost = self.losses.actors, self.losses.missing_acts(country)
        own = [event for event in self.seen[country].events.values() if event.iss == country]
        made = Counter(event.actor or actors.get(event.jti) for event in own)
        for attempt in self.attempts:
            if attempt.country != country:
                continue
            count = made[attempt.name]
            if attempt.name in lost:
                self.must(count <= attempt.expected, "done-twice", country, f"{attempt}: {count}")
            elif attempt.told is None:
                self.must(count in (0, attempt.expected), "done-by-halves", country, f"{attempt}: {count}")
            elif attempt.told:
                self.must(count >= attempt.expected, "acknowledged-lost", country, f"{attempt}: {count}")
                self.must(count <= attempt.expected, "done-twice", country, f"{attempt}: {count}")
            else:
                self.must(count == 0, "refused-and-done", country, f"{attempt}: {count}")

    def _outstanding(self, life: Life, lives: Collection[str]) -> list[fates.EventFate]:
        """Return what a node has lost and another one, to which it is connected, still has."""
        members = life.node.members
        active = [c for c in lives if members is not None and members.active(c) and members.active(life.country)]
        return self.losses.outstanding(life.country, {c: each.events for c, each in self.seen.items()}, active)

    def _same_streams(self, one: Life, other: Life) -> None:
        """Check that two nodes are equally far in both streams between them, and hold the same receipts."""
        members = one.node.members
        if members is None or not (members.active(one.country) and members.active(other.country)):
            return
        for sender, receiver in ((one, other), (other, one)):
            pair = f"{sender.country}-{receiver.country}"
            (sent, got), (taken, given) = (stream(life, sender, receiver) for life in (sender, receiver))
            waits = sent.next == 1 and sent.last == taken.last  # an epoch in which nothing was said yet
            self.must(sent == taken or waits, "positions-differ", pair, f"{sent} and {taken}")
            wrong = [place for place, receipt in got.items() if not set(receipt) <= set(given.get(place, ()))]
            self.must(not wrong, "receipt-lost", pair, wrong)

    def _agree(self, one: Life, other: Life, ours: Held, theirs: Held) -> None:
        """Check that two nodes hold the same events and the same cases of each other."""
        pair = f"{one.country}-{other.country}"
        both, known = (one, other), ours.keys() | theirs.keys()  # of an erased one an old disk has no row
        for sender, receiver in (both, both[::-1]):
            sent, held = (self._issued(sender.country, life.country, known) for life in (sender, receiver))
            applied = {digest for digest, event in sent.items() if event.status == "applied"}
            self.must(applied <= set(held), "event-lost", pair, [sent[d] for d in applied - set(held)][:3])
            kept = [event for digest, event in sent.items() if event.status == "refused" and digest in held]
            self.must(not kept, "refused-and-held", pair, kept)
            unknown = [held[digest] for digest in held.keys() - sent.keys()]
            self.must(not unknown, "event-from-nowhere", pair, unknown)
        for case_id in sorted(known):
            here, there = ours.get(case_id), theirs.get(case_id)
            only = [each for each in (here, there) if each is not None]
            alone = len(only) == 1 and {"refused", "erased"} & set(map(str, only[0]))  # perhaps from an old disk
            self.must(bool(alone) or here == there, "states-differ", pair, f"{here} and {there}")

    def _issued(self, sender: str, holder: str, cases: Collection[str]) -> dict[str, fates.EventFate]:
        """Return what one country has said in some cases, as far as another one holds it, by digest."""
        found = self.seen[holder].events.values()
        return {event.digest: event for event in found if event.iss == sender and event.case_id in cases}

    def summary(self, life: Life) -> list[object]:
        """Return what goes into the trace of a node's end: nothing that depends on keys."""
        rows = life.node.store.read_now(fates.cases)
        shown = sorted(f"{r['number']}:{r['role']}:{r['state']}:{r['n']}:{r['date_state']}:{r['date_n']}" for r in rows)
        return [len(self.seen[life.country].events), *shown]

    def messages(self) -> int:
        """Return how many events honest nodes have issued."""
        return sum(event.iss == country for country, seen in self.seen.items() for event in seen.events.values())

    def closed(self, lives: Collection[Life]) -> None:
        """Search the files of nodes that have stopped for what must be nowhere."""
        for life in lives:
            for path in sorted((life.folder / "data").rglob("*")):
                if path.is_file():
                    self._file(life.country, path.name, path.read_bytes())

    def _file(self, country: str, name: str, data: bytes) -> None:
        self.must(PERSONAL.encode() not in data, "secret-in-the-clear", country, name)
        left = self.erased.left_in(country, data)
        self.must(not left, "erased-still-there", country, f"keys of {left} in {name}")

    def erases(self, life: Life, case_id: str, key: bytes) -> None:
        """Note that the key of a case or draft was erased: from that moment on it is in no file."""
        files = self.erased.erases(life, case_id, key)
        self.must(not files, "erased-still-there", life.country, f"the key of {case_id} in {files}")


def _has_file(life: Life | None, sha256: str) -> bool:
    return life is not None and life.node.store.read_now(lambda q: fates.has_file(q, sha256))

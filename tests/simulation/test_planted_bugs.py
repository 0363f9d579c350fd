"""The simulation is only worth something if it finds bugs: each of these is planted into the real code, and found."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from directory_sync.checkpoint import LogKeys, read_checkpoint
from directory_sync.page import Grown, Page
from directory_sync.problem import DirectoryError
from directory_sync.tree import Tree
from node.cli.simulation.faults import KeyRevocation, OldBackup, SlowPeer, Suspension
from node.cli.simulation.life import LIFE
from node.cli.simulation.run import simulate
from node.cli.simulation.template import template
from node.cli.simulation.world import Plan
from node.delivery import refused
from node.delivery.courier import Courier
from node.delivery.exchange import Exchange
from node.domain import case as domain_case
from node.domain.case import Case
from node.service import beside, compare, corrections, country_log, deliver, receive
from node.service.node import Node
from node.store import cases as stored_cases
from node.store import engine, erasures, logs, streams
from node.store.case_keys import CaseKeys
from node.store.store import Store
from node.store.tx import AtEnd, Read, Row, Tx
from node.store.writer import Writer
from protocol import correction
from protocol.batch import Batch, Head, seal_batch
from protocol.event import Claims
from protocol.members import MemberList
from protocol.problems import ProtocolError

Plant = Callable[[pytest.MonkeyPatch], None]
SEEDS = 24


def receipt_before_commit(plant: pytest.MonkeyPatch) -> None:
    """Let the writer tell its callers at once and commit a little later, to have larger groups."""

    def transaction(self: Any, works: list[Callable[[Tx], Any]], now: Any) -> list[Any]:
        from node.store.writer import _Outcome

        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
            asyncio.get_running_loop().call_later(0.01, later, self)
        at_end: AtEnd = {}
        outcomes = [_Outcome(value=work(Tx(self._connection, now, at_end))) for work in works]
        for work in at_end.values():
            work(Tx(self._connection, now, {}))
        return outcomes

    def later(self: Any) -> None:
        if self._connection.in_transaction:
            self.commit(self._connection)

    plant.setattr(Writer, "_transaction", transaction)


def no_deduplication(plant: pytest.MonkeyPatch) -> None:
    """Let a batch that comes again be taken again."""

    def taken(batch: Batch, head: Head) -> str:
        return "new" if batch.claims.first <= head.next else "gap"

    plant.setattr(receive, "place", taken)


def signature_checked_last(plant: pytest.MonkeyPatch) -> None:
    """Let the position of a batch be judged before its signature: what came altered is taken for a fork."""
    check = receive.check_sender

    def later(node: Node, peer: str, batch: Batch) -> None:
        if batch.claims.first >= node.store.read_now(lambda q: streams.head(q, peer, node.country)).next:
            check(node, peer, batch)

    plant.setattr(receive, "check_sender", later)


def issuer_not_checked(plant: pytest.MonkeyPatch) -> None:
    """Believe that whoever carries an event has issued it, whatever it says."""
    plant.setattr(receive, "_check_event", lambda _node, _batch, _event: None)


def position_not_persisted(plant: pytest.MonkeyPatch) -> None:
    """Keep in memory how far a stream has come; on disk it stays where it was."""
    head, save = streams.head, streams.save
    memory: dict[tuple[int, str, str], Head] = {}

    def remembered(q: Read, iss: str, aud: str) -> Head:
        return memory.get((id(LIFE.get()), iss, aud)) or head(q, iss, aud)

    def saved(tx: Tx, batch: Batch, *receipt: Any) -> None:
        before = head(tx, batch.claims.iss, batch.claims.aud)
        save(tx, batch, *receipt)
        memory[id(LIFE.get()), batch.claims.iss, batch.claims.aud] = Head(before.epoch, batch.next, batch.sha256)
        values = {"iss": batch.claims.iss, "aud": batch.claims.aud, "next": before.next, "last": before.last}
        tx.run("UPDATE stream SET next = :next, last = :last WHERE iss = :iss AND aud = :aud", values)

    plant.setattr(streams, "head", remembered)
    plant.setattr(streams, "save", saved)


def withdrawal_undoes_a_reply(plant: pytest.MonkeyPatch) -> None:
    """Let the wish to withdraw end the case at once, whatever the other side has done meanwhile."""
    noted = domain_case._noted

    def ended(case: Case, claims: Claims, side: Any) -> Case:
        after = noted(case, claims, side)
        return replace(after, state="withdrawn") if claims.kind == "wish.withdraw" else after

    plant.setattr(domain_case, "_noted", ended)


def refusal_not_taken_back(plant: pytest.MonkeyPatch) -> None:
    """Let what the other side has finally refused still count here."""
    plant.setattr(deliver, "_roll_back", lambda *_of: None)


def sealed_anew_at_each_attempt(plant: pytest.MonkeyPatch) -> None:
    """Sign a batch without a receipt again, with the present time, instead of sending its bytes again."""
    pending = deliver._pending

    def anew(q: Read, country: str, peer: str) -> Batch | None:
        batch, life = pending(q, country, peer), LIFE.get()
        if batch is None or life is None:
            return batch
        claims = batch.claims
        return seal_batch(
            life.node.keys.signer,
            iss=country,
            aud=peer,
            head=Head(claims.epoch, claims.first, claims.prev),
            items=[(deliver.un_b64u(digest), line) for digest, line in zip(claims.items, batch.lines(), strict=True)],
            members=claims.members,
            heads=claims.heads,
            iat=int(life.clock.now().timestamp()),
        )

    plant.setattr(deliver, "_pending", anew)


def queued_in_a_transaction_of_its_own(plant: pytest.MonkeyPatch) -> None:
    """Store an event first, and put it into the queue afterwards."""
    enqueue = streams.enqueue

    def afterwards(_tx: Tx, peer: str, digest: str) -> None:
        life = LIFE.get()
        assert life is not None

        async def queue() -> None:
            await asyncio.sleep(0.001)
            await life.node.store.write(lambda tx: enqueue(tx, peer, digest))
            life.node.wake(peer)

        task = asyncio.get_running_loop().create_task(queue())
        life.tasks[task] = None
        task.add_done_callback(lambda done: life.tasks.pop(done, None))

    plant.setattr(streams, "enqueue", afterwards)


def gives_up(plant: pytest.MonkeyPatch) -> None:
    """Let a courier wait for something new after five attempts."""
    pause = Courier._pause

    async def short(self: Courier, error: Exception) -> None:
        await pause(self, error)
        if self._failures >= 5:
            self._woken.clear()

    plant.setattr(Courier, "_pause", short)


def older_directory_accepted(plant: pytest.MonkeyPatch) -> None:
    """Take any checkpoint that a country has signed, also an older one."""
    grow = country_log.grow

    def forgetful(page: Page, country: str, keys: LogKeys, known: tuple[Tree, str], now: datetime) -> Grown:
        try:
            return grow(page, country, keys, known, now)
        except DirectoryError as error:
            if error.code != "directory-rollback":
                raise
            tree = known[0].copy()
            tree.size = page.checkpoint.size
            return Grown(page.checkpoint, tree.size, (), {}, tree, {})

    def set_note(tx: Tx, country: str, note: str) -> None:
        checkpoint = read_checkpoint(note.encode())
        logs.set_checkpoint(tx, country, checkpoint.size, checkpoint.root, note)

    plant.setattr(country_log, "grow", forgetful)
    plant.setattr(logs, "set_note", set_note)


def erased_key_stays(plant: pytest.MonkeyPatch) -> None:
    """Leave the key of a deleted draft where it is."""

    async def later(_self: CaseKeys, _case_ids: list[str]) -> None:
        return

    plant.setattr(CaseKeys, "erase", later)


def draft_in_the_clear(plant: pytest.MonkeyPatch) -> None:
    """Store drafts as they are typed."""
    plant.setattr(CaseKeys, "seal", lambda _self, _key, plaintext, _context: plaintext)
    plant.setattr(CaseKeys, "open", staticmethod(lambda _key, sealed, _context: sealed))


def nothing_fetched_back(plant: pytest.MonkeyPatch) -> None:
    """Take what a peer has more of for agreement."""
    plant.setattr(compare, "judge", lambda _node, _peer, _told: ("same", "same"))


def commits_that_wait_for_no_disk(plant: pytest.MonkeyPatch) -> None:
    """Open databases with `synchronous=NORMAL`."""
    plant.setattr(engine, "PRAGMAS", tuple(pragma.replace("FULL", "NORMAL") for pragma in engine.PRAGMAS))


def back_off_cleared_by_the_peer(plant: pytest.MonkeyPatch) -> None:
    """Take a call of the peer for a sign that it can be reached, and try again at once."""
    heard = Exchange.heard

    def hurried(self: Exchange, country: str, members: Any, heads: Any) -> None:
        heard(self, country, members, heads)
        if country in self._ways:
            self._ways[country].courier.look_again()

    plant.setattr(Exchange, "heard", hurried)


def retry_after_ignored(plant: pytest.MonkeyPatch) -> None:
    """Come back when it suits, whatever the peer asked for."""
    plant.setattr(refused, "retry_after", lambda _answer: None)


def erased_key_in_the_log(plant: pytest.MonkeyPatch) -> None:
    """Delete a key from the database, and leave it in the write-ahead log."""

    async def later(_self: Store) -> bool:
        return True

    plant.setattr(Store, "cut_log", later)


def epoch_used_again(plant: pytest.MonkeyPatch) -> None:
    """Begin again within the epoch that was agreed on, under positions that are taken."""
    begin = streams.begin_epoch

    def again(tx: Tx, iss: str, aud: str, agreed: Head, reason: str) -> Head:
        begun = begin(tx, iss, aud, agreed, reason)
        values = {"iss": iss, "aud": aud, "epoch": begun.epoch - 1}
        tx.run("UPDATE stream SET epoch = :epoch WHERE iss = :iss AND aud = :aud", values)
        return replace(begun, epoch=begun.epoch - 1)

    plant.setattr(streams, "begin_epoch", again)


def numbers_begin_again(plant: pytest.MonkeyPatch) -> None:
    """Go on numbering requests where an old disk stood."""
    plant.setattr(stored_cases, "skip_numbers", lambda _tx, _country, _count: "none")
    plant.setattr(stored_cases, "spend_number", lambda _tx, _number, _beyond: None)


def revoked_key_accepted(plant: pytest.MonkeyPatch) -> None:
    """Accept whatever a listed key has signed, in whatever state the key is."""

    def accepted(node: Node, country: str, kid: str) -> Any:
        key = node.members.message_key(country, kid) if node.members else None
        if key is None:
            raise ProtocolError("unknown-key", "not in the member list that this node has")
        return key

    plant.setattr(receive, "accepted_key", accepted)


def refusal_told_as_stored(plant: pytest.MonkeyPatch) -> None:
    """Say `stored` of everything, since the position is used up anyway."""
    issue = receive.issue_receipt

    def kind(signer: Any, batch: Batch, outcomes: list[tuple[str, str]], **more: Any) -> str:
        return issue(signer, batch, [(digest, "stored") for digest, _ in outcomes], **more)

    plant.setattr(receive, "issue_receipt", kind)


def suspended_still_heard(plant: pytest.MonkeyPatch) -> None:
    """Take whoever was ever in the list for a member."""
    plant.setattr(MemberList, "active", lambda self, country: self.standing(country) is not None)


def order_reaches_no_parts(plant: pytest.MonkeyPatch) -> None:
    """Erase what the other side's order names, and leave the parts that its questions became."""

    def alone(tx: Tx, case_ids: Any, why: Any, ground: str | None = None) -> list[str]:
        return [case_id for case_id in case_ids if erasures._noted(tx, case_id, why, ground)]

    plant.setattr(erasures, "decide", alone)
    plant.setattr(erasures, "has_parts_to_reach", lambda _q: False)


def erased_without_its_files(plant: pytest.MonkeyPatch) -> None:
    """Destroy the key of a case and leave its rows as they are."""

    def nothing(tx: Tx, case_ids: Any, _bare: Any) -> None:
        values = [{"id": case_id, "at": tx.at} for case_id in case_ids]
        tx.many("UPDATE erasure SET key_gone_at = COALESCE(key_gone_at, :at) WHERE case_id = :id", values)

    plant.setattr(erasures, "strip", nothing)


def only_own_answers_count(plant: pytest.MonkeyPatch) -> None:
    """Leave out what the other side has answered to a contest."""
    noted = beside.noted

    def own(node: Node, rows: list[Row]) -> list[correction.Noted]:
        return [one for one in noted(node, rows) if one.kind == correction.CONTEST or one.iss == node.country]

    for module in (beside, corrections):
        plant.setattr(module, "noted", own)


PLANTED: dict[Plant, set[str]] = {
    receipt_before_commit: {"receipt-not-durable"},
    no_deduplication: {"not-drained", "verify"},
    signature_checked_last: {"honest-accused"},
    issuer_not_checked: {"event-from-nowhere", "states-differ"},
    position_not_persisted: {"position-lost", "internal-error"},
    withdrawal_undoes_a_reply: {"state-without-event"},
    refusal_not_taken_back: {"state-without-event", "states-differ", "verify"},
    sealed_anew_at_each_attempt: {"honest-forks"},
    queued_in_a_transaction_of_its_own: {"verify"},
    gives_up: {"not-drained"},
    older_directory_accepted: {"rollback-accepted"},
    erased_key_stays: {"erased-still-there"},
    draft_in_the_clear: {"secret-in-the-clear"},
    nothing_fetched_back: {"not-given-back", "positions-differ"},
    commits_that_wait_for_no_disk: {"acknowledged-lost", "event-lost", "receipt-lost", "position-lost"},
    back_off_cleared_by_the_peer: {"impatient"},
    retry_after_ignored: {"impatient"},
    erased_key_in_the_log: {"erased-still-there"},
    epoch_used_again: {"honest-forks", "honest-accused", "position-lost"},
    numbers_begin_again: {"number-reused"},
    revoked_key_accepted: {"event-from-nowhere", "honest-accused"},
    refusal_told_as_stored: {"event-lost", "verify"},
    suspended_still_heard: {"receipt-to-no-member"},
    order_reaches_no_parts: {"erased-still-there"},
    erased_without_its_files: {"erased-still-there"},
    only_own_answers_count: {"states-differ"},
}
"""The bug → the invariants of which at least one must be reported."""

FIRST = {
    no_deduplication: 20,
    signature_checked_last: 44,
    issuer_not_checked: 14,
    position_not_persisted: 4,
    withdrawal_undoes_a_reply: 2,
    refusal_not_taken_back: 30,
    sealed_anew_at_each_attempt: 4,
    queued_in_a_transaction_of_its_own: 8,
    gives_up: 8,
    older_directory_accepted: 18,
    erased_key_stays: 2,
    draft_in_the_clear: 2,
    nothing_fetched_back: 10,
    commits_that_wait_for_no_disk: 1,
    back_off_cleared_by_the_peer: 4,
    retry_after_ignored: 3,
    erased_key_in_the_log: 2,
    numbers_begin_again: 96,
    epoch_used_again: 60,
    revoked_key_accepted: 10,
    refusal_told_as_stored: 4,
    suspended_still_heard: 10,
    order_reaches_no_parts: 2,
    erased_without_its_files: 2,
    only_own_answers_count: 3,
}
"""The seed to begin with: the quickest one that shows the bug; where the code has changed since, later ones do."""


LIARS = Plan(liars=1.0)
PLANS = {
    nothing_fetched_back: Plan(duration_s=800.0, kinds=(OldBackup,), liars=0.0),
    numbers_begin_again: Plan(duration_s=1500.0, kinds=(OldBackup,), liars=0.0),
    revoked_key_accepted: Plan(duration_s=800.0, kinds=(KeyRevocation,), liars=0.0),
    epoch_used_again: Plan(duration_s=800.0, kinds=(KeyRevocation, SlowPeer), severities=(2.0,), liars=0.0),
    suspended_still_heard: Plan(duration_s=800.0, kinds=(Suspension,), liars=0.0),
    order_reaches_no_parts: Plan(acts=60, liars=0.0),
    only_own_answers_count: Plan(acts=30, liars=0.0),
}
"""How those are played that need one kind of fault often."""


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a few seeds the simulation reports an invariant that this bug breaks."""
    for nodes in (3, 4):
        template(nodes, applicants=1)  # made before the bug is there
    plant(monkeypatch)
    found: set[str] = set()
    first = FIRST.get(plant, 1)
    for seed in range(first, first + SEEDS):
        played = simulate(seed, 3 + seed % 2, PLANS.get(plant, LIARS))
        found |= {violation.invariant for violation in played.violations}
        if found & PLANTED[plant]:
            return
    raise AssertionError(f"not found in {SEEDS} seeds; other reports: {sorted(found)}")

"""New keys while messages are on their way, and nothing of our own signed twice after a restore."""

import asyncio
import datetime as dt
import os
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.typing import EventDict

from directory_sync.authority import Authority
from directory_sync.demo import demo_authorities
from node.cli.simulation.loop import run
from node.delivery.call import Answer, Call
from node.delivery.incoming import BATCHES
from node.delivery.incoming_directory import DIRECTORY
from node.delivery.upkeep import Upkeep
from node.domain.access import operator
from node.domain.directory_view import Changes
from node.errors import NodeError
from node.service import cases, diagnosis, directory, key_change, membership
from node.service.node import Node
from node.service.verification import check_node
from node.store import key_files
from node.store.case_keys import CaseKeys
from protocol.event import parse_item
from tests.exchange.disks import all_of, put_back, same_on_both, save_disk, start_again
from tests.exchange.pair import World, world
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, ask, reply


async def take_up(node: Node, both: World) -> None:
    """Do what the running node does each second."""
    node.members_changed = both.exchanges[node.country].match_members
    key_change.take_up(node)
    await membership.publish_own_role(node)
    await directory.ensure_published(node)


async def _encryption(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        node = both["DE"]
        await take_up(node, both)
        both.net.down.add(("HU", "DE"))
        await cases.accept(both["HU"], KATALIN, case_id)  # sealed to the key that is about to go
        before = node.keys.encryption_kid
        await key_change.renew(node, operator(), "encryption")
        assert node.keys.encryption_kid != before
        await take_up(node, both)
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await asyncio.sleep(1)
        both.net.down.clear()
        await both.settled()
        assert stored_case(node, case_id).state == "replied"
        await asyncio.sleep(60)  # Budapest has fetched the record
        await cases.clarify(node, ANNA, case_id, None)
        await both.settled()
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        line = both["HU"].store.read_now(lambda q: q.one("SELECT line FROM event ORDER BY seq DESC LIMIT 1"))
        assert line is not None
        assert {slot.kid for slot in parse_item(bytes(line["line"])).slots} == {node.keys.encryption_kid}
        await both.settled()
        same_on_both(both)
        _earlier_key_is_kept(node, before)


def _earlier_key_is_kept(node: Node, kid: str) -> None:
    path = node.config.keys / f"encryption-{kid}.seed"
    assert path.stat().st_mode & 0o777 == 0o600
    (earlier,) = key_change.earlier_keys(node)
    assert (earlier.kind, earlier.name) == ("encryption", kid)
    day = (earlier.until - dt.timedelta(days=50)).timestamp()
    assert [c.level for c in diagnosis.check_local(node) if c.name == "earlier key"] in (["ok"], ["warn"])
    os.utime(path, (day, day))
    node.clock.offset = dt.timedelta(days=36500)  # type: ignore[attr-defined]
    found = [check for check in diagnosis.check_local(node) if check.name == "earlier key"]
    assert [check.level for check in found] == ["warn"]
    assert found[0].mend == f"shred -u {path}"
    node.clock.offset = dt.timedelta()  # type: ignore[attr-defined]


def test_what_was_sealed_to_the_earlier_key_still_opens(tmp_path: Path) -> None:
    """A new encryption key voids nothing on its way; senders use it once they know it; doctor says when the old may go."""
    run(_encryption(tmp_path))


async def _message(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        node = both["HU"]
        await take_up(node, both)
        stolen = node.keys.signer.kid
        with pytest.raises(NodeError, match="in use"):
            await membership.revoke_key(node, operator(), stolen)
        await cases.accept(node, KATALIN, case_id)
        await both.settled()
        await key_change.renew(node, operator(), "message")
        await take_up(node, both)
        both.net.before = lambda me, _peer, call: (
            Answer(503, {}, b'{"code":"unavailable"}') if me == "HU" and call.path == BATCHES else None
        )
        await cases.reply(node, KATALIN, case_id, reply())
        await asyncio.sleep(1)
        await membership.revoke_key(node, operator(), stolen)
        record = node.members.member("HU") if node.members else None
        assert record is not None
        assert {key.kid: key.state for key in record.message_keys} == {
            stolen: "revoked",
            node.keys.signer.kid: "active",
        }
        assert membership.published(node)
        both.net.before = lambda _me, _peer, _call: None
        await asyncio.sleep(60)
        await both.settled(longest_s=120)
        assert stored_case(both["DE"], case_id).state == "replied"
        known = both["DE"].members
        key = known.message_key("HU", stolen) if known else None
        assert key is not None
        assert key.state == "revoked"
        same_on_both(both)


def test_a_message_key_is_renewed_and_the_stolen_one_revoked(tmp_path: Path) -> None:
    """Without a restart; what was receipted under the revoked key stays valid, and `verify` says so (SPEC S-026)."""
    run(_message(tmp_path))


async def _tls(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        node = both["DE"]
        await take_up(node, both)
        before = node.keys.tls_der
        await key_change.renew(node, operator(), "tls")
        with pytest.raises(NodeError, match="waits already"):
            await key_change.renew(node, operator(), "tls")
        both.net.down.add("HU")
        await take_up(node, both)
        record = node.members.member("DE") if node.members else None
        assert record is not None
        assert len(record.tls) == 2
        assert (key_change.waits_for(node), node.keys.tls_der) == (["HU"], before)
        assert [c.level for c in diagnosis.check_local(node) if "next TLS" in c.message] == ["warn"]
        both.net.down.clear()
        for _ in range(80):
            await asyncio.sleep(1)
            both.exchanges["DE"].ask_for_record(key_change.waits_for(node) or [])
            await take_up(node, both)
        record = node.members.member("DE") if node.members else None
        assert record is not None
        assert record.tls == (node.keys.tls_der,)
        assert node.keys.tls_der != before
        assert key_change.waits_for(node) is None


def test_the_next_certificate_is_used_once_every_peer_knows_it(tmp_path: Path) -> None:
    """It stands in the record beside the present one; a peer that hasn't fetched it yet holds the change back."""
    run(_tls(tmp_path))


def test_an_interrupted_change_of_a_pair_leaves_a_node_that_starts(tmp_path: Path) -> None:
    """Two files can't change at once: the certificate is found under the name that it had before."""

    class Chance:
        def random(self, count: int) -> bytes:
            return os.urandom(count)

    key_files.make_keys(tmp_path / "keys", "DE", Chance())
    key_files.make_keys(tmp_path / "new", "DE", Chance())
    for stem, following in (("message", "message.crt.new"), ("tls", "tls-next.crt")):
        (tmp_path / "new" / f"{stem}.pem").replace(tmp_path / "keys" / f"{stem}.pem")
        with pytest.raises(NodeError, match="don't belong together"):
            key_files.load_keys(tmp_path / "keys")
        (tmp_path / "new" / f"{stem}.crt").replace(tmp_path / "keys" / following)
        key_files.load_keys(tmp_path / "keys")


async def _publish(both: World, records: Iterable[Authority]) -> Changes:
    """Publish Germany's list, and let everybody have it; the checkpoint may take ten seconds."""
    changes = await directory.import_authorities(both["DE"], operator(), records, complete=True)
    await asyncio.sleep(10)
    await directory.ensure_published(both["DE"])
    both.exchanges["DE"].announce()
    await asyncio.sleep(120)
    return changes


async def _published_before(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        save_disk(both, "DE")
        ours = demo_authorities("DE")
        size = directory.own_size(both["DE"])
        await _publish(both, ours[:-1])
        newest = directory.heads(both["HU"])["DE"]
        assert newest[0] == size + 1
        await put_back(both, "DE")
        await start_again(both, "DE")
        node = both["DE"]
        with pytest.raises(NodeError, match="peers-not-asked"):  # nobody has been asked yet
            await directory.import_authorities(node, operator(), ours[:-2], complete=True)
        await asyncio.sleep(2)
        assert directory.heads(node)["DE"] == newest
        assert (await _publish(both, ours[:-2])).version == size + 2
        assert directory.heads(both["HU"])["DE"][0] == size + 2
        assert all_of(both["HU"], "SELECT * FROM proof") == []


def test_a_restored_node_publishes_no_directory_twice(tmp_path: Path) -> None:
    """It takes its own newer list back from a peer before it publishes the next one (SPEC S-133)."""
    run(_published_before(tmp_path))


def wrapped(node: Node) -> list[bytes]:
    """Return every case key as it is stored."""
    return [bytes(row["wrapped"]) for row in node.key_store.read_now(lambda q: q.all("SELECT wrapped FROM case_key"))]


async def _master(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        node, opened = both["DE"], [await ask(both) for _ in range(3)]
        before = wrapped(node)
        running = replace(node, case_keys=CaseKeys(node.key_store, node.keys.masters, node.entropy))  # another process
        await key_change.renew(node, operator(), "master")
        (earlier,) = key_change.earlier_keys(node)
        assert earlier.path.stat().st_mode & 0o777 == 0o600
        assert node.case_keys.wrapped_before() == len(before)
        assert [c.level for c in diagnosis.check_local(node) if c.name == "earlier key"] == ["warn"]
        opened.append(await ask(both))
        key_change.take_up(running)
        await key_change.wrap_anew(running)
        assert not set(before) & set(wrapped(node))
        assert [c.level for c in diagnosis.check_local(node) if c.name == "earlier key"] == ["ok"]
        earlier.path.unlink()
        node.case_keys.use(key_files.read_masters(node.config.master_key))
        assert node.case_keys.unreadable() == []
        for case_id in opened:
            await cases.accept(both["HU"], KATALIN, case_id)
        await both.settled()
        assert {stored_case(node, case_id).state for case_id in opened} == {"accepted"}
        assert check_node(node) == []
        with sqlite3.connect(node.key_store.path) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        held = node.key_store.path.read_bytes()
        assert not any(each in held for each in before)  # what the earlier key opens is gone from the disk


def test_every_case_key_is_wrapped_anew_under_a_new_master_key(tmp_path: Path) -> None:
    """Both keys open until all is wrapped anew; then the earlier one opens nothing any more, and may go."""
    run(_master(tmp_path))


async def _two_at_once(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        node = both["DE"]
        await key_change.renew(node, operator(), "message")
        await take_up(node, both)
        command = replace(node, members_changed=lambda: None)
        await key_change.renew(node, operator(), "message")
        await take_up(node, both)
        await key_change.renew(command, operator(), "message")
        await membership.publish_own_role(command)  # it doesn't know yet what the running node has just published
        stale = replace(command)
        await key_change.renew(command, operator(), "message")
        await membership.publish_own_role(command)
        used = node.keys.signer.kid
        await membership.revoke_key(stale, operator(), used)
        membership.reload(node)
        await take_up(node, both)
        assert all_of(node, "SELECT * FROM proof") == []
        record = node.members.member("DE") if node.members else None
        assert record is not None
        states = [key.state for key in record.message_keys]
        assert sorted(states) == ["active", "retired", "retired", "retired", "revoked"]
        assert membership.published(node)


def test_a_command_and_the_running_node_never_publish_one_version_twice(tmp_path: Path) -> None:
    """Whoever comes second signs the next version of our record, on top of the first one's (SPEC S-133)."""
    run(_two_at_once(tmp_path))


async def _full_disk(folder: Path, log: list[EventDict]) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        node = both["DE"]
        running = asyncio.create_task(Upkeep(node, both.exchanges["DE"]).run(1.0))
        await key_change.renew(node, operator(), "message")
        commit = node.store.writer.commit

        def full(_connection: sqlite3.Connection) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        node.store.writer.commit = full
        await asyncio.sleep(10)
        assert not membership.published(node)
        assert "upkeep-failed" in {entry["event"] for entry in log}
        node.store.writer.commit = commit
        await asyncio.sleep(2)
        assert membership.published(node)
        running.cancel()


def test_a_full_disk_does_not_end_the_upkeep(tmp_path: Path, log: list[EventDict]) -> None:
    """A key that couldn't be published while the disk was full is published as soon as there is room."""
    run(_full_disk(tmp_path, log))


async def _known_to_one(folder: Path) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as both:
        await both.settled()
        save_disk(both, "DE")
        ours = demo_authorities("DE")
        both.net.down.add("AT")
        size = directory.own_size(both["DE"])
        await _publish(both, ours[:-1])
        assert [directory.heads(both[country])["DE"][0] for country in ("HU", "AT")] == [size + 1, size]
        await put_back(both, "DE")
        both.net.down ^= {"AT", "HU"}
        await start_again(both, "DE")
        await asyncio.sleep(2)
        node = both["DE"]
        with pytest.raises(NodeError, match="peers-not-asked"):
            await directory.import_authorities(node, operator(), ours[:-2], complete=True)
        await key_change.renew(node, operator(), "message")
        await take_up(node, both)
        assert node.members
        assert node.members.role_version("DE") > both.clock.now().timestamp() - 3600
        both.net.down.clear()
        await asyncio.sleep(120)
        assert directory.own_size(node) == size + 1
        assert (await _publish(both, ours)).version == size + 2
        for country in ("HU", "AT"):
            assert directory.heads(both[country])["DE"] == directory.heads(node)["DE"]
            assert all_of(both[country], "SELECT * FROM proof") == []


def test_what_only_an_unreachable_peer_knows_is_not_numbered_twice(tmp_path: Path) -> None:
    """A restored node whose last publication one peer has, which is away, takes it back before it goes on (SPEC S-133)."""
    run(_known_to_one(tmp_path))


async def _withheld(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        both.net.before = lambda me, _peer, call: Answer(404) if me == "DE" and call.path == f"{DIRECTORY}/DE" else None

        def more(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            if me == "DE" and call.path.endswith("streams/DE"):
                body = re.sub(rb'"directory":\d+', b'"directory":777', answer.body).replace(
                    b'"record":1', b'"record":7'
                )
                return Answer(200, {}, body)
            return answer

        both.net.after = more
        await both.exchanges.pop("DE").stop()
        await both.start("DE")
        await asyncio.sleep(2)
        node: Any = both["DE"]
        with pytest.raises(NodeError, match="newer-at-peer"):
            await directory.import_authorities(node, operator(), demo_authorities("DE")[:-1], complete=True)
        with pytest.raises(NodeError, match="newer-at-peer"):
            await membership.publish_own_role(node)


def test_where_the_newer_one_is_not_to_be_had_nothing_is_published(tmp_path: Path) -> None:
    """The refusal has a code and a hint; a second document of one version would be a proof against us (SPEC S-133)."""
    run(_withheld(tmp_path))

"""What nodes say that they know of the member list and of directories: a hint, taken at once and never too often."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.delivery.call import Answer, Call
from node.delivery.incoming import DIRECTORY_HEADER, MEMBERS, handle
from node.delivery.incoming_directory import DIRECTORY
from node.errors import NodeError
from node.service import membership, requests
from node.service.issue import reader_of
from node.store.key_files import load_keys, make_keys
from protocol import jws
from protocol.batch import TYP, Versions, parse_batch
from protocol.member_bundle import MemberBundle
from protocol.member_signatures import sign_role, signer_from_seed
from protocol.members import MemberList
from protocol.receipt import issue, parse_receipt
from tests.exchange.attacker import attacked
from tests.exchange.pair import START, World, record_of, world
from tests.exchange.test_story import ANNA, request

UNREADABLE = {
    "a text": "x",
    "nothing": None,
    "a number": 7,
    "a list": [],
    "no version": {"root": "x"},
    "a negative version": {"root": [-1, "x"]},
    "too many": {f"d{number}": [1, "x"] for number in range(65)},
}


@pytest.mark.parametrize("claim", ["members", "heads"])
@pytest.mark.parametrize("said", UNREADABLE.values(), ids=UNREADABLE)
async def test_gossip_that_cant_be_read_refuses_no_batch(tmp_path: Path, claim: str, said: object) -> None:
    """It counts as none, in a batch and in a receipt: else it would stop a stream for ever (SPEC S-117)."""
    async with attacked(tmp_path) as attacker:
        batch = parse_batch(attacker.batch([attacker.request()], **{claim: said}))
        assert (await attacker.post(batch.wire())).status == 200
        assert getattr(batch.claims, claim) == {}
        receipt = issue(attacker.victim.keys.signer, batch, [], now=1, members={})
        claims = {**jws.parse(receipt, limit=10**5).claims(), claim: said}
        again = jws.sign(attacker.victim.keys.signer, "entente-receipt-v1", claims, 1)
        assert parse_receipt(again.encode()).claims.members == {}


async def test_gossip_may_be_missing(tmp_path: Path) -> None:
    """A batch that says nothing of lists is a batch."""
    async with attacked(tmp_path) as attacker:
        good = attacker.batch([attacker.request()])
        first, _, body = good.partition(b"\n")
        claims = jws.parse(first.decode(), limit=10**5).claims()
        del claims["members"], claims["heads"]
        bare = jws.sign(attacker.node.keys.signer, TYP, claims, 1).encode() + b"\n" + body
        assert (await attacker.post(bare)).status == 200


def calls(both: World, path: str) -> int:
    """Count HU's calls of a path at DE."""
    return both.net.calls.count(("HU", "DE", path))


async def _new_key(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, refresh_s=3600.0) as both:
        await both.settled()
        de = both["DE"]
        make_keys(folder / "more", "DE", de.entropy)
        new = load_keys(folder / "more")
        de.keys = replace(de.keys, signer=new.signer, message_certificate=new.message_certificate)
        await membership.publish_own_role(de)
        before, asked = asyncio.get_running_loop().time(), calls(both, MEMBERS)
        await requests.send(de, ANNA, request())
        await both.settled(longest_s=60.0)
        assert asyncio.get_running_loop().time() - before < 10
        assert calls(both, MEMBERS) - asked in (1, 2)


def test_an_unknown_key_is_looked_up_at_once(tmp_path: Path) -> None:
    """The receiver fetches the sender's record without waiting for its next look (SPEC S-086)."""
    run(_new_key(tmp_path))


async def _boaster(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, refresh_s=3600.0) as both:
        await both.settled()
        asked, loop = calls(both, MEMBERS), asyncio.get_running_loop()
        before = loop.time()
        for version in range(200):
            both["HU"].heard("DE", {"root": (1000 + version, "0" * 64)}, {})
            await asyncio.sleep(0.05)
        passed = loop.time() - before
        assert 2 <= calls(both, MEMBERS) - asked <= passed + 2


def test_a_peer_that_boasts_is_asked_once_a_second(tmp_path: Path) -> None:
    """Whatever a peer says that it knows, its list is fetched no more than once a second (SPEC S-086)."""
    run(_boaster(tmp_path))


async def _same_list_again(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, refresh_s=20.0) as both:
        await both.settled()
        answers: list[tuple[str, Answer]] = []

        def after(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            if (me, call.path) == ("HU", MEMBERS):
                answers.append((call.headers.get("if-none-match", ""), answer))
            return answer

        both.net.after = after
        await asyncio.sleep(70)
        assert [(one.status, one.body) for _, one in answers] == [(304, b"")] * len(answers)
        assert len(answers) >= 3
        both["HU"].members = MemberList.genesis(both["DE"].members.bundle().roots[0])  # as if it had lost the rest
        answers.clear()
        await asyncio.sleep(70)
        assert (answers[0][0], answers[0][1].status) == ("", 200)
        assert both["HU"].members.bundle() == both["DE"].members.bundle()


def test_a_list_that_is_the_same_travels_once(tmp_path: Path) -> None:
    """It is named by its tag, until what was taken from it isn't there any more (SPEC S-302)."""
    run(_same_list_again(tmp_path))


async def _tagged_lies(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, refresh_s=20.0) as both:
        await both.settled()
        asked: list[str] = []

        def after(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            if (me, call.path) != ("HU", MEMBERS):
                return answer
            asked.append(call.headers.get("if-none-match", ""))
            return replace(answer, status=200, headers={**answer.headers, "etag": '"a\r\nx: y"'}, body=answer.body)

        both["HU"].members = replace(both["HU"].members)  # another object: asks for all of it
        both.net.after = after
        await asyncio.sleep(70)
        assert len(asked) >= 3
        assert set(asked) == {""}


def test_a_tag_that_is_none_is_never_sent_back(tmp_path: Path) -> None:
    """What a peer calls its list by goes into a header: a line feed in it would make two of one (SPEC S-302)."""
    run(_tagged_lies(tmp_path))


async def _news_while_fetching(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, refresh_s=3600.0) as both:
        await both.settled()
        asked = calls(both, f"{DIRECTORY}/DE")

        def after(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            if me == "HU" and call.path == f"{DIRECTORY}/DE" and calls(both, f"{DIRECTORY}/DE") == asked + 1:
                both["HU"].heard("DE", None, {"DE": (3, "0" * 43)})
            return answer

        both.net.after = after
        both["HU"].heard("DE", None, {"DE": (2, "0" * 43)})
        await asyncio.sleep(60)
        assert calls(both, f"{DIRECTORY}/DE") == asked + 2


def test_news_heard_while_fetching_is_fetched_too(tmp_path: Path) -> None:
    """A list that is announced while an earlier one is on its way is no less a reason to ask (SPEC S-117)."""
    run(_news_while_fetching(tmp_path))


@pytest.mark.parametrize("version", [2, 1_795_985_118, 2**53 - 1])
async def test_a_list_is_announced_whatever_its_version(tmp_path: Path, version: int) -> None:
    """A version may be a time, or any number a header may name: it is heard like the first ones (S-122, S-133)."""
    async with attacked(tmp_path) as attacker:
        heard: list[Versions] = []
        attacker.victim.heard = lambda _peer, _members, heads: heard.append(heads)
        said = {DIRECTORY_HEADER: f"{version} {'x' * 43}"}
        assert (await handle(attacker.victim, attacker.node.country, Call("GET", MEMBERS, {}, said))).status == 200
        assert heard == [{attacker.node.country: (version, "x" * 43)}]


async def test_no_key_of_a_known_suite_has_a_code_of_its_own(tmp_path: Path) -> None:
    """A country whose keys are all of newer suites is a member; what is missing is a key (SPEC S-057)."""
    async with attacked(tmp_path) as attacker:
        node = attacker.node
        record = record_of(attacker.victim)
        key = record.encryption_keys[0].model_copy(update={"suite": "MLKEM2048", "public": b"x"})
        newer = record.model_copy(update={"encryption_keys": (key,)})
        raw = sign_role(newer, 2, START.replace(year=2027), signer_from_seed(attacker.victim.keys.list_seed))
        assert node.members is not None
        node.members, problems = node.members.update(MemberBundle(roles={"HU": raw}), START)
        assert not problems
        with pytest.raises(NodeError) as caught:
            reader_of(node, "HU")
        assert caught.value.code == "no-encryption-key"
        with pytest.raises(NodeError) as caught:
            reader_of(node, "FR")
        assert caught.value.code == "unknown-country"

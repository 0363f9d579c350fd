"""`entente probe` against our own node: it passes, and a broken one fails where it is broken, and only there."""

from pathlib import Path

import pytest

from node.cli.probing.check import UnexpectedError
from node.cli.probing.run import CHECKS, chosen, probe
from node.errors import NodeError
from tests.exchange.pair import members_of, open_for_test
from tests.probe import broken
from tests.probe.target import OTHER, TARGET, TESTER, target
from tests.project.tree import text_of

BROKEN = {
    broken.signs_a_second_receipt: "replay replay-with-another-body replay-with-another-signature twice-at-once",
    broken.forgets_what_it_said: "event-again-altered request-again",
    broken.receipts_a_fork: "fork",
    broken.trusts_its_clock: "future-clock",
    broken.reads_what_is_too_large: "endless-chunks one-byte-too-many",
    broken.believes_any_key: "other-algorithm wrong-certificate wrong-key wrong-signature",
    broken.believes_any_event: "event-again event-certificate event-signature",
    broken.lets_anyone_in: "no-certificate",
    broken.takes_batches_in_any_order: "wrong-predecessor",
    broken.takes_altered_bodies: "altered-body altered-then-good more-lines",
    broken.takes_any_version: "event-version newer-version other-document",
    broken.answers_a_version_it_does_not_speak: "speaks",
    broken.refuses_what_it_does_not_know: "event-unknown-claims unknown-fields-survive",
    broken.grants_no_withdrawal: "withdrawal",
}


async def test_our_node_passes(tmp_path: Path) -> None:
    """Every check passes against a node of this version, and each request that was opened there is withdrawn."""
    async with target(tmp_path) as made:
        report = await probe(made.tester, TARGET, CHECKS)
        states = made.node.store.read_now(lambda q: [row["state"] for row in q.all("SELECT state FROM cases")])
    assert [one for one in report.findings if one.verdict != "passed"] == []
    assert states
    assert set(states) == {"withdrawn"}
    assert sum(line.startswith("request ") and line.endswith(": withdrawn") for line in report.left) == len(states)


@pytest.mark.parametrize(("breaks", "checks"), BROKEN.items(), ids=[one.__name__ for one in BROKEN])
async def test_a_broken_node_fails_in_the_right_places(breaks, checks, tmp_path, monkeypatch) -> None:
    """A node without one of its guards fails the checks of that guard, and no others."""
    breaks(monkeypatch)
    async with target(tmp_path) as made:
        report = await probe(made.tester, TARGET, CHECKS)
    failed = {one.check.name: one.came for one in report.findings if one.verdict == "failed"}
    assert sorted(failed) == checks.split(), failed
    assert report.failed_rules


async def test_each_rule_that_a_check_names_is_in_the_specification() -> None:
    """Names are given once, and the rules are those of protocol/SPEC.md."""
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    rules = {rule for check in CHECKS for rule in check.rules}
    assert sorted(rule for rule in rules if f"**[{rule}]**" not in text_of("protocol/SPEC.md")) == []
    assert {check.name for check in chosen(["S-032"])} > {"replay", "fork", "gap"}
    with pytest.raises(NodeError, match="S-999"):
        chosen(["S-999"])


async def test_it_says_why_a_node_cannot_be_probed(tmp_path: Path) -> None:
    """No such member, nobody there, another certificate than listed, and a node that doesn't list us."""

    async def code(named: str, tester=None) -> str:
        with pytest.raises(NodeError) as caught:
            await probe(tester or made.tester, named, CHECKS)
        return caught.value.code

    async with target(tmp_path) as made:
        assert await code("FR") == "unknown-country"
        assert await code(TESTER) == "unknown-country"
        assert await code("https://127.0.0.1:9") == "peer-unreachable"
        assert await code(OTHER) == "peer-unreachable"
        assert await code("https://") == "peer-unreachable"
        stranger = open_for_test(tmp_path / "stranger", "FR", made.tester.clock)
        assert await code(TARGET, stranger) == "unknown-country"
        stranger.members = members_of(stranger, made.node)  # a list that the node under test doesn't have
        assert await code(TARGET, stranger) == "peer-unreachable"
        await stranger.store.close()
        await stranger.key_store.close()


async def test_without_a_demo_authority_nobody_is_asked(tmp_path: Path) -> None:
    """Requests go to an authority marked as demo, or to one that was named; else those checks are skipped."""
    async with target(tmp_path, demo=False) as made:
        report = await probe(made.tester, TARGET, chosen(["withdrawal", "speaks"]))
        assert {one.check.name: one.verdict for one in report.findings} == {"speaks": "passed", "withdrawal": "skipped"}
        assert made.node.store.read_now(lambda q: q.all("SELECT id FROM cases")) == []
        report = await probe(made.tester, TARGET, chosen(["withdrawal"]), authority="HU-okfo")
    assert [one.verdict for one in report.findings] == ["passed"]


async def test_a_failed_check_leaves_no_request_open(tmp_path: Path) -> None:
    """A run that stops trusting what it hears withdraws what it has opened all the same."""

    async def fails(probing) -> None:
        await opened.run(probing)
        raise UnexpectedError("on purpose")

    (opened,) = chosen(["unknown-fields-survive"])
    async with target(tmp_path) as made:
        report = await probe(made.tester, TARGET, [type(opened)("x", ("S-008",), "x", "x", fails)])
        states = made.node.store.read_now(lambda q: [row["state"] for row in q.all("SELECT state FROM cases")])
    assert (report.count("failed"), states) == (1, ["withdrawn"])

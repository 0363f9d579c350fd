"""The member list by command: founded, grown to two and three, and everything that must not work."""

import json
from pathlib import Path

from node.clock import SystemClock
from node.config import load
from protocol.member_proposal import Proposal
from tests.cli.conftest import Entente, accede, init


def members(entente: Entente, node: str) -> dict[str, str]:
    """Return each country's status as a node's list has it."""
    return {row["country"]: row["status"] for row in entente("member", "list", "--json", "-C", node).data["members"]}


def test_two_states_found_a_network(entente: Entente, two: str, folder: Path):
    """After found, propose, sign, publish and join both nodes have the same list with both records."""
    lists = [entente("member", "list", "--json", "-C", node).data for node in ("de", "hu")]
    assert lists[0]["root_sha256"] == lists[1]["root_sha256"] == two
    urls = [load(folder / name).peers.url for name in ("de", "hu")]
    assert [row["url"] for row in lists[0]["members"]] == [row["url"] for row in lists[1]["members"]] == urls
    assert lists[0]["threshold"] == "2 of 2 states"
    assert all(row["listed"] == "active" for row in entente("member", "keys", "--json", "-C", "hu").data)


def test_a_third_country_joins(entente: Entente, two: str, folder: Path):
    """AT joins the two; by the file that DE gives out both others and AT itself know all three (SPEC S-167)."""
    init(entente, "AT")
    assert accede(entente, "AT", "DE", "HU") == two
    entente("member", "list", "-o", "three.json", "-C", "de")
    said = entente("member", "join", "--root-sha256", two, "--bundle", "three.json", "-C", "at")
    assert "You are one of them" in said.out
    entente("member", "join", "--root-sha256", two, "--bundle", "three.json", "-C", "hu")
    expected = {"AT": "active", "DE": "active", "HU": "active"}
    assert [members(entente, node) for node in ("de", "hu", "at")] == [expected] * 3
    shown = entente("member", "show", "AT", "--json", "-C", "hu").data
    own = {row["key"]: row["sha256"] for row in entente("member", "keys", "--json", "-C", "at").data}
    assert shown["tls"][0]["sha256"] == own["TLS certificate"]
    assert shown["encryption_keys"][0]["sha256"] == own["encryption key"]
    for node in ("de", "hu", "at"):
        assert entente("verify", "-C", node).out == "Everything is as it must be.\n"


def test_two_countries_join_with_one_round_of_signatures(entente: Entente, two: str):
    """AT and FR join by one proposal: one new version, in force as soon as both and the majority have signed."""
    version = entente("member", "list", "--json", "-C", "de").data["version"]
    for country in ("AT", "FR"):
        init(entente, country)
    said = entente("member", "propose", "at/AT.candidate.json", "fr/FR.candidate.json", "-C", "de")
    assert "AT joins" in said.out
    assert "FR joins" in said.out
    for signer in ("de", "hu", "at"):
        entente("member", "sign", "AT-FR.proposal.json", "--yes", "-C", signer)
    signed = [f"AT-FR.proposal.{country}.signed.json" for country in ("DE", "HU", "AT")]
    waits = entente("member", "publish", "AT-FR.proposal.json", *signed, "-C", "de", code=1)
    assert "FR in any case" in waits.out
    entente("member", "sign", "AT-FR.proposal.json", "--yes", "-C", "fr")
    entente("member", "publish", "AT-FR.proposal.json", *signed, "AT-FR.proposal.FR.signed.json", "-C", "de")
    listed = entente("member", "list", "--json", "-C", "de").data
    assert listed["version"] == version + 1
    assert {row["country"]: row["record"] for row in listed["members"] if row["country"] in ("AT", "FR")} == {
        "AT": 1,
        "FR": 1,
    }
    entente("member", "list", "-o", "four.json", "-C", "de")
    for country in ("at", "fr"):
        joined = entente("member", "join", "--root-sha256", two, "--bundle", "four.json", "-C", country)
        assert "You are one of them" in joined.out


def test_missing_signatures_are_named_and_nothing_changes(entente: Entente, two: str):
    """With too few signatures `publish` says whose are missing, ends with 1, and the list stays."""
    init(entente, "AT")
    entente("member", "propose", "at/AT.candidate.json", "--sign", "-C", "de")
    entente("member", "sign", "AT.proposal.json", "--yes", "-C", "hu")
    said = entente("member", "publish", "AT.proposal.json", "AT.proposal.DE.signed.json", "-C", "de", code=1)
    assert "Signed by: DE" in said.out
    assert "1 more of AT, HU must sign, AT in any case" in said.out
    both = [f"AT.proposal.{one}.signed.json" for one in ("DE", "HU")]
    said = entente("member", "publish", "AT.proposal.json", *both, "-C", "de", code=1)
    assert "1 more of AT must sign, AT in any case" in said.out
    assert "AT" not in members(entente, "de")


def test_a_proposal_says_all_that_it_changes(entente: Entente, two: str):
    """`review` shows who joins, until when the list lasts and who has to sign, before anything is signed."""
    init(entente, "AT")
    entente("member", "propose", "at/AT.candidate.json", "-C", "de")
    said = entente("member", "review", "AT.proposal.json", "-C", "hu").out
    assert "AT joins" in said
    assert "the list lasts until 20" in said
    assert "Signatures needed: 2 of AT, DE, HU" in said


def test_the_fingerprint_is_the_same_on_both_sides(entente: Entente, two: str):
    """What AT reads out on the telephone is what DE sees when it proposes."""
    made = init(entente, "AT").out
    fingerprint = next(line for line in made.splitlines() if line.startswith("Fingerprint")).partition(": ")[2]
    assert fingerprint in entente("member", "propose", "at/AT.candidate.json", "-C", "de").out
    assert fingerprint in entente("member", "candidate", "-o", "again.json", "-C", "at").out


def test_a_proposal_on_an_old_list_is_refused(entente: Entente, two: str):
    """A proposal that isn't made on the list in force can't be signed or published."""
    init(entente, "AT")
    entente("member", "renew", "-C", "de", "-o", "old.proposal.json")
    accede(entente, "AT", "DE", "HU")
    said = entente("member", "sign", "old.proposal.json", "--yes", "-C", "de", code=1)
    assert "entente: members-invalid:" in said.err
    assert "not made on the list in force" in said.err


def test_an_altered_proposal_gets_no_further_than_its_signatures(entente: Entente, two: str, folder: Path):
    """Signatures of one proposal don't count for another."""
    init(entente, "AT")
    init(entente, "FR")
    entente("member", "propose", "at/AT.candidate.json", "--sign", "-C", "de")
    entente("member", "propose", "fr/FR.candidate.json", "-C", "de")
    entente("member", "sign", "AT.proposal.json", "--yes", "-C", "hu")
    given = [f"AT.proposal.{one}.signed.json" for one in ("DE", "HU")]
    said = entente("member", "publish", "FR.proposal.json", *given, "-C", "de", code=1)
    assert "Signed by: nobody" in said.out


def test_files_of_the_wrong_kind_are_named(entente: Entente, two: str, folder: Path):
    """A wrong file ends with its name and a hint, whatever is in it."""
    wrong = folder / "wrong.json"
    for text in ("", "{}", "[1]", "nonsense", '{"root": "AA==", "targets": "AA=="}', "\x00\xff"):
        wrong.write_text(text)
        for command in (("propose",), ("sign", "--yes"), ("publish", "wrong.json")):
            said = entente("member", *command, "wrong.json", "-C", "de", code=1)
            assert "members-invalid: wrong.json" in said.err
    assert "can't be read" in entente("member", "review", "nothere.json", "-C", "de", code=1).err


def test_signing_with_a_foreign_key_is_refused(entente: Entente, two: str):
    """A node that neither is nor becomes a state can't sign."""
    init(entente, "FR")
    init(entente, "AT")
    entente("member", "propose", "at/AT.candidate.json", "-C", "de")
    said = entente("member", "sign", "AT.proposal.json", "--yes", "-C", "fr", code=1)
    assert "the key is of no state" in said.err


def test_without_yes_nothing_is_signed_unseen(entente: Entente, two: str, folder: Path):
    """`sign` asks; an answer that isn't yes signs nothing."""
    entente("member", "renew", "-C", "de")
    assert "the list lasts until" in entente("member", "sign", "renewal.proposal.json", "-C", "hu", code=1).out
    assert not list(folder.glob("renewal*.signed.json"))


def test_a_state_signs_on_a_machine_without_a_node(entente: Entente, two: str, folder: Path):
    """With the key on a medium, the proposal and the list, `sign` needs no configuration."""
    entente("member", "renew", "-C", "de")
    entente("member", "sign", "renewal.proposal.json", "--yes", "-C", "de")
    (folder / "hu/keys/state.seed").rename(folder / "medium.seed")
    entente("member", "sign", "renewal.proposal.json", "--yes", "--key", "medium.seed", "--list", "members.json")
    signed = [f"renewal.proposal.{one}.signed.json" for one in ("DE", "HU")]
    entente("member", "publish", "renewal.proposal.json", *signed, "-C", "de")
    assert entente("member", "list", "--json", "-C", "de").data["version"] == 3
    assert "key-missing" in entente("member", "sign", "renewal.proposal.json", "--yes", "-C", "hu", code=1).err


def test_joining_needs_the_right_root(entente: Entente, two: str):
    """Another hash than that of the first root is refused, and nothing is stored."""
    init(entente, "AT")
    said = entente("member", "join", "--root-sha256", "0" * 64, "--bundle", "members.json", "-C", "at", code=1)
    assert "members-pin" in said.err
    assert "no member list yet" in entente("member", "list", "-C", "at", code=1).err


def test_a_node_stays_in_its_network(entente: Entente, two: str):
    """A node that has a list neither founds another network nor joins one."""
    init(entente, "AT")
    entente("member", "found", "-C", "at")
    said = entente("member", "join", "--root-sha256", two, "--bundle", "members.json", "-C", "at", code=1)
    assert "entente: exists: This node is in another network." in said.err
    assert "entente: exists:" in entente("member", "found", "-C", "de", code=1).err


def test_a_member_is_suspended_resumed_and_leaves(entente: Entente, two: str):
    """Status changes go the same way: proposed, signed, published."""
    for arguments, name, status in (
        (("propose", "--suspend", "HU"), "HU.suspended", "suspended"),
        (("propose", "--resume", "HU"), "HU.active", "active"),
        (("leave", "HU"), "HU.left", "left"),
    ):
        entente("member", *arguments, "--sign", "-C", "de")
        entente("member", "list", "-o", f"{name}.list.json", "-C", "de")
        file = f"{name}.proposal.json"
        entente(
            "member",
            "sign",
            file,
            "--yes",
            "--key",
            "hu/keys/state.seed",
            "--list",
            f"{name}.list.json",
            "-o",
            "hu.json",
        )
        said = entente("member", "publish", file, f"{name}.proposal.DE.signed.json", "hu.json", "-C", "de")
        assert "member join" not in said.out  # nobody is new
        Path("hu.json").unlink()
        assert members(entente, "de")["HU"] == status


def after_this_second() -> None:
    """Go on when the second is over: a suspension counts only after the list's last word, in seconds (SPEC S-184)."""
    now = SystemClock().now
    begun = now().replace(microsecond=0)
    while now().replace(microsecond=0) == begun:
        pass


def test_a_few_states_suspend_and_lift(entente: Entente, two: str, folder: Path):
    """Those who are named sign, also offline; the list says by whom and until when; the same ones lift it."""
    entente("member", "list", "-o", "list.json", "-C", "de")
    after_this_second()
    for arguments, name, status in (
        (("suspend", "HU", "--with", "HU", "--days", "3"), "HU.few", "suspended"),
        (("suspend", "HU", "--lift"), "HU.lifted", "active"),
    ):
        said = entente("member", *arguments, "--sign", "-C", "de")
        assert "by DE, HU, who all sign" in said.out
        file = f"{name}.proposal.json"
        waits = entente("member", "publish", file, f"{name}.proposal.DE.signed.json", "-C", "de", code=1)
        assert "Not yet: 1 more of HU must sign" in waits.out
        assert members(entente, "de")["HU"] != status
        where = ("--key", "hu/keys/state.seed", "--list", "list.json", "-o", "hu.json")
        entente("member", "sign", file, "--yes", *where)
        entente("member", "publish", file, f"{name}.proposal.DE.signed.json", "hu.json", "-C", "de")
        assert members(entente, "de")["HU"] == status
        if status == "suspended":
            (one,) = entente("member", "list", "--json", "-C", "de").data["suspensions"]
            assert (one["country"], one["by"]) == ("HU", ["DE", "HU"])
            assert "HU is suspended by DE, HU from" in entente("member", "list", "-C", "de").out
        for each in ("hu.json", "list.json"):
            Path(each).unlink()
        entente("member", "list", "-o", "list.json", "-C", "de")
    assert "suspensions" in (folder / "list.json").read_text(encoding="utf-8")


def test_a_suspension_by_too_few_or_twice_is_not_even_proposed(entente: Entente, two: str):
    """The command says what is missing, before anybody is asked to sign."""
    assert "2 states are needed" in entente("member", "suspend", "HU", "-C", "de", code=1).err
    assert "invalid" in entente("member", "suspend", "HU", "--lift", "--with", "HU", "-C", "de", code=1).err
    assert "not-found" in entente("member", "suspend", "HU", "--lift", "-C", "de", code=1).err
    assert "AT isn't active" in entente("member", "suspend", "AT", "--with", "HU", "-C", "de", code=1).err


def test_the_list_says_when_it_ends(entente: Entente, two: str):
    """From 90 days before its end, `member list` says how long it lasts."""
    assert "ends in" not in entente("member", "list", "-C", "de").out
    entente("member", "renew", "--days", "20", "--sign", "-C", "de")
    entente("member", "list", "-o", "list.json", "-C", "de")
    file = "renewal.proposal.json"
    entente(
        "member", "sign", file, "--yes", "--key", "hu/keys/state.seed", "--list", "list.json", "-o", "hu.json"
    )  # fmt: skip
    entente("member", "publish", file, "renewal.proposal.DE.signed.json", "hu.json", "-C", "de")
    assert "The member list (root) ends in 19 days: entente doctor" in entente("member", "list", "-C", "de").out
    warned = entente("member", "list", "--json", "-C", "de").data["warnings"]
    assert {(one["document"], one["code"]) for one in warned} == {
        ("root", "members-expires-30"),
        ("targets", "members-expires-30"),
    }


def test_a_block_is_local_and_can_be_undone(entente: Entente, two: str):
    """`block` shows in the list and in doctor, and leaves the other node's list alone."""
    entente("peer", "block", "HU", "-C", "de")
    contact = {
        row["country"]: row["contact"] for row in entente("member", "list", "--json", "-C", "de").data["members"]
    }
    assert contact["HU"] == "blocked here"
    assert "entente peer unblock HU" in entente("doctor", "-C", "de", code=1).out
    entente("peer", "unblock", "HU", "-C", "de")
    assert "blocked" not in entente("member", "list", "-C", "de").out
    assert "unknown-country" in entente("peer", "block", "XX", "-C", "de", code=1).err
    assert "unknown-country" in entente("peer", "block", "DE", "-C", "de", code=1).err


def test_a_new_address_is_published_once(entente: Entente, two: str, folder: Path):
    """`publish-own` makes a new record when the address changed, and none when nothing did."""
    assert "Nothing to do" in entente("member", "publish-own", "-C", "de").out
    file = folder / "de/node.toml"
    url = load(folder / "de").peers.url
    file.write_text(file.read_text().replace(url, "https://node.de.example:7443"))
    assert "peers-not-asked" in entente("member", "publish-own", "-C", "de", code=1).err
    assert "is signed" in entente("member", "publish-own", "--unasked", "-C", "de").out
    row = entente("member", "list", "--json", "-C", "de").data["members"][0]
    assert (row["url"], row["record"]) == ("https://node.de.example:7443", 2)
    assert "Nothing to do" in entente("member", "publish-own", "-C", "de").out


def test_an_address_that_no_record_may_hold_is_named(entente: Entente, folder: Path):
    """A configured address that the member list doesn't allow is a mistake of the configuration, by its key."""
    init(entente, "AT")
    file = folder / "at/node.toml"
    file.write_text(file.read_text().replace(load(folder / "at").peers.url, "https://NODE.example/?x=1"))
    said = entente("member", "found", "-C", "at", code=1)
    assert "entente: config-invalid: url:" in said.err


def test_files_are_never_overwritten(entente: Entente, two: str, folder: Path):
    """A proposal that exists stays as it is."""
    entente("member", "renew", "-C", "de")
    before = (folder / "renewal.proposal.json").read_bytes()
    assert "entente: exists:" in entente("member", "renew", "-C", "de", code=1).err
    assert (folder / "renewal.proposal.json").read_bytes() == before
    Proposal.from_json(before.strip())
    json.loads(before)

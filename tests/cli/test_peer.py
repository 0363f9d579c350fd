"""`entente peer`, and new keys: what an operator types when a stream contradicts itself or a key has to go."""

from pathlib import Path

from tests.cli.conftest import Entente


def test_a_new_epoch_asks_the_peer_first(entente: Entente, two: str):
    """Without the peer's own word there is no new epoch, and none with a country that isn't a member."""
    assert "peer-unreachable: HU" in entente("peer", "new-epoch", "HU", "--yes", "-C", "de", code=1).err
    assert "unknown-country" in entente("peer", "new-epoch", "FR", "--yes", "-C", "de", code=1).err
    assert "unknown-country" in entente("peer", "new-epoch", "DE", "--yes", "-C", "de", code=1).err


def test_keys_are_renewed_and_revoked(entente: Entente, two: str, folder: Path):
    """A new key is active and the earlier one retired, then revoked; nothing happens where no peer could be asked."""
    before = _kid(entente)
    keys = folder / "de/keys"
    files = {path.name: path.read_bytes() for path in keys.iterdir()}
    assert "peers-not-asked" in entente("member", "renew-key", "message", "-C", "de", code=1).err
    assert {path.name: path.read_bytes() for path in keys.iterdir()} == files
    assert (
        "exists: This is the key in use"
        in entente("member", "revoke-key", before, "--yes", "--unasked", "-C", "de", code=1).err
    )
    entente("member", "renew-key", "message", "--unasked", "-C", "de")
    entente("member", "renew-key", "encryption", "--unasked", "-C", "de")
    entente("member", "renew-key", "tls", "--unasked", "-C", "de")
    assert "BAD" not in entente("member", "renew-key", "BAD", "-C", "de", code=2).out
    assert _states(entente)[before] == "retired"
    assert "is revoked" in entente("member", "revoke-key", before, "--yes", "--unasked", "-C", "de").out
    assert _states(entente) == {before: "revoked", _kid(entente): "active"}
    assert "not-found" in entente("member", "revoke-key", "x", "--yes", "--unasked", "-C", "de", code=1).err
    hyphen = "-Oh" + before[3:]
    assert "not-found" in entente("member", "revoke-key", hyphen, "--yes", "--unasked", "-C", "de", code=1).err
    secrets = [path for path in keys.iterdir() if path.suffix in (".pem", ".seed", ".key")]
    assert len(secrets) == len([name for name in files if name.endswith((".pem", ".seed", ".key"))]) + 2
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}


def test_queues_and_peers_are_shown_before_anything_was_sent(entente: Entente, two: str):
    """Nothing waits, nobody was reached yet, and what isn't there is named as such."""
    assert entente("queue", "list", "-C", "de").out == "Nothing waits.\n"
    assert entente("queue", "list", "--json", "-C", "de").data == []
    assert entente("queue", "list", "HU", "--json", "-C", "de").data == []
    (one,) = entente("peer", "list", "--json", "-C", "de").data
    assert (one["country"], one["standing"], one["queue"], one["reached_at"]) == ("HU", "active", "empty", None)
    assert "reached   never" in entente("peer", "show", "HU", "-C", "de").out
    for command in (("peer", "show"), ("queue", "list"), ("queue", "hold"), ("queue", "retry")):
        for country in ("FR", "DE"):
            assert "unknown-country" in entente(*command, country, "-C", "de", code=1).err
    assert (
        "not-found: Nothing of DE-2026-000001" in entente("queue", "give-up", "DE-2026-000001", "-C", "de", code=1).err
    )


def test_giving_up_needs_to_be_told_what(entente: Entente, two: str):
    """One request or one country, never both and never by default; nothing that waits is nothing given up."""
    assert entente("queue", "give-up", "-C", "de", code=2).out == ""
    assert entente("queue", "give-up", "DE-2026-000001", "--all", "HU", "-C", "de", code=2).out == ""
    assert "unknown-country" in entente("queue", "give-up", "--all", "FR", "--yes", "-C", "de", code=1).err
    assert "Given up: 0 messages." in entente("queue", "give-up", "--all", "HU", "--yes", "-C", "de").out


def test_a_hold_shows_everywhere_and_ends_with_retry(entente: Entente, two: str):
    """A held queue that was forgotten would be a quiet failure: list and doctor name it, with the command."""
    entente("queue", "hold", "HU", "-C", "de")
    entente("queue", "hold", "HU", "-C", "de")
    assert "held since 20" in entente("queue", "list", "-C", "de").out
    assert "queue     held since 20" in entente("peer", "show", "HU", "-C", "de").out
    assert "mend: entente queue retry HU" in entente("doctor", "-C", "de", code=1).out
    entente("queue", "retry", "HU", "-C", "de")
    assert entente("queue", "list", "-C", "de").out == "Nothing waits.\n"


def _kid(entente: Entente) -> str:
    rows = entente("member", "keys", "--json", "-C", "de").data
    return str(next(row["sha256"] for row in rows if row["key"] == "message key"))


def _states(entente: Entente) -> dict[str, str]:
    record = entente("member", "show", "DE", "--json", "-C", "de").data
    return {key["sha256"]: key["state"] for key in record["message_keys"]}

"""`entente init` and the configuration: everything is made, nothing is overwritten, errors name file and line."""

import tomllib
from pathlib import Path

import pytest

from node.config import describe, load
from tests.cli.conftest import Entente, init


def test_init_makes_a_whole_node_and_says_what_comes_next(entente: Entente, folder: Path):
    """After `init` the configuration is right, secrets are 0600, and the next commands stand on the screen."""
    said = init(entente, "AT")
    config = load(folder / "at")
    assert (config.country, config.node.name, config.node.time_zone) == ("AT", "Austria", "Europe/Berlin")
    secrets = {path.name for path in config.keys.iterdir() if path.stat().st_mode & 0o077 == 0}
    assert secrets == {
        "message.pem", "tls.pem", "list.seed", "state.seed", "encryption.seed", "log-1.seed", "witness.seed",
        "master.key", "operator.token",
    }  # fmt: skip
    for step in ("entente member found", "entente member sign", "entente member join", "entente user add"):
        assert step in said.out
    assert "Traceback" not in said.err


def test_the_written_file_is_its_own_manual(entente: Entente, folder: Path):
    """node.toml carries every key with the description that `config describe` prints."""
    init(entente, "AT")
    written = (folder / "at/node.toml").read_text(encoding="utf-8")
    assert {line for line in describe().splitlines() if line.startswith("#")} <= set(written.splitlines())
    tomllib.loads(entente("config", "describe").out)


def test_the_time_zone_is_the_country_s_own_unless_another_is_given(entente: Entente, folder: Path):
    """Who forgets the option doesn't show officials times of another clock."""
    for country, zone in (("PT", "Europe/Lisbon"), ("CZ", "Europe/Prague")):
        entente("init", country, "--country", country, "--peers-url", "https://a:1", "--web-url", "http://a")
        assert load(folder / country).node.time_zone == zone
    entente(
        "init", "es", "--country", "ES", "--peers-url", "https://a:1", "--web-url", "http://a",
        "--time-zone", "Atlantic/Canary",
    )  # fmt: skip
    assert load(folder / "es").node.time_zone == "Atlantic/Canary"


def test_init_overwrites_nothing(entente: Entente, folder: Path):
    """A second `init` in the same place is refused and leaves every file as it was."""
    init(entente, "AT")
    before = {path: path.read_bytes() for path in (folder / "at").rglob("*") if path.is_file()}
    said = entente("init", "at", "--country", "AT", "--peers-url", "https://a:1", "--web-url", "http://a", code=1)
    assert "entente: exists:" in said.err
    assert "hint:" in said.err
    assert before == {path: path.read_bytes() for path in (folder / "at").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("option", "value"),
    [("--country", "EL"), ("--peers-url", "http://plain:1"), ("--language", "xx"), ("--peers-listen", "here"),
     ("--name", "two\nlines")],
)  # fmt: skip
def test_init_refuses_what_would_not_load(entente: Entente, folder: Path, option: str, value: str):
    """A wrong value is refused before anything is made."""
    values = {"--country": "AT", "--peers-url": "https://a:1", "--web-url": "http://a", option: value}
    said = entente("init", "at", *[part for pair in values.items() for part in pair], code=1)
    assert "entente: config-invalid:" in said.err
    assert not (folder / "at").exists()


def test_names_with_quotes_stay_what_they_are(entente: Entente, folder: Path):
    """What an operator types is data: quotes and backslashes come back as typed."""
    name = 'Amt "Ö" \\ #1 [x]'
    entente("init", "at", "--country", "AT", "--name", name, "--peers-url", "https://a:1", "--web-url", "http://a")
    assert load(folder / "at").node.name == name


def test_a_mistake_in_the_file_is_named_with_its_line(entente: Entente, folder: Path):
    """`config check` prints FILE:LINE: TABLE.KEY, for wrong values, unknown keys and broken TOML."""
    init(entente, "AT")
    file = folder / "at/node.toml"
    text = file.read_text(encoding="utf-8")
    assert "right" in entente("config", "check", "-C", "at").out
    for old, new, fault in (
        ("refresh_s = 60.0", 'refresh_s = "often"', "peers.refresh_s"),
        ("refresh_s = 60.0", "refresh_sec = 60.0", "peers.refresh_sec"),
        ("refresh_s = 60.0", "refresh_s = = 60", "Invalid value"),
        ('level = "info"', 'level = "loud"', "log.level"),
    ):
        file.write_text(text.replace(old, new), encoding="utf-8")
        line = next(n for n, words in enumerate(text.splitlines(), 1) if words == old)
        said = entente("config", "check", "-C", "at", code=1)
        assert f"entente: config-invalid: at/node.toml:{line}: " in said.err
        assert fault in said.err
    file.write_text(f"{text}[more", encoding="utf-8")
    last = len(text.splitlines()) + 1
    assert f"entente: config-invalid: at/node.toml:{last}: " in entente("config", "check", "-C", "at", code=1).err


def test_without_a_configuration_the_hint_says_how_to_make_one(entente: Entente):
    """A command in an empty directory ends with the command that makes a node."""
    said = entente("member", "list", code=1)
    assert "entente: config-missing:" in said.err
    assert "entente init" in said.err


def test_a_wrong_call_ends_with_2(entente: Entente):
    """An unknown option is the caller's mistake, not a problem of the node."""
    assert "No such option" in entente("member", "list", "--nope", code=2).err


def test_keys_that_others_can_read_are_refused(entente: Entente, folder: Path):
    """No command works with exposed keys, and each says which file and what to do."""
    init(entente, "AT")
    (folder / "at/keys/list.seed").chmod(0o640)
    said = entente("member", "found", "-C", "at", code=1)
    assert "entente: key-exposed: at/keys/list.seed has mode 0640" in said.err
    assert "chmod 600" in said.err


def test_help_shows_examples(entente: Entente):
    """Every command explains itself with an example."""
    for command in (("init",), ("member", "propose"), ("member", "join"), ("directory", "import"), ("verify",)):
        assert "Examples:" in entente(*command, "--help").out

"""Commands as an operator types them, in a directory of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from node.__main__ import main
from node.cli.free_ports import free_ports
from tests.command import Said

Entente = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def entente(folder: Path, capfd: pytest.CaptureFixture[str]) -> Entente:
    """Run a command that must end with `code`: `entente("member", "list", code=1)`."""

    def run(*arguments: object, code: int = 0) -> Said:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        printed = capfd.readouterr()
        said = Said(printed.out, printed.err, int(ended.value.code or 0))
        assert said.code == code, said
        assert "Traceback" not in said.err
        return said

    return run


def init(entente: Entente, country: str) -> Said:
    """Make a node in the directory named after its country, on free ports."""
    peers, web, health = (f"127.0.0.1:{port}" for port in free_ports(3))
    return entente(
        "init", country.lower(), "--country", country, "--language", "de", "--time-zone", "Europe/Berlin",
        "--peers-listen", peers, "--peers-url", f"https://{peers}",
        "--web-listen", web, "--web-url", f"http://{web}", "--health-listen", health,
    )  # fmt: skip


def accede(entente: Entente, country: str, *members: str) -> str:
    """Let a country join by the operators' commands up to `publish`; returns the first root's hash."""
    first, stem, lower = members[0].lower(), f"{country}.proposal", country.lower()
    entente("member", "propose", f"{lower}/{country}.candidate.json", "--sign", "-C", first)
    for other in [*members[1:], country]:
        entente("member", "sign", f"{stem}.json", "--yes", "-C", other.lower())
    signed = [f"{stem}.{one}.signed.json" for one in [*members, country]]
    entente("member", "publish", f"{stem}.json", *signed, "-C", first)
    root: str = entente("member", "list", "--json", "-C", first).data["root_sha256"]
    return root


@pytest.fixture
def two(entente: Entente) -> str:
    """Found a network of DE and HU, both with the list; returns its first root's hash."""
    init(entente, "DE")
    init(entente, "HU")
    entente("member", "found", "-C", "de")
    root = accede(entente, "HU", "DE")
    entente("member", "list", "-o", "members.json", "-C", "de")
    entente("member", "join", "--root-sha256", root, "--bundle", "members.json", "-C", "hu")
    return root

"""The first minutes with a new node: from `init` to an official who is signed in."""

import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import typer.main

from node.__main__ import main
from node.cli.app import app
from node.cli.demo_nodes import DemoNode
from node.cli.free_ports import free_ports
from tests.dashboard.browser import Browser
from tests.processes.network import entente

TABLE = """id,name,name_lang,level,valid_from,place,areas
AT-oezaek,Österreichische Zahnärztekammer,de,national,2026-01-01,Wien,professional-qualifications:authority
"""


@pytest.mark.processes
async def test_from_init_to_a_signed_in_official(tmp_path: Path):
    """Two commands after the start there is a link; behind it one chooses a password and is at work."""
    node = DemoNode("AT", tmp_path / "at", *free_ports(3))
    (tmp_path / "authorities.csv").write_text(TABLE, encoding="utf-8")
    await node.init()
    assert (await entente("member", "found", "-C", node.folder)).code == 0
    try:
        await node.start()
        published = await entente("directory", "import", tmp_path / "authorities.csv", "-C", node.folder)
        assert "1 added" in published.out, published
        who = ("--name", "Eva Gruber", "--role", "handler", "--authority", "AT-oezaek", "--language", "de")
        added = await entente("user", "add", "eva.gruber", *who, "-C", node.folder)
        link = re.search(r"http\S+", added.out)
        assert link is not None, added
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            await _sign_in(Browser(node.url, session), link[0].removeprefix(node.url))
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            again = await Browser(node.url, session).get(link[0].removeprefix(node.url))
            assert not [form for form in again.forms if "/link" in form.action]
    finally:
        await node.stop()


async def _sign_in(browser: Browser, path: str) -> None:
    """Use the link, choose a password, leave, and come back with it."""
    landing = await browser.get(path)
    assert landing.status == 200, landing.text
    chosen = await browser.post(landing.form("/link"))
    assert chosen.path == "/password"
    password = "drei kleine Sterne 7"
    work = await browser.post(chosen.form("/password"), password=password, repeat=password)
    assert (work.status, work.path) == (200, "/work")
    assert "Eva Gruber" in work.text
    left = await browser.post(work.form("/sign-out"))
    assert (await browser.get("/work")).path == left.path == "/sign-in"
    back = await browser.post(left.form("/sign-in"), name="eva.gruber", password=password)
    assert (back.status, back.path) == (200, "/work")


def commands(command: Any, *path: str) -> list[tuple[str, ...]]:
    """Return a command and all that are below it."""
    below = getattr(command, "commands", {}).items()
    return [path, *(each for name, one in below for each in commands(one, *path, name))]


COMMANDS = commands(typer.main.get_command(app))


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "entente")
def test_every_command_explains_itself(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    """`--help` ends with 0 for every command, and names it."""
    with pytest.raises(SystemExit) as ended:
        main([*path, "--help"])
    assert ended.value.code == 0
    assert " ".join(("Usage: entente", *path)) in capsys.readouterr().out


@pytest.mark.processes
async def test_help_as_a_process():
    """`--help` works in a process of its own, too, and nothing of the command line is missing there."""
    assert len(COMMANDS) > 30
    said = await entente("--help")
    assert (said.code, said.err) == (0, "")
    assert "entente demo" in said.out

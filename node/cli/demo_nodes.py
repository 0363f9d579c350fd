"""Nodes for the demo: real processes, made and run with the commands that every operator uses."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from directory_sync.demo import europe
from node.cli.free_ports import free_ports
from node.clock import stopwatch
from node.config import FILE_NAME
from node.errors import NodeError
from translations.languages import country_name

_START_S: Final = 30.0
_STOP_S: Final = 10.0

OPERATORS: Final = {
    "DE": ("Bundesverwaltungsamt (Demo)", "de", "Europe/Berlin"),
    "HU": ("Belügyminisztérium (demó)", "hu", "Europe/Budapest"),
    "AT": ("Bundesministerium für Wirtschaft, Energie und Tourismus (Demo)", "de", "Europe/Vienna"),
}
"""Country → operator, language and time zone of its demo node, where it isn't invented."""


MANY_CALLS: Final = {"calls_per_s = 200.0": "calls_per_s = 100000.0", "work_per_s = 1.0": "work_per_s = 100.0"}
"""Lines of `node.toml` for the demo: one program does the work of a country here, and mustn't wait for its turn."""

_WATCHED: Final = {"refresh_s = 60.0": "refresh_s = 5.0"}
"""Two nodes look at each other's lists more often where a person waits for what is new."""


def operator_of(country: str) -> tuple[str, str, str]:
    """Return operator, language and time zone of a country's demo node."""
    if country in OPERATORS:
        return OPERATORS[country]
    language = europe.languages_of(country)[0]
    return f"{country_name(country, language)} (Demo)", language, europe.time_zone(country)


async def entente(*arguments: str) -> str:
    """Run the command `entente` and return what it prints; raises `internal` with its words if it fails.

    Ctrl-C doesn't reach it; it is ended where its caller is cancelled.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "node", *arguments, start_new_session=True,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        words = errors.decode(errors="replace").strip()
        raise NodeError("internal", f"entente {' '.join(arguments)}: {words}")
    return output.decode()


@dataclass
class DemoNode:
    """One node of the demo: its folder, its addresses, its process."""

    country: str
    folder: Path
    peers: int
    web: int
    health: int
    process: asyncio.subprocess.Process | None = None
    start_s: float = 0.0

    @property
    def url(self) -> str:
        """The dashboard's address."""
        return f"http://127.0.0.1:{self.web}"

    async def init(self) -> None:
        """Make configuration and keys: `entente init`."""
        name, language, zone = operator_of(self.country)
        await entente(
            "init", str(self.folder), "--country", self.country, "--name", name,
            "--language", language, "--time-zone", zone, "--demo",
            "--peers-listen", f"127.0.0.1:{self.peers}", "--peers-url", f"https://127.0.0.1:{self.peers}",
            "--web-listen", f"127.0.0.1:{self.web}", "--web-url", self.url,
            "--health-listen", f"127.0.0.1:{self.health}",
        )  # fmt: skip
        self.configure(MANY_CALLS | _WATCHED)

    def configure(self, lines: dict[str, str]) -> None:
        """Change lines of `node.toml`."""
        file = self.folder / FILE_NAME
        text = file.read_text(encoding="utf-8")
        for old, new in lines.items():
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")

    async def start(self) -> None:
        """Start `entente serve` and wait until it says that it is healthy."""
        log, begun = (self.folder / "serve.log").open("ab"), stopwatch()
        try:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "node", "serve", "-C", str(self.folder),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        finally:
            log.close()
        deadline = stopwatch() + _START_S
        async with aiohttp.ClientSession() as session:
            while not await self.is_healthy(session):
                if self.process.returncode is not None or stopwatch() > deadline:
                    raise NodeError("internal", f"The node of {self.country} didn't start:\n{self.last_words()}")
                await asyncio.sleep(0.02)
        self.start_s = stopwatch() - begun

    async def is_healthy(self, session: aiohttp.ClientSession) -> bool:
        """Say whether the node answers that it is healthy."""
        try:
            async with session.get(f"http://127.0.0.1:{self.health}/healthz") as answer:
                return answer.status == 200  # noqa: PLR2004
        except aiohttp.ClientError:
            return False

    def last_words(self) -> str:
        """Return the end of the node's log."""
        lines = (self.folder / "serve.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-12:])

    async def stop(self) -> None:
        """Stop the process and wait for its end."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def operator_token(self) -> str:
        """Return the operator's token that `entente init` wrote."""
        return (self.folder / "keys" / "operator.token").read_text().strip()


class Api:
    """A caller of one node's local API with one person's token."""

    def __init__(self, node: DemoNode, token: str, session: aiohttp.ClientSession) -> None:
        """Take a bearer token."""
        self._base = f"{node.url}/api/v1/"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session = session

    async def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Call the API and return its JSON; raises `internal` with the problem's words."""
        url = self._base + path
        async with self._session.request(method, url, json=body, params=query, headers=self._headers) as answer:
            data = await answer.json(content_type=None) if answer.content_length != 0 else None
            if answer.status >= 400:  # noqa: PLR2004
                problem = data or {}
                code = str(problem.get("code", "internal"))
                raise ApiError(
                    code, str(problem.get("detail")), f"{method} {path}: {answer.status} {problem.get('fields')}"
                )
            return data

    async def upload(self, path: str, name: str, media_type: str, data: bytes) -> Any:
        """Upload a file."""
        form = aiohttp.FormData()
        form.add_field("file", data, filename=name, content_type=media_type)
        async with self._session.post(self._base + path, data=form, headers=self._headers) as answer:
            return await answer.json()


async def own_token(node: DemoNode, session: aiohttp.ClientSession, login: str, label: str) -> Api:
    """Let a person sign in by a one-time link and make a token of its own, as people do; return its caller."""
    operator = Api(node, node.operator_token(), session)
    link = await operator.call("POST", f"people/{await id_of(operator, login)}/link")
    opened = await Api(node, "", session).call("POST", "session", {"link": link["url"].rpartition("/")[2]})
    own = Api(node, opened["session"], session)
    made = await own.call("POST", "me/tokens", {"label": label, "days": 1})
    await own.call("DELETE", "session")
    return Api(node, made["token"], session)


async def id_of(operator: Api, login: str) -> str:
    """Return the id of the account with a login."""
    people = (await operator.call("GET", "people", limit="200"))["items"]
    return next(str(person["id"]) for person in people if person["login"] == login)


async def service_token(node: DemoNode, session: aiohttp.ClientSession, name: str, authority: str) -> Api:
    """Add a system that handles an authority's cases, by the operator's own commands; return its caller."""
    who = ("--service", "--name", name, "--role", "handler", "--authority", authority)
    await entente("user", "add", name, *who, "-C", str(node.folder))
    token = await entente("user", "token", name, "--label", name, "--days", "1", "-C", str(node.folder))
    return Api(node, token.strip(), session)


class ApiError(NodeError):
    """A problem that a node's API answered; `answered` is its code, `detail` its text."""

    def __init__(self, answered: str, detail: str, call: str) -> None:
        """Keep the node's own code and text; `call` says which call it was."""
        super().__init__("internal", f"{call}: {detail}")
        self.answered = answered
        self.detail = detail


def make_nodes(folder: Path, countries: tuple[str, ...]) -> dict[str, DemoNode]:
    """Choose folders and free ports for some nodes."""
    nodes = {}
    for country in countries:
        peers, web, health = free_ports(3)
        nodes[country] = DemoNode(country, folder / country.lower(), peers, web, health)
    return nodes


def running_processes(nodes: dict[str, DemoNode]) -> list[int]:
    """Return the ids of processes that still run."""
    return [
        n.process.pid for n in nodes.values() if n.process and n.process.returncode is None and _alive(n.process.pid)
    ]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

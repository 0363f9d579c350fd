"""The operator sees no contents: a whole case is played, and then every page, command, log line and backup is searched."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from directory_sync.demo import coordinated, demo_authorities
from node.api.app import PREFIX
from node.api.app import add_routes as add_api
from node.config import load
from node.dashboard.app import add_routes
from node.domain.access import Actor, Grant, operator
from node.domain.draft import ReplyDraft, RequestDraft
from node.domain.person import NewPerson
from node.server import close_node, open_node
from node.service import accounts, approval_switches, approvals, cases, directory, drafts, messages, requests
from node.service.node import Node
from protocol.content import Reply, Said, Variable
from tests.cli.conftest import Entente
from tests.dashboard.test_operator import operating
from tests.exchange.pair import LoopClock, Net, World
from tests.exchange.test_story import request
from tests.sign_in import token_of

AREA = "professional-qualifications"
CHAMBER, OKFO, OFFICE = "DE-zaek-berlin", "HU-okfo", "HU-oktatasi-hivatal"
MARKS = (
    "Zsuzsannaundine", "Wismutpfirsich", "Quarzlibelle", "Nebelkrokodil", "Tintenhirsch", "Schattenrhabarber",
    "Kupferforelle", "Moosgewitter", "Lampionziege", "Distelorgel", "Hagelmarmelade", "Ebbefagott",
)  # fmt: skip
"""Words that stand nowhere but in the contents: person, title, comment, file's name, file, answers, messages, reasons."""
(PERSON, TITLE, COMMENT, FILE, INSIDE, REASON, ANSWER, REPLIED, UNCLEAR, MESSAGE, REFERRED, DRAFT) = MARKS


def found(texts: Iterable[bytes]) -> set[str]:
    """Return which marks stand in some bytes."""
    everything = b"\0".join(texts)
    return {mark for mark in MARKS if mark.encode() in everything}


def _said(text: str, lang: str = "de") -> Said:
    return Said(text=text, lang=lang)


async def _person(node: Node, login: str, *grants: Grant) -> Actor:
    first = grants[0]
    new = NewPerson(login, login, "de", frozenset({first.role}), frozenset({first.authority}))
    return (await accounts.add_person(node, operator(), new)).actor()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[World]:
    """Run the two nodes that the commands made, without a network between them."""
    clock = LoopClock()
    nodes = {country: open_node(load(folder / country.lower()), clock=clock) for country in ("DE", "HU")}
    both = World(Net(nodes), clock, folder)
    try:
        for country in nodes:
            await both.start(country)
        yield both
    finally:
        for exchange in both.exchanges.values():
            await exchange.stop()
        for node in nodes.values():
            await close_node(node)


async def play(both: World) -> tuple[str, str, dict[str, Actor]]:
    """Play a case with every kind of contents; returns its id, that of a draft, and who took part."""
    berlin, budapest = both["DE"], both["HU"]
    for node in (berlin, budapest):
        await directory.import_authorities(node, operator(), list(coordinated(demo_authorities(node.country))))
    await both.settled()
    who = {
        "anna": await _person(berlin, "anna", Grant(CHAMBER, "handler")),
        "katalin": await _person(budapest, "katalin", Grant(OKFO, "handler")),
        "reka": await _person(budapest, "reka", Grant(OFFICE, "referral-handler")),
    }
    anna, katalin, reka = who.values()
    content = request()
    person = Variable(given_names=PERSON, family_name="Kovács", birth_date=content.variables["person"].birth_date)
    variables = {**content.variables, "person": person, "title": Variable(text=TITLE, lang="hu")}
    content = content.model_copy(update={"variables": variables, "comment": _said(COMMENT)})
    draft = await drafts.start_request(berlin, anna, content)
    await drafts.attach(berlin, anna, draft.id, f"{FILE}.pdf", "application/pdf", b"%PDF-1.4 " + INSIDE.encode())
    case = (await requests.send_draft(berlin, anna, draft.id)).id
    await both.settled()
    await cases.accept(budapest, katalin, case)
    await approval_switches.switch(budapest, operator(), OKFO, AREA, "replying", on=True)
    reply = await drafts.start_reply(budapest, katalin, case)
    answers = {
        "evidence-holder": Reply(code="yes"),
        "registration-status": Reply(code="registered", comment=_said(ANSWER, "hu")),
        "sanctions": Reply(code="no", comment=_said(REPLIED, "hu")),
    }
    reply = await drafts.save(budapest, katalin, reply.id, ReplyDraft(answers=answers))
    await approvals.ask(budapest, katalin, reply.id)
    await approvals.give_back(budapest, reka, reply.id, reply.version, REASON)
    await approvals.ask(budapest, katalin, reply.id)
    await approvals.approve(budapest, reka, reply.id, reply.version)
    await both.settled()
    await messages.send(berlin, anna, case, _said(MESSAGE))
    await cases.clarify(berlin, anna, case, _said(UNCLEAR))
    await both.settled()
    clarifying = await drafts.start_reply(budapest, katalin, case)
    words = ReplyDraft(comment=_said(REFERRED, "hu"))
    clarifying = await drafts.save(budapest, katalin, clarifying.id, words)
    await approvals.ask(budapest, katalin, clarifying.id)
    await approvals.give_back(budapest, reka, clarifying.id, clarifying.version, REASON)
    unsent = await drafts.start_request(berlin, anna, RequestDraft(authority=CHAMBER, comment=_said(DRAFT)))
    await both.settled()
    return case, unsent.id, who


@asynccontextmanager
async def served(node: Node) -> AsyncIterator[tuple[str, web.Application]]:
    """Serve pages and API of a node."""
    app = web.Application(client_max_size=25 * 1024 * 1024)
    add_api(app, node)
    add_routes(app, node)
    server = TestServer(app)
    await server.start_server()
    try:
        yield f"http://127.0.0.1:{server.port}", app
    finally:
        await server.close()


def addresses(app: web.Application, case: str, draft: str) -> list[str]:
    """Return every address that can be read, with what stands for its parameters in this story."""
    values = {
        "case": case, "draft": draft, "peer": "HU", "country": "HU", "authority": CHAMBER, "person": "x",
        "sha256": "x", "registration": "x", "area": AREA, "set": "establishment", "token": "x", "number": "1",
        "secret": "x", "filename": "entente.css", "id": "x",
    }  # fmt: skip
    found = set()
    for route in app.router.routes():
        if route.method == "GET" and route.resource is not None:
            path = route.resource.canonical
            for name, value in values.items():
                path = path.replace(f"{{{name}}}", value)
            if "{" not in path and not path.startswith("/static"):
                found.add(path)
    return sorted(found)


async def _pages(both: World, case: str, draft: str) -> tuple[set[str], set[int]]:
    """Read every page and everything of the API as operators of both countries do."""
    texts, statuses = [], set()
    for country in ("DE", "HU"):
        node = both[country]
        async with served(node) as (base, app), operating(node, base) as olga:
            person = node.store.read_now(lambda q: q.one("SELECT id FROM person WHERE login = 'olga-en'"))
            assert person is not None
            headers = {"Authorization": f"Bearer {await token_of(node, person['id'])}"}
            async with aiohttp.ClientSession() as programs:
                for path in addresses(app, case, draft):
                    session = programs if path.startswith(PREFIX) else olga.session
                    async with session.get(base + path, headers=headers if session is programs else {}) as answer:
                        texts.append(await answer.read())
                        statuses.add(answer.status)
                        texts.append(str(answer.headers).encode())
                for search in ("cases/search", "directory/search"):
                    async with programs.post(f"{base}{PREFIX}/{search}", headers=headers, json={}) as answer:
                        texts.append(await answer.read())
    return found(texts), statuses


async def _readers(both: World, case: str, draft: str, who: dict[str, Actor]) -> set[str]:
    """Read what those who take part may read, by the same way: there every mark is found."""
    texts = []
    for country, login in (("DE", "anna"), ("HU", "katalin")):
        node = both[country]
        async with served(node) as (base, _), aiohttp.ClientSession() as session:
            headers = {"Authorization": f"Bearer {await token_of(node, who[login].id)}"}
            api = f"{base}{PREFIX}"
            async with session.get(f"{api}/cases/{case}", headers=headers) as answer:
                view = await answer.json()
                texts.append(await answer.read())
            for file in view["attachments"]:
                async with session.get(f"{api}/cases/{case}/attachments/{file['sha256']}", headers=headers) as answer:
                    texts.append(await answer.read())
            async with session.get(f"{api}/drafts", headers=headers) as answer:
                listed = (await answer.json())["items"]
            for one in listed:
                for path in (f"drafts/{one['id']}", f"drafts/{one['id']}/approval"):
                    async with session.get(f"{api}/{path}", headers=headers) as answer:
                        texts.append(await answer.read())
    return found(texts)


COMMANDS = (
    "queue list", "queue list --json", "peer list", "peer list --json", "peer show HU", "verify", "verify --json",
    "doctor", "doctor --json", "retention status", "retention status --json", "retention run --dry-run", "statistics",
    "statistics --json", "mail list", "user list", "user list --json", "user data anna",
    "user tokens anna", "directory status", "directory history DE-zaek-berlin", "directory export",
    "directory search zahn", "directory registrations", "member list", "areas list", "config check",
)  # fmt: skip
"""What an operator types that reads what a node holds."""


def test_an_operator_finds_no_contents_anywhere(two: str, entente: Entente, folder: Path, capfd) -> None:
    """Pages, API, commands, logs and the plain bytes of a backup hold none of the words; its readers find each."""

    async def story() -> tuple[set[str], set[int], set[str]]:
        async with running(folder) as both:
            case, draft, who = await play(both)
            seen, statuses = await _pages(both, case, draft)
            return seen, statuses, await _readers(both, case, draft, who)

    with capture_logs() as logged:
        seen, statuses, read = asyncio.run(story())
    assert read == set(MARKS), "the words are there, and this search finds them"
    assert seen == set()
    assert {200, 403, 404} <= statuses
    assert max(statuses) < 500, statuses
    assert logged
    assert found([str(logged).encode()]) == set()
    said = [run(entente, f"{command} -C de") for command in ("backup create backups", *COMMANDS)]
    (made,) = (folder / "backups").glob("*-node")
    backups = ("backup list backups", "backup list backups --json", f"backup check {made}")
    said += [run(entente, command) for command in backups]
    assert found(one.encode() for one in said) == set()
    ordinary = [path for path in (folder / "backups").rglob("*") if path.is_file() and "keys" not in str(path.parent)]
    assert ordinary
    assert found(path.read_bytes() for path in ordinary) == set()
    assert found([b"x" + MARKS[0].encode()]) == {MARKS[0]}


def run(entente: Entente, command: str) -> str:
    """Return all that a command printed, whether it finds something to complain of or not."""
    kept: list[str] = []
    for code in (0, 1):
        try:
            printed = entente(*command.split(), code=code)
        except AssertionError as error:
            kept.append(str(error))
        else:
            return str(printed.out + printed.err)
    raise AssertionError(command, kept)

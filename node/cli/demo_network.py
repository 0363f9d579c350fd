"""The demo's network: nodes that found it, their authorities and users, and the main story on them."""

import asyncio
import contextlib
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp

from directory_sync.demo import coordinated, demo_authorities, europe
from node.cli.demo_area import NewAreaStory
from node.cli.demo_nodes import Api, DemoNode, entente, id_of, make_nodes, own_token
from node.cli.demo_posting import ASKING, REPLYING, PostingStory
from node.cli.demo_referral import COORDINATORS, ReferralStory
from node.cli.demo_split import CHAMBER, SplitStory
from node.cli.demo_story import Line, Reader, Story
from node.clock import SystemClock

PEOPLE: Final = {
    "DE": (
        ("anna.berger", "Anna Berger", "handler", "DE-zaek-berlin"),
        ("jonas.vogt", "Jonas Vogt", "data-administrator", "DE-zaek-berlin"),
        ("miriam.kaya", "Miriam Kaya", "handler", "DE-lageso-berlin"),
    ),
    "HU": (
        ("szabo.katalin", "Szabó Katalin", "handler", "HU-okfo"),
        ("kiss.zoltan", "Kiss Zoltán", "data-administrator", "HU-okfo"),
    ),
    "AT": (("eva.gruber", "Eva Gruber", "handler", "AT-oezaek"),),
}
"""Country → (login, name, role, authority) of its demo users."""

Nodes = dict[str, DemoNode]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_LANGUAGES: Final = {"DE": "de", "HU": "hu", "AT": "de"}


def people_of(country: str) -> tuple[tuple[str, str, str, str], ...]:
    """Return the demo users of a country like `PEOPLE`: one invented handler where the story has nobody."""
    if country in PEOPLE:
        return PEOPLE[country]
    name, _, authority = europe.official(country)
    return ((f"{country.lower()}.handler", name, "handler", authority),)


def language_of(country: str) -> str:
    """Return the language in which a country's demo users read."""
    return _LANGUAGES.get(country) or europe.languages_of(country)[0]


def play(folder: Path | None, *, once: bool, as_json: bool, story: str = "main") -> bool:
    """Run the demo, or its story once; returns whether a signal stopped it."""
    say: Callable[[str], None] = (lambda _words: None) if as_json else partial(print, flush=True)
    tell = telling(as_json=as_json) if once else None
    return asyncio.run(until_stopped(_demo(folder, say, tell, story)))


async def until_stopped(work: Coroutine[Any, Any, None]) -> bool:
    """Do something until its end or the first Ctrl-C or SIGTERM; returns whether it was stopped.

    What it started is stopped in order; another Ctrl-C meanwhile changes nothing.
    """
    task, loop = asyncio.create_task(work), asyncio.get_running_loop()

    def stop() -> None:
        for name in _SIGNALS:
            loop.add_signal_handler(name, lambda: None)
        task.cancel()

    for name in _SIGNALS:
        loop.add_signal_handler(name, stop)
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


async def _demo(
    folder: Path | None, say: Callable[[str], None], tell: Callable[[Line], None] | None, story: str
) -> None:
    """Run the demo until it is cancelled, or until the story that `tell` gets is at its end."""
    with place_for(folder) as place:
        async with nodes_of(place, ("DE", "HU"), say) as nodes, aiohttp.ClientSession() as session:
            await seed(nodes, session)
            if tell is not None:
                await STORIES[story](nodes, session, tell, place)
                return
            await invite(nodes, session, say)
            try:
                await asyncio.Event().wait()
            finally:
                say("Stopping …")


@contextlib.contextmanager
def place_for(folder: Path | None) -> Iterator[Path]:
    """Use a folder that was named, or a temporary one that goes at the end."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    made = Path(tempfile.mkdtemp(prefix="entente-demo-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.asynccontextmanager
async def nodes_of(
    folder: Path, countries: tuple[str, ...], say: Callable[[str], None]
) -> AsyncIterator[dict[str, DemoNode]]:
    """Make nodes, let them found a network, start them, and stop them at the end."""
    nodes = make_nodes(folder, countries)
    say("Making keys and a member list …")
    await asyncio.gather(*(node.init() for node in nodes.values()))
    await found(folder, nodes)
    try:
        say("Starting the nodes …")
        await asyncio.gather(*(node.start() for node in nodes.values()))
        yield nodes
    finally:
        await asyncio.gather(*(node.stop() for node in nodes.values()))


async def found(folder: Path, nodes: dict[str, DemoNode]) -> None:
    """Let the first country found the member list and the others join it, by the operators' own commands."""
    first, *others = nodes.values()
    await entente("member", "found", "-C", str(first.folder))
    members = [first]
    for node in others:
        await join(folder, node, members)
        members.append(node)


async def join(folder: Path, new: DemoNode, members: list[DemoNode]) -> None:
    """Propose a country, have every state sign, publish the list, and let the new node take it over."""
    proposal = folder / f"{new.country}.proposal.json"
    candidate, first = new.folder / f"{new.country}.candidate.json", str(members[0].folder)
    await entente("member", "propose", str(candidate), "-C", first, "-o", str(proposal))
    signing = [entente("member", "sign", str(proposal), "-C", str(n.folder), "--yes") for n in (*members, new)]
    await asyncio.gather(*signing)
    signed = [str(folder / f"{new.country}.proposal.{node.country}.signed.json") for node in (*members, new)]
    for node in members:  # none of them runs, so that none hears of it from another one
        await entente("member", "publish", str(proposal), *signed, "-C", str(node.folder))
    bundle = folder / f"members-with-{new.country}.json"
    await entente("member", "list", "-C", first, "-o", str(bundle))
    listed = json.loads(await entente("member", "list", "-C", first, "--json"))
    pinned = ("--root-sha256", listed["root_sha256"], "--bundle", str(bundle))
    await entente("member", "join", *pinned, "-C", str(new.folder))


async def seed(nodes: dict[str, DemoNode], session: aiohttp.ClientSession) -> None:
    """Give every node its authorities and users, by its own API."""
    for node in nodes.values():
        api = Api(node, node.operator_token(), session)
        records = [json.loads(one.model_dump_json()) for one in coordinated(demo_authorities(node.country))]
        await api.call("POST", "directory/import", records)
        for login, name, role, authority in PEOPLE[node.country]:
            person = {
                "login": login,
                "name": name,
                "language": _LANGUAGES[node.country],
                "roles": [role],
                "authorities": [authority],
            }
            await api.call("POST", "people", person)


async def invite(nodes: Mapping[str, DemoNode], session: aiohttp.ClientSession, say: Callable[[str], None]) -> None:
    """Print each dashboard's address, and a sign-in link for each of its users."""
    say("")
    for node in nodes.values():
        api = Api(node, node.operator_token(), session)
        say(f"{node.country}  {node.url}")
        for login, name, role, authority in people_of(node.country):
            link = await api.call("POST", f"people/{await id_of(api, login)}/link")
            say(f"    {name}, {role} of {authority}\n      {link['url']}")
        say("")
    say(f"Each link works once. Ctrl-C stops all {len(nodes)} nodes.")


async def _readers(nodes: Nodes, session: aiohttp.ClientSession) -> tuple[Reader, Reader, Reader]:
    async def reader(country: str, login: str) -> Reader:
        name = next(name for known, name, _, _ in PEOPLE[country] if known == login)
        return Reader(country, name, _LANGUAGES[country], await own_token(nodes[country], session, login, "demo"))

    anna, miriam = await reader("DE", "anna.berger"), await reader("DE", "miriam.kaya")
    katalin = await reader("HU", "szabo.katalin")
    return anna, miriam, katalin


async def _main(nodes: Nodes, session: aiohttp.ClientSession, tell: Callable[[Line], None], _place: Path) -> None:
    await Story(*await _readers(nodes, session), SystemClock().now().date(), tell).play()


async def _new_area(nodes: Nodes, session: aiohttp.ClientSession, tell: Callable[[Line], None], place: Path) -> None:
    story = NewAreaStory(*await _readers(nodes, session), SystemClock().now().date(), tell)
    story.nodes, story.session, story.folder = nodes, session, place
    await story.play()


async def _newcomer(
    nodes: Nodes, session: aiohttp.ClientSession, country: str, name: str, authority: str, role: str = "handler"
) -> Reader:
    """Add a person whom only one story needs."""
    node, login = nodes[country], f"{authority.lower()}.{role}"
    person = {
        "login": login,
        "name": name,
        "language": _LANGUAGES[country],
        "roles": [role],
        "authorities": [authority],
    }
    await Api(node, node.operator_token(), session).call("POST", "people", person)
    return Reader(country, name, _LANGUAGES[country], await own_token(node, session, login, "demo"))


async def _split(nodes: Nodes, session: aiohttp.ClientSession, tell: Callable[[Line], None], _place: Path) -> None:
    story = SplitStory(*await _readers(nodes, session), SystemClock().now().date(), tell)
    story.chamber = await _newcomer(nodes, session, "HU", "Kovács János", CHAMBER)
    await story.play()


async def _referral(nodes: Nodes, session: aiohttp.ClientSession, tell: Callable[[Line], None], _place: Path) -> None:
    story = ReferralStory(*await _readers(nodes, session), SystemClock().now().date(), tell)
    role = "referral-handler"
    story.ours = await _newcomer(nodes, session, "DE", "Uwe Lang", COORDINATORS["DE"], role)
    story.theirs = await _newcomer(nodes, session, "HU", "Tóth Réka", COORDINATORS["HU"], role)
    await story.play()


async def _posting(nodes: Nodes, session: aiohttp.ClientSession, tell: Callable[[Line], None], _place: Path) -> None:
    _, miriam, _ = await _readers(nodes, session)
    asking = await _newcomer(nodes, session, "DE", "Lena Hartmann", ASKING)
    replying = await _newcomer(nodes, session, "HU", "Nagy Péter", REPLYING)
    await PostingStory(asking, miriam, replying, SystemClock().now().date(), tell).play()


STORIES: Final = {
    "main": _main,
    "new-area": _new_area,
    "posting": _posting,
    "referral": _referral,
    "split": _split,
}
"""Name → what plays it on two nodes that run."""


def telling(*, as_json: bool) -> Callable[[Line], None]:
    """Return what prints each line of a story: for people, or as an object of JSON."""
    return _json_line if as_json else _plain_line


def _json_line(line: Line) -> None:
    print(json.dumps(asdict(line), ensure_ascii=False), flush=True)


def _plain_line(line: Line) -> None:
    screen = {"DE": "Berlin", "HU": "Budapest"}[line.node]
    print(f"\n[{line.step}] {screen} · {line.actor} ({line.lang})  {line.case} {line.state}".rstrip())
    print(f"  {line.title}")
    for words in line.text.splitlines():
        print(f"    {words}")
    sys.stdout.flush()

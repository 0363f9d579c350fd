"""The demo's other story: an area that no node knew at its start is signed, published, asked and answered."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from typing_extensions import override

from directory_sync.demo import demo_authorities
from node.cli.demo_nodes import Api, ApiError, DemoNode, entente
from node.cli.demo_story import Story, answers_of, last_done, questions_of
from node.clock import stopwatch
from node.errors import NodeError

AREA: Final = "lighthouses"
_TITLE: Final = "Supervision of lighthouses"
_SET: Final = "general"
_QUESTIONS: Final = ("which-authority", "provider-established")
_WAIT_S: Final = 120.0
_ROLES: Final = {"DE": "DE-zaek-berlin", "HU": "HU-okfo"}


@dataclass
class NewAreaStory(Story):
    """Plays the story; operators work with their own commands, in `folder`."""

    nodes: Mapping[str, DemoNode] = field(default_factory=dict)
    session: aiohttp.ClientSession | None = None
    folder: Path = Path()

    @override
    async def play(self) -> None:
        """Play from the empty folder to the answer."""
        await self.unknown()
        await self.sign()
        await self.arrive()
        await self.ask_about_it()
        await self.answer_it()

    async def unknown(self) -> None:
        """Show that neither node knows the area."""
        for reader in (self.anna, self.katalin):
            try:
                await reader.api.call("GET", f"areas/{AREA}/question-sets/{_SET}", lang=reader.lang)
            except ApiError as error:
                self.say(reader, "404", error.answered)
            else:
                raise NodeError("internal", "The area was there already.")

    async def sign(self) -> None:
        """Write the area, let both states sign it, publish it at one node while both run."""
        await entente("areas", "new", AREA, "--title", _TITLE, "--folder", str(self.folder))
        rules = self.folder / "areas" / AREA / "area.yaml"
        rules.write_text(rules.read_text(encoding="utf-8").replace("pilot: true", "pilot: false"), encoding="utf-8")
        pack = str(self.folder / f"{AREA}-1.area.json")
        await entente("areas", "pack", str(rules.parent), "-o", pack)
        signed = []
        for node in self.nodes.values():
            signed.append(str(self.folder / f"{AREA}-1.area.{node.country}.signed.json"))
            told = await entente("areas", "sign", pack, "--yes", "-C", str(node.folder), "-o", signed[-1])
        first = self.nodes["DE"]
        told = await entente("areas", "publish", pack, *signed, "-C", str(first.folder))
        self.say(self.anna, "entente areas publish", told.strip())

    async def arrive(self) -> None:
        """Wait until both nodes offer it, without a restart; its authorities then say that they answer in it."""
        began = stopwatch()
        for reader in (self.anna, self.katalin):
            listed = await self._sooner_or_later(reader, lambda one: one["id"] == AREA)
            self.say(
                reader, listed["title"]["text"], f"{listed['id']} {listed['version']} ({stopwatch() - began:.0f} s)"
            )
        assert self.session is not None
        for country, authority in _ROLES.items():
            node = self.nodes[country]
            records = [json.loads(one.model_dump_json()) for one in demo_authorities(country)]
            for record in records:
                if record["id"] == authority:
                    record["areas"].append({"area": AREA, "role": "authority", "status": "active"})
                    record["v"] += 1
            await Api(node, node.operator_token(), self.session).call("POST", "directory/import", records)

    async def _sooner_or_later(self, reader: Any, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = stopwatch() + _WAIT_S
        while stopwatch() < deadline:
            answer = await reader.api.call("GET", "areas", limit="200", lang=reader.lang)
            found: list[dict[str, Any]] = [one for one in answer["items"] if fits(one)]
            if found:
                return found[0]
            await asyncio.sleep(0.2)
        raise NodeError("internal", "The area didn't arrive in time.")

    async def ask_about_it(self) -> None:
        """Find the authority by the new area, and ask it."""
        deadline = stopwatch() + _WAIT_S
        while not (await self.anna.api.call("GET", "authorities", country="HU", area=AREA, lang="de"))["items"]:
            if stopwatch() > deadline:
                raise NodeError("internal", "The Hungarian directory didn't arrive in time.")
            await asyncio.sleep(0.2)
        draft = await self.anna.api.call(
            "POST", "drafts",
            {
                "authority": _ROLES["DE"], "country": "HU", "to": _ROLES["HU"], "area": AREA, "set": _SET,
                "questions": list(_QUESTIONS),
                "variables": {
                    "matter": {"text": "Leuchtfeuer am Balaton (Demo)", "lang": "de"},
                    "provider": {"text": "Világítótorony Kft. (demo)", "lang": "hu"},
                },
                "due": self.today.replace(year=self.today.year + 1).isoformat(),
            },
        )  # fmt: skip
        sent = await self.anna.api.call("POST", "requests", {"draft": draft["id"]})
        self.case, self.number = sent["id"], sent["number"]
        view = await self.view(self.anna)
        self.say(self.anna, view["number"], questions_of(view), view)

    async def answer_it(self) -> None:
        """Budapest reads it in Hungarian and answers; Berlin reads the answer in German."""
        view = await self.until(self.katalin, lambda v: bool(v["questions"]))
        self.say(self.katalin, view["question_set"]["text"], questions_of(view), view)
        await self.act(self.katalin, "accept")
        answers = {
            "which-authority": {"text": "A hajózási hatóság.", "lang": "hu"},
            "provider-established": {"code": "yes"},
        }
        view = await self.act(self.katalin, "reply", {"answers": answers})
        self.say(self.katalin, last_done(view)["text"]["text"], answers_of(view), view)
        view = await self.until(self.anna, lambda v: v["state"] == "replied")
        self.say(self.anna, last_done(view)["text"]["text"], answers_of(view), view)

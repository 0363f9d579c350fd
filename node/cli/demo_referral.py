"""The demo's story of a reply that isn't sufficient: referred to both coordinators, added to, and rated."""

from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import override

from node.cli.demo_story import Reader, Story, answers_of, last_done

COORDINATORS: Final = {"DE": "DE-bva", "HU": "HU-oktatasi-hivatal"}
"""Country → the coordinator of its authorities."""


@dataclass
class ReferralStory(Story):
    """Plays the story; `ours` and `theirs` are the coordinators' readers, set before it begins."""

    ours: Reader | None = None
    theirs: Reader | None = None

    @override
    async def play(self) -> None:
        """Play from the search to the rated case."""
        await self.find()
        await self.ask()
        await self.receive()
        await self.act(self.katalin, "accept")
        await self.answer()
        await self.refer()
        await self.add()
        await self.close()
        await self.rate()

    async def refer(self) -> None:
        """Berlin refers the reply; its coordinator agrees; the Hungarian one asks for an addition."""
        assert self.ours is not None
        assert self.theirs is not None
        reason = {"text": "Der Zeitraum der Eintragung fehlt.", "lang": "de"}
        await self._step(self.anna, "refer", {"reason": reason}, self.ours, "escalate")
        await self._step(self.ours, "escalate", {}, self.theirs, "return")
        missing = {"text": "Kérjük a bejegyzés időszakát.", "lang": "hu"}
        await self._step(self.theirs, "return", {"reason": missing}, self.katalin, "reply")

    async def _step(self, by: Reader, action: str, body: dict[str, Any], then: Reader, following: str) -> None:
        """Do one step, and show the case to whoever goes on, as that reader sees it."""
        await by.api.call("POST", f"cases/{self.case}/{action}", body)
        view = await self.until(then, lambda v: following in v["actions"])
        words = "\n".join(notice["text"] for notice in view["notices"]) or view["holder_text"]["text"]
        self.say(then, last_done(view)["text"]["text"], words, view)

    async def add(self) -> None:
        """Budapest adds what was missing; Berlin reads it."""
        added = {"text": "2015. július 1. óta, megszakítás nélkül.", "lang": "hu"}
        await self.act(self.katalin, "reply", {"comment": added})
        view = await self.until(self.anna, lambda v: v["state"] == "replied")
        said = view["clarifications"][-1]["answered"]
        self.say(self.anna, last_done(view)["text"]["text"], f"{said['text']} ({said['lang']})", view)

    async def rate(self) -> None:
        """Berlin rates the reply; Budapest reads the rating."""
        await self.act(self.anna, "rate", {"timeliness": 1, "efforts": 0})
        view = await self.until(self.katalin, lambda v: v["rating"] is not None)
        self.say(self.katalin, last_done(view)["text"]["text"], answers_of(view), view)

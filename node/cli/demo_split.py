"""The demo's story of a divided request: two Hungarian authorities answer Berlin under one number."""

from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from node.cli.demo_nodes import ApiError
from node.cli.demo_story import Reader, Story, answers_of, last_done, questions_of
from node.errors import NodeError

CHAMBER: Final = "HU-mok"
"""The authority that answers the part."""

_MOVED: Final = "sanctions"
_LEFT: Final = {
    "evidence-holder": {"code": "yes"},
    "registration-status": {"code": "registered"},
    "registration-number": {"text": "000000 (demo)", "lang": "hu"},
    "entitled-to-practise": {"code": "yes"},
}


@dataclass
class SplitStory(Story):
    """Plays the story; `chamber` is the reader at `CHAMBER`, set before it begins."""

    chamber: Reader | None = None

    @override
    async def play(self) -> None:
        """Play from the search to both cases closed."""
        await self.find()
        await self.ask()
        await self.receive()
        await self.act(self.katalin, "accept")
        whole, part = self.case, await self.divide()
        assert self.chamber is not None
        await self.hidden(self.katalin, part)
        await self.hidden(self.chamber, whole)
        await self.answer_one(self.chamber, part, {_MOVED: {"code": "no"}})
        await self.answer_one(self.katalin, whole, _LEFT)
        for case in (whole, part):
            self.case = case
            await self.close_one(self.katalin if case == whole else self.chamber)

    async def divide(self) -> str:
        """Let Budapest pass one question on; Berlin's node opens the part. Returns the part's case."""
        reason = {"text": "Erről a kamara dönt.", "lang": "hu"}
        view = await self.act(self.katalin, "split", {"to": CHAMBER, "questions": [_MOVED], "reason": reason})
        self.say(self.katalin, last_done(view)["text"]["text"], questions_of(view), view)
        view = await self.until(self.anna, lambda v: bool(v["parts"]) and bool(v["parts"][0]["case"]))
        self.say(self.anna, view["parts"][0]["number"], questions_of(view), view)
        return str(view["parts"][0]["case"])

    async def hidden(self, reader: Reader, case: str) -> None:
        """Show that an authority doesn't find what the other one has."""
        try:
            await reader.api.call("GET", f"cases/{case}", lang=reader.lang)
        except ApiError as error:
            if error.answered != "not-found":
                raise
            self.say(reader, "404", error.answered)
            return
        raise NodeError("internal", "An authority could read the other one's part.")

    async def answer_one(self, reader: Reader, case: str, answers: dict[str, dict[str, str]]) -> None:
        """Let an authority read its questions and answer them; Berlin reads the answers in German."""
        self.case = case
        view = await self.until(reader, lambda v: bool(v["questions"]))
        if "accept" in view["actions"]:
            self.say(reader, view["question_set"]["text"], questions_of(view), view)
            await self.act(reader, "accept")
        view = await self.act(reader, "reply", {"answers": answers})
        self.say(reader, last_done(view)["text"]["text"], answers_of(view), view)
        view = await self.until(self.anna, lambda v: v["state"] == "replied")
        self.say(self.anna, last_done(view)["text"]["text"], answers_of(view), view)

    async def close_one(self, other: Reader) -> None:
        """Let Berlin close the case, and its other side see it."""
        await self.act(self.anna, "close")
        for reader in (self.anna, other):
            view = await self.until(reader, lambda v: v["state"] == "closed")
            self.say(reader, view["state_text"]["text"], answers_of(view), view)

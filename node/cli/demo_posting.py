"""The demo's story of posted workers: Germany asks Hungary about a company that has sent workers."""

import asyncio
import datetime as dt
from typing import Final

from typing_extensions import override

from node.cli.demo_story import Story, answers_of, chosen, last_done, questions_of, variables_of
from node.clock import stopwatch
from node.errors import NodeError

ASKING: Final = "DE-gzd"
REPLYING: Final = "HU-bfkh"

_AREA: Final = "posting"
_WAIT_S: Final = 30.0
_SET: Final = "information"
_QUESTIONS: Final = ("provider-established", "trading-names", "substantial-activities", "pay-documents")
_WORKERS: Final = (
    ("Eszter", "Példa", "1991-04-17", "HU", "2026-03-01", "2026-06-30"),
    ("Ana", "Exemplu", "1988-11-02", "RO", "2026-03-15", "2026-06-30"),
)
"""Invented workers: given names, family name, date of birth, nationality, posted from and until."""


class PostingStory(Story):
    """Plays the story: `anna` asks for `ASKING`, `katalin` replies for `REPLYING`."""

    @override
    async def play(self) -> None:
        """Play from the search to the closed case."""
        await self.find()
        await self.ask()
        view = await self.until(self.katalin, lambda v: bool(v["questions"]))
        self.say(self.katalin, view["question_set"]["text"], variables_of(view) + "\n" + questions_of(view), view)
        view = await self.act(self.katalin, "accept")
        self.say(self.katalin, last_done(view)["text"]["text"], view["holder_text"]["text"], view)
        await self.answer()
        await self.close()
        await self.nobody_else()

    @override
    async def find(self) -> None:
        """Find who answers about posted workers in Hungary."""
        deadline = stopwatch() + _WAIT_S
        asked = {"country": "HU", "area": _AREA, "lang": "de"}
        while not (found := (await self.anna.api.call("GET", "authorities", **asked))["items"]):
            if stopwatch() > deadline:
                raise NodeError("internal", "The Hungarian directory didn't arrive in time.")
            await asyncio.sleep(0.1)
        shown = "\n".join(f"{one['name']} – {(one['title'] or {}).get('text', '')} ({one['place']})" for one in found)
        self.say(self.anna, f"{_AREA} · HU", shown)

    @override
    async def ask(self) -> None:
        """Choose set and questions in German, name the company, send."""
        sets = await self.anna.api.call("GET", f"areas/{_AREA}/question-sets/{_SET}", lang="de")
        self.say(self.anna, sets["title"]["text"], chosen(sets, _QUESTIONS))
        draft = await self.anna.api.call(
            "POST", "drafts",
            {
                "authority": ASKING, "country": "HU", "to": REPLYING, "area": _AREA, "set": _SET,
                "questions": list(_QUESTIONS),
                "variables": {
                    "provider": {"text": "Példaépítő Kft. (demo)", "lang": "hu"},
                    "legal_form": {"code": "hu-kft"},
                    "sector": {"code": "f"},
                    "workers": {"rows": [_worker(*one) for one in _WORKERS]},
                    "period": {"text": "01.03.2026 – 30.06.2026", "lang": "de"},
                },
                "due": (self.today + dt.timedelta(days=21)).isoformat(),
            },
        )  # fmt: skip
        sent = await self.anna.api.call("POST", "requests", {"draft": draft["id"]})
        self.case, self.number = sent["id"], sent["number"]
        view = await self.view(self.anna)
        self.say(self.anna, view["number"], questions_of(view), view)

    @override
    async def answer(self) -> None:
        """Budapest answers with the follow-ups that its answers open; Berlin reads in German."""
        answers = {
            "provider-established": {"code": "yes"},
            "established-since": {"date": "2015-09-01"},
            "trading-names": {"code": "yes"},
            "trading-names-list": {
                "rows": [{"name": {"name": "Példa Bau (demo)"}}, {"name": {"name": "PÉ Epít (demo)"}}]
            },
            "substantial-activities": {"code": "yes"},
            "substantial-details": {"text": "Budapesti telephely, 40 munkavállaló.", "lang": "hu"},
            "pay-documents": {"code": "requested"},
            "pay-documents-missing": {"text": "Tíz napon belül várhatók.", "lang": "hu"},
        }
        view = await self.act(self.katalin, "reply", {"answers": answers})
        self.say(self.katalin, last_done(view)["text"]["text"], answers_of(view), view)
        view = await self.until(self.anna, lambda v: v["state"] == "replied")
        self.say(self.anna, last_done(view)["text"]["text"], answers_of(view), view)


def _worker(given: str, family: str, born: str, nationality: str, first: str, last: str) -> dict[str, dict[str, str]]:
    """Return a row of the table of workers, as the API takes it."""
    return {
        "given_names": {"name": given},
        "family_name": {"name": family},
        "birth_date": {"date": born},
        "nationality": {"country": nationality},
        "posted_from": {"date": first},
        "posted_until": {"date": last},
        "workplace": {"text": "Baustelle Spandau, Berlin", "lang": "de"},
    }

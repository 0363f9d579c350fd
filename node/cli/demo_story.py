"""The main story, played through the nodes' own APIs; every text shown is read back from the node."""

import asyncio
import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

from node.cli.demo_nodes import Api, ApiError
from node.clock import stopwatch
from node.errors import NodeError
from translations.placeholders import insert, placeholders

_WAIT_S: Final = 30.0
_AREA: Final = "professional-qualifications"
_QUESTIONS: Final = ("evidence-holder", "registration-status", "entitled-to-practise", "sanctions")

PERSON: Final = {"given_names": "Eszter", "family_name": "Példa", "birth_date": "1991-04-17"}


@dataclass
class Reader:
    """A person at a screen: whose API, in which language."""

    node: str
    name: str
    lang: str
    api: Api


@dataclass
class Line:
    """One line of the transcript."""

    step: int
    node: str
    actor: str
    lang: str
    title: str
    text: str
    case: str
    state: str
    at: str


@dataclass
class Story:
    """Plays the story; `tell` gets each line as it happens."""

    anna: Reader
    miriam: Reader
    katalin: Reader
    today: dt.date
    tell: Callable[[Line], None]
    steps: int = 0
    number: str = ""
    case: str = field(default="")

    async def play(self) -> None:
        """Play from the search to the closed case."""
        await self.find()
        await self.ask()
        await self.receive()
        await self.agree_on_a_date()
        await self.answer()
        await self.clarify()
        await self.close()
        await self.nobody_else()

    def say(self, reader: Reader, title: str, text: str, view: dict[str, Any] | None = None) -> None:
        """Tell one line, with state and time as the node gives them."""
        self.steps += 1
        last = last_done(view)["at"] if view and view["timeline"] else ""
        state = view["state_text"]["text"] if view else ""
        case = view["number"] if view else ""
        self.tell(Line(self.steps, reader.node, reader.name, reader.lang, title, text, case, state, last))

    async def view(self, reader: Reader) -> dict[str, Any]:
        """Read the case as this person sees it."""
        found: dict[str, Any] = await reader.api.call("GET", f"cases/{self.case}", lang=reader.lang)
        return found

    async def until(self, reader: Reader, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read the case until it is as expected; raises `internal` after half a minute."""
        deadline = stopwatch() + _WAIT_S
        while True:
            try:
                view = await self.view(reader)
                if fits(view):
                    return view
            except ApiError as error:
                if error.answered != "not-found":
                    raise
            if stopwatch() > deadline:
                raise NodeError("internal", "The other node didn't get it in time.")
            await asyncio.sleep(0.05)

    async def act(self, reader: Reader, action: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do something with the case and read it back."""
        await reader.api.call("POST", f"cases/{self.case}/{action}", body or {})
        return await self.view(reader)

    async def _found(self, words: str) -> list[dict[str, Any]]:
        answer = await self.anna.api.call("GET", "authorities", q=words, country="HU", area=_AREA, lang="de")
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def find(self) -> None:
        """Find the authority abroad, searching in German."""
        deadline = stopwatch() + _WAIT_S
        while not (found := await self._found("zahnarzt")):
            if stopwatch() > deadline:
                raise NodeError("internal", "The Hungarian directory didn't arrive in time.")
            await asyncio.sleep(0.1)
        shown = "\n".join(
            f"{one['name']} – {(one['title'] or {}).get('text', '')} ({one['place']})" for one in found[:5]
        )
        self.say(self.anna, "zahnarzt · HU", shown)

    async def ask(self) -> None:
        """Choose set and questions in German, fill in, attach the diploma, send."""
        sets = await self.anna.api.call("GET", f"areas/{_AREA}/question-sets/establishment", lang="de")
        self.say(self.anna, sets["title"]["text"], chosen(sets, _QUESTIONS))
        draft = await self.anna.api.call(
            "POST", "drafts",
            {
                "authority": "DE-zaek-berlin", "country": "HU", "to": "HU-okfo", "area": _AREA, "set": "establishment",
                "questions": list(_QUESTIONS),
                "variables": {
                    "person": PERSON,
                    "profession": {"code": "dental-practitioner"},
                    "title": {"text": "fogorvos (doctor medicinae dentariae)", "lang": "hu"},
                    "document": {"name": "oklevel.pdf"},
                },
                "due": (self.today + dt.timedelta(days=21)).isoformat(),
                "comment": {"text": "Die Antragstellerin möchte sich in Berlin niederlassen.", "lang": "de"},
            },
        )  # fmt: skip
        await self.anna.api.upload(f"drafts/{draft['id']}/attachments", "oklevel.pdf", "application/pdf", diploma())
        sent = await self.anna.api.call("POST", "requests", {"draft": draft["id"]})
        self.case, self.number = sent["id"], sent["number"]
        view = await self.view(self.anna)
        self.say(self.anna, view["number"], questions_of(view), view)

    async def receive(self) -> None:
        """Budapest gets it in Hungarian and opens it with the diploma."""
        view = await self.until(self.katalin, lambda v: bool(v["attachments"]) and v["attachments"][0]["here"])
        self.say(self.katalin, view["question_set"]["text"], variables_of(view) + "\n" + questions_of(view), view)

    async def agree_on_a_date(self) -> None:
        """Budapest proposes another date, Berlin agrees."""
        later = (self.today + dt.timedelta(days=28)).isoformat()
        view = await self.act(self.katalin, "propose-date", {"date": later})
        self.say(self.katalin, last_done(view)["text"]["text"], last_done(view)["detail"]["text"], view)
        view = await self.until(self.anna, lambda v: "agree-date" in v["actions"])
        self.say(self.anna, view["holder_text"]["text"], _notices(view), view)
        view = await self.act(self.anna, "agree-date")
        self.say(self.anna, last_done(view)["text"]["text"], last_done(view)["detail"]["text"], view)
        await self.until(self.katalin, lambda v: v["due"]["state"] == "agreed")
        view = await self.act(self.katalin, "accept")
        self.say(self.katalin, last_done(view)["text"]["text"], view["holder_text"]["text"], view)

    async def answer(self) -> None:
        """Budapest answers in Hungarian with one comment; Berlin reads in German."""
        comment = {"text": "2015 óta szerepel az alapnyilvántartásban.", "lang": "hu"}
        view = await self.act(
            self.katalin, "reply",
            {
                "answers": {
                    "evidence-holder": {"code": "yes"},
                    "registration-status": {"code": "registered", "comment": comment},
                    "registration-number": {"text": "000000 (demo)", "lang": "hu"},
                    "entitled-to-practise": {"code": "yes"},
                    "sanctions": {"code": "no"},
                }
            },
        )  # fmt: skip
        self.say(self.katalin, last_done(view)["text"]["text"], answers_of(view), view)
        view = await self.until(self.anna, lambda v: v["state"] == "replied")
        self.say(self.anna, last_done(view)["text"]["text"], answers_of(view), view)

    async def clarify(self) -> None:
        """Berlin asks one clarification and gets it."""
        question = {"text": "Gilt die Eintragung auch für Kieferorthopädie?", "lang": "de"}
        view = await self.act(self.anna, "clarify", {"question": question})
        self.say(self.anna, last_done(view)["text"]["text"], view["clarifications"][-1]["asked"]["text"], view)
        view = await self.until(self.katalin, lambda v: v["state"] == "clarifying")
        self.say(self.katalin, last_done(view)["text"]["text"], _said(view["clarifications"][-1]["asked"]), view)
        answer = {"text": "Nem, csak az általános fogorvosi tevékenységre.", "lang": "hu"}
        view = await self.act(self.katalin, "reply", {"comment": answer})
        view = await self.until(self.anna, lambda v: v["state"] == "replied")
        self.say(self.anna, last_done(view)["text"]["text"], _said(view["clarifications"][-1]["answered"]), view)

    async def close(self) -> None:
        """Berlin closes; both timelines are shown."""
        await self.act(self.anna, "close")
        for reader in (self.anna, self.katalin):
            view = await self.until(reader, lambda v: v["state"] == "closed" and _settled(v))
            self.say(reader, view["state_text"]["text"], _timeline(view), view)

    async def nobody_else(self) -> None:
        """Show that a handler of another Berlin authority doesn't find the case."""
        try:
            await self.miriam.api.call("GET", f"cases/{self.case}", lang="de")
        except ApiError as error:
            if error.answered != "not-found":
                raise
            self.say(self.miriam, "404", f"{error.answered}: {error.detail}")
            return
        raise NodeError("internal", "Another authority could read the case.")


def chosen(question_set: dict[str, Any], ids: Collection[str]) -> str:
    """Return the questions that are picked, as the page shows them while no value is filled in."""
    texts = [q["text"]["text"] for q in question_set["questions"] if q["id"] in ids]
    return "\n".join(f"☑ {insert(text, dict.fromkeys(placeholders(text), '…'))}" for text in texts)


def _said(free: dict[str, Any]) -> str:
    return f"{free['text']} ({free['lang']})"


def questions_of(view: dict[str, Any]) -> str:
    """Return the questions of a case as its reader sees them."""
    return "\n".join(f"{'  ' * q['depth']}? {q['text']['text']}" for q in view["questions"])


def variables_of(view: dict[str, Any]) -> str:
    """Return what a case is about, as its reader sees it."""
    return "\n".join(line for v in view["variables"] for line in _variable(v))


def _variable(variable: dict[str, Any]) -> list[str]:
    label = variable["label"]["text"]
    return [f"{label}:", *rows_of(variable["table"])] if variable["table"] else [f"{label}: {variable['value']}"]


def rows_of(table: dict[str, Any]) -> list[str]:
    """Return a table as lines: its headings, and each row with its number."""
    columns = [column["id"] for column in table["columns"]]
    rows = (" | ".join(row[name]["text"] if name in row else "" for name in columns) for row in table["rows"])
    headings = " | ".join(column["text"]["text"] for column in table["columns"])
    return [f"     {headings}", *(f"  {number:>2} {row}" for number, row in enumerate(rows, 1))]


def _notices(view: dict[str, Any]) -> str:
    return "\n".join(notice["text"] for notice in view["notices"])


def answers_of(view: dict[str, Any]) -> str:
    """Return questions and answers of a case as its reader sees them."""
    lines = []
    for question in view["questions"]:
        answer = question["answer"] or {}
        table = answer.get("table")
        words = "\n".join(("", *rows_of(table))) if table else _words(answer)
        lines.append(f"{'  ' * question['depth']}? {question['text']['text']}")
        lines.append(f"{'  ' * question['depth']}→ {words}")
        if answer.get("comment"):
            lines.append(f"{'  ' * question['depth']}  {_said(answer['comment'])}")
    return "\n".join(lines)


def _words(answer: dict[str, Any]) -> str:
    found: str = (answer.get("label") or answer.get("free") or {}).get("text", "–")
    return found


def last_done(view: dict[str, Any]) -> dict[str, Any]:
    """Return what a person did last: that a file has come, say, may be noted right after it."""
    return next(entry for entry in reversed(view["timeline"]) if entry["person"])


def _timeline(view: dict[str, Any]) -> str:
    return "\n".join(
        f"{entry['at'][:16].replace('T', ' ')}  {entry['authority']}"
        + (f", {entry['person']}" if entry["person"] else "")
        + f": {entry['text']['text']}"
        for entry in view["timeline"]
    )


def _settled(view: dict[str, Any]) -> bool:
    return all(entry["transit"] == "applied" for entry in view["timeline"])


def diploma() -> bytes:
    """Return a small PDF that says that it is no diploma."""
    text = "BT /F1 18 Tf 72 700 Td (DEMO - no real diploma) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            " /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
        ),
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
    ]
    body, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return f"{body}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode("ascii")

"""An area's rules say what an authority must be there to ask and to be asked."""

from dataclasses import replace
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.clock import new_uuid
from node.errors import NodeError
from node.service import cases, forwarding, requests
from node.service.node import Node
from protocol.content import MATTER, ForwardMatter, PartyName, Said, SplitMatter
from tests.dashboard.test_pages import desks
from tests.exchange.attacker import act, attacked
from tests.exchange.test_crossing import asked
from tests.exchange.test_story import ANNA, KATALIN, request
from translations.area import Roles

AREA = "professional-qualifications"


async def _roles(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        content = request()
        variables = {name: value for name, value in content.variables.items() if name != "document"}
        content = content.model_copy(update={"variables": variables, "questions": ("registration-status", "sanctions")})
        for version, (roles, faults) in enumerate(
            (
                (Roles(asking=("coordinator",), replying=("authority",)), {"authority": "wrong-role"}),
                (Roles(asking=("authority",), replying=("coordinator",)), {"to": "wrong-role"}),
                (Roles(asking=("authority",), replying=("authority",)), {}),
            ),
            90,
        ):
            for node in (both["DE"], both["HU"]):
                known = node.areas[AREA]
                rules = known.rules.model_copy(update={"roles": roles, "version": version})
                node.areas.add(replace(known, rules=rules))
            if faults:
                with pytest.raises(NodeError) as error:
                    await requests.send(both["DE"], ANNA, content)
                assert (error.value.code, error.value.fields) == ("invalid", faults)
            else:
                await requests.send(both["DE"], ANNA, content)
        await cases.accept(both["HU"], KATALIN, case_id)
        with pytest.raises(NodeError) as refused:
            await forwarding.forward(both["HU"], KATALIN, case_id, "HU-oktatasi-hivatal", Said(text="?", lang="hu"))
        assert refused.value.fields == {"to": "wrong-role"}
        await forwarding.forward(both["HU"], KATALIN, case_id, "HU-mok", Said(text="?", lang="hu"))


def test_the_area_s_roles_decide_who_asks_and_who_is_asked(tmp_path: Path) -> None:
    """Refused before anything is signed, and named by field; passing on too; what the rules allow goes through."""
    run(_roles(tmp_path))


COORDINATORS, AUTHORITIES = ("coordinator",), ("authority",)


def _ruled(node: Node, asking: tuple[str, ...], replying: tuple[str, ...]) -> None:
    """Let a node have a newer version of the area, with the same question sets and these roles."""
    known = node.areas[AREA]
    roles = Roles(asking=asking, replying=replying)  # type: ignore[arg-type]
    rules = known.rules.model_copy(update={"roles": roles, "version": known.version + 1})
    node.areas.add(replace(known, rules=rules))


async def _hostile(folder: Path) -> None:
    async with attacked(folder) as a:
        _ruled(a.victim, COORDINATORS, AUTHORITIES)
        assert await a.send(a.request()) == ["not-competent"]
        assert await a.send(a.request({"set": "later"})) == ["stored"]  # a newer version may say otherwise
        by_coordinator = a.request({"asking": PartyName(authority="DE-bva", name="BVA")})
        assert await a.send(by_coordinator) == ["stored"]
        _ruled(a.victim, AUTHORITIES, COORDINATORS)
        assert await a.send(a.request()) == ["not-competent"]
        _ruled(a.victim, AUTHORITIES, AUTHORITIES)
        assert await a.send(a.request()) == ["stored"]
        to, who = PartyName(authority="DE-bva", name="BVA"), act().actor
        passed_on = {MATTER: ForwardMatter(actor=who, to=to)}
        assert await a.send(a.follow(a.asked_by_victim, "request.forward", passed_on)) == ["not-competent"]
        divided = {MATTER: SplitMatter(actor=who, to=to, items=("sanctions",), part=new_uuid(a.node.entropy))}
        assert await a.send(a.follow(a.asked_by_victim, "request.split", divided)) == ["not-competent"]
        _ruled(a.victim, AUTHORITIES, (*COORDINATORS, *AUTHORITIES))
        assert await a.send(a.follow(a.asked_by_victim, "request.split", divided)) == ["stored"]
        assert await a.send(a.follow(a.asked_by_victim, "request.forward", passed_on)) == ["stored"]


def test_a_hostile_sender_s_authority_is_judged_by_the_area_s_roles_here(tmp_path: Path) -> None:
    """Who isn't what the rules name neither asks nor is asked, gets no case passed on and no part (SPEC S-309)."""
    run(_hostile(tmp_path))


async def test_the_form_says_that_the_area_doesn_t_let_it(tmp_path: Path) -> None:
    """The official learns it when the area is chosen, in words, and what was chosen stays."""
    async with desks(tmp_path) as (both, anna, _):
        await both.settled()
        known = both["DE"].areas[AREA]
        roles = Roles(asking=("coordinator",), replying=("authority",))
        both["DE"].areas.add(replace(known, rules=known.rules.model_copy(update={"roles": roles, "version": 90})))
        found = await anna.get("/find?q=zahnarzt&country=HU")
        start = await anna.post(next(form for form in found.forms if form.fields.get("authority") == "HU-okfo"))
        again = await anna.post(start.form(start.path), set=f"{AREA}/establishment")
        assert (again.path, "Nach den Regeln dieses Rechtsbereichs" in again.text) == (start.path, True)
        assert again.form(start.path).fields["set"] == f"{AREA}/establishment"

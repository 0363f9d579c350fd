"""The form of a record: what is opened and saved unchanged is unchanged, and what two editors typed is merged."""

from types import SimpleNamespace
from typing import Any

import pytest

from directory_sync.authority import Authority
from directory_sync.demo import COUNTRIES, demo_authorities
from node.dashboard.authority_form import Filled, filled, merged, record_of
from tests.directory_sync.world import authority
from tests.exchange.pair import texts_of_this_tree
from tests.node.coordinated import LINKS, PQ, country

NODE: Any = SimpleNamespace(areas=texts_of_this_tree()[0])
WHOLE = authority(
    links={**LINKS, "request": {PQ: ["DE-area", "DE-state"]}},
    areas=[{"area": PQ, "role": "coordinator", "status": "suspended"}],
    region={"code": "DE3", "name": "Berlin", "names": {"el": "Βερολίνο"}},
    competences=["profession:doctor", "laser", "activity:crafts", "x:unknown"],
    descriptions={"de": "Zeile 1\nZeile 2"},
    contacts={"address": "Am Markt 1", "phone": "+49 30 1"},
    titles={"de": "Kammer", "ca": "Cambra"},
    languages=["de", "ca"],
    opening_hours="9-12",
)


@pytest.mark.parametrize(
    "one", [*(a for c in COUNTRIES for a in demo_authorities(c)), *country(), WHOLE], ids=lambda one: one.id
)
def test_a_form_that_is_saved_as_it_was_opened_changes_nothing(one: Authority) -> None:
    """Every field survives the form: several languages, boxes, free keywords, links, and what has no field."""
    assert Authority.model_validate(record_of(one.model_dump(mode="json"), filled(one, NODE))) == one


def test_a_form_without_the_coordinator_s_fields_leaves_them_alone() -> None:
    """What a local administrator isn't shown stays as it is."""
    there = WHOLE.model_dump(mode="json")
    shown = filled(WHOLE, NODE)
    hidden = ("name", "level", "region", "coordinator", "validating", "access.", "request.", "observers")
    own = {name: text for name, text in shown.values.items() if not name.startswith(hidden)}
    picked = {**shown.picked, "languages": frozenset({"de"})}  # the pages have no box for Catalan
    assert Authority.model_validate(record_of(there, Filled(own, picked))) == WHOLE
    assert Authority.model_validate(record_of(there, Filled({"place": "Bonn"}))) == WHOLE.model_copy(
        update={"place": "Bonn"}
    )


def test_what_two_editors_typed_is_merged() -> None:
    """Who comes second keeps what she typed and boxes she ticked, and gets what only the first changed."""
    base = Filled({"place": "Berlin", "phone": "1", "web": "a"}, {"languages": frozenset({"de"})})
    theirs = Filled({"place": "Potsdam", "phone": "2", "web": "a"}, {"languages": frozenset({"de", "en"})})
    mine = Filled({"place": "Berlin", "phone": "3", "web": "b"}, {"languages": frozenset({"de"})})
    both = merged(base, theirs, mine)
    assert both.values == {"place": "Potsdam", "phone": "3", "web": "b"}
    assert both.picked == {"languages": {"de", "en"}}
    ticked = merged(base, theirs, Filled({}, {"languages": frozenset({"de", "pl"})}))
    assert ticked.picked == {"languages": {"de", "pl"}}

"""Sample pages of the operator: peers, queues, countries."""

from collections.abc import Mapping
from types import SimpleNamespace as Thing
from typing import Any, get_args

from node.dashboard.confirm import Confirmation
from node.dashboard.peers import PeerLine
from node.service.countries import CountryState, State
from node.service.freshness import Standing
from node.service.observe import PeerStatus
from protocol.countries import COUNTRIES
from tests.dashboard.samples.values import ATTACK, at, frame, t
from translations.languages import country_name


def peer_status(country: str, queue: str, **more: Any) -> PeerStatus:
    """Give the state of a peer."""
    return PeerStatus(
        **{
            "country": country,
            "standing": "active",
            "blocked": False,
            "reached_at": at(20),
            "failed_since": None,
            "failure": None,
            "called_at": at(21),
            "last_receipt_at": at(20),
            "last_message_at": None,
            "clock_offset_s": -2.0,
            "waiting": 0,
            "waiting_since": None,
            "queue": queue,
            "held_since": None,
            "attempts": 0,
            "next_try_at": None,
            **more,
        }
    )


def operator_pages() -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Give the operator's pages: the other nodes, their queues, this node."""
    failing = {"failed_since": at(19), "failure": ATTACK, "attempts": 12, "next_try_at": at(22), "reached_at": None}
    waits = {"waiting": 3, "waiting_since": at(19)}
    lines = (
        PeerLine(peer_status("HU", "retrying", **failing, **waits), "Hungary", "+3600 s"),
        PeerLine(
            peer_status("SE", "blocked", blocked=True, standing="suspended", called_at=None),
            "Sweden",
            "",
            t("peers.suspended", when="1 Dec", countries=f"Austria {ATTACK}"),
        ),
        PeerLine(peer_status("AT", "held", held_since=at(18), **waits), f"Austria {ATTACK}", "+0 s"),
        PeerLine(peer_status("FI", "empty"), "Finland", "+0 s"),
    )
    detail = Thing(
        status=lines[0].status,
        directory=Thing(version=7, confirmed_at=at(19)),
        compared=True,
        compared_at=at(18),
        losses=(
            Thing(found_at=at(16), finished_at=None, messages=3, refused=ATTACK),
            Thing(found_at=at(17), finished_at=None, messages=0, refused=None),
        ),
    )
    quiet = Thing(status=lines[3].status, directory=None, compared=False, compared_at=None, losses=())
    messages = (
        Thing(number="DE-2026-000412", kind=t("event.request.send"), since=at(19), sealed=True),
        Thing(number="DE-2026-000413", kind=t("event.request.send"), since=at(20), sealed=False),
    )
    found = Thing(name="peer", message=f"HU {ATTACK}", mend="entente peer unblock HU")
    kept = (("Hungary", Thing(code="fork", at=at(3))), (ATTACK, Thing(code="schema", at=at(4))))
    endings = (Thing(name="record of DE", until=at(28), days_left=7), Thing(name="root", until=at(1), days_left=-20))
    shared = {"line": lines[0], "actions": ("retry", "hold", "block")}
    queue = {**frame("queue"), **shared, "newer_href": None, "more_href": "/queue/HU?from=50"}
    node = {**frame("node"), "command": "entente doctor", "endings": endings, "proofs": kept, "refusals": kept}
    empty = {"findings": {"fail": (), "warn": (), "ok": ()}, "endings": (), "proofs": (), "refusals": ()}
    block = Confirmation("block", f"Hungary {ATTACK}", "/peers/HU", label=t("peers.block"), final=False)
    give_up = Confirmation("give-up", "DE-2026-000412", "/queue/HU", {"number": ATTACK}, label=t("queue.give-up"))
    return {
        "peers": (
            "peers.html",
            {**frame("peers"), "peers": lines, "own": t("peers.suspended", when="1 Dec", countries="Austria")},
        ),
        "peers-none": ("peers.html", {**frame("peers"), "peers": (), "own": None}),
        "peer": (
            "peer.html",
            {**frame("peers"), **shared, "peer": detail, "epochs": ((Thing(epoch=2, at=at(20)), "Hungary"),)},
        ),
        "peer-quiet": ("peer.html", {**frame("peers"), "line": lines[3], "actions": (), "peer": quiet, "epochs": ()}),
        "queues": ("queues.html", {**frame("queue"), "peers": lines[:3]}),
        "queues-empty": ("queues.html", {**frame("queue"), "peers": ()}),
        "queue": ("queue.html", {**queue, "messages": messages, "unsealed": Thing(count=1)}),
        "queue-empty": ("queue.html", {**queue, "messages": (), "unsealed": Thing(count=0)}),
        "node": ("node.html", {**node, "findings": {"fail": (found,), "warn": (found,), "ok": (found,)}}),
        "node-quiet": ("node.html", {**node, **empty}),
        "confirm-block": ("confirm.html", {**frame("peers"), "question": block, "action": "/peers/HU/block"}),
        "confirm-give-up": ("confirm.html", {**frame("queue"), "question": give_up, "action": "/queue/HU/give-up"}),
    }


def countries() -> dict[str, Any]:
    """Give the countries, one in each state, the others taking no part."""
    states: dict[str, State] = dict.fromkeys(COUNTRIES, "absent")
    states |= dict(zip(("DE", "HU", "AT", "FR", "PL", "CY"), get_args(State), strict=False))
    known = ("own", "ready", "silent", "blocked", "suspended")
    logs = {
        country: Standing(grade=grade, witnesses=n, needed=10, frozen=frozen)
        for n, (country, grade, frozen) in enumerate(
            (("DE", "fresh", None), ("HU", "stale", None), ("AT", "known-only", None), ("PL", "fresh", ATTACK))
        )
    }
    found = tuple(
        CountryState(
            country=country,
            name=country_name(country, "en"),
            state=state,
            authorities=2303 if state in known else 0,
            version=12 if state in known else None,
            confirmed_at=at(22) if state in known else None,
            log=logs.get(country) if state in known else None,
        )
        for country, state in states.items()
    )
    return {**frame("find"), "found": found, "states": states}

"""Events and cases: signatures, commitments, chains, and each case against the events that made it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby

from node.errors import NodeError
from node.service import contents
from node.service.finding import Finding
from node.service.folding import fold_case
from node.service.node import Node
from node.service.verify_streams import signed_by
from node.store import cases, erasures, overview, streams
from node.store.tx import Row
from protocol.content import SEND_KIND, chain_of
from protocol.encoding import b64u
from protocol.event import parse_item
from protocol.problems import ProtocolError


def check(view: Node) -> Iterator[Finding]:
    """Return what is wrong with events and cases."""
    stored = {row["id"]: row for row in view.store.read_now(cases.overview)}
    erased = view.case_keys.erased().keys() | view.store.read_now(erasures.unheld)
    seen = set()
    all_events = view.store.read_now(overview.events)
    for case_id, rows in groupby(all_events, key=lambda row: str(row["case_id"])):
        seen.add(case_id)
        if case_id not in stored and case_id not in erased:  # of which an old disk has got signed words back
            yield Finding("case-missing", f"case {case_id}", "has events and isn't there")
        yield from _Case(view, case_id, list(rows), erased).check(stored.get(case_id))
    for case_id in sorted(stored.keys() - seen):
        yield Finding("event-missing", f"case {case_id}", "has no events")


@dataclass(frozen=True)
class _Case:
    view: Node
    id: str
    rows: list[Row]
    erased: Collection[str]

    @property
    def subject(self) -> str:
        return f"case {self.id}"

    def check(self, stored: Row | None) -> Iterator[Finding]:
        damaged, key = False, None
        try:
            key = self.view.case_keys.find(self.id)
        except NodeError as error:
            if self.id not in self.erased:
                yield Finding("case-key-missing", self.subject, error.message)
                return  # of an erased one, what was signed still has to be there, and to follow
        for row in self.rows:
            found = list(self._event(key, row))
            damaged |= bool(found)
            yield from found
        if damaged or (stored is None and self.id not in self.erased):
            return  # what follows would only repeat it
        yield from self._chains()
        if key is not None and stored is not None:
            yield from self._state(stored)

    def _event(self, key: bytes | None, row: Row) -> Iterator[Finding]:
        subject = f"event {row['digest']}"
        try:
            event = parse_item(bytes(row["line"]))
        except ProtocolError as error:
            yield Finding("event-damaged", subject, str(error))
            return
        claims = event.claims
        said = (b64u(event.digest), claims.jti, claims.iss, claims.case, claims.kind, claims.n)
        if said != tuple(row[name] for name in ("digest", "jti", "iss", "case_id", "kind", "n")):
            yield Finding("event-damaged", subject, "isn't the event that was stored here")
        if wrong := signed_by(self.view, claims.iss, event.kid, event.jws):
            yield Finding("event-signature", subject, wrong)
        if key is None:
            return
        try:
            contents.open_row(self.view, key, row)
        except NodeError as error:
            yield Finding("content-damaged", subject, error.message)

    def _chains(self) -> Iterator[Finding]:
        for chain in ("request", "date"):
            said = [row for row in self.rows if chain_of(row["kind"]) == chain]
            rows = sorted((row for row in said if row["status"] != "refused"), key=lambda row: row["n"])
            refused = {row["n"] for row in said if row["status"] == "refused"}
            expected, before = 1, self._send_digest() if chain == "date" else None
            for row in rows:
                if row["status"] == "applied" and row["n"] > expected and expected in refused:
                    break  # the counterpart went on with what it had refused: it contradicts itself, nothing is lost
                if row["n"] < expected:
                    yield Finding("chain-broken", self.subject, f"two {chain} events have number {row['n']}")
                elif row["n"] > expected and row["status"] != "on-its-way":
                    yield Finding("chain-broken", self.subject, f"{chain} event {expected} is missing")
                elif not self._follows(row, before):
                    yield Finding("chain-broken", self.subject, f"{chain} event {row['n']} names another predecessor")
                expected, before = row["n"] + 1, row["digest"]

    def _send_digest(self) -> str | None:
        return next((row["digest"] for row in self.rows if row["kind"] == SEND_KIND), None)

    def _follows(self, row: Row, before: str | None) -> bool:
        prev = parse_item(bytes(row["line"])).claims.prev
        if prev == before or row["status"] == "on-its-way":
            return True
        return prev is not None and self.view.store.read_now(lambda q: streams.by_receipt(q, prev)) is not None

    def _state(self, stored: Row) -> Iterator[Finding]:
        folded = fold_case(self.view, self.id)
        if folded is None:
            if stored["state"] != "refused":
                yield Finding("case-state", self.subject, f"is {stored['state']}, its request was refused")
        elif (here := cases.from_row(stored)) != folded:
            wrong = [name for name in vars(folded) if getattr(folded, name) != getattr(here, name)]
            yield Finding("case-state", self.subject, f"differs from its events in: {', '.join(wrong)}")
        waiting = sum(row["status"] == "on-its-way" for row in self.rows)
        if waiting != stored["on_its_way"]:
            yield Finding("case-state", self.subject, f"counts {stored['on_its_way']} on their way, {waiting} are")

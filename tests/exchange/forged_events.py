"""Events as a lying member makes them, each with the code by which it is void for good."""

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from node.domain.access import Actor, granted
from node.domain.case import Case
from node.service import corrections
from node.service.node import Node
from node.store import events
from protocol import jws
from protocol.content import (
    Asked,
    Cell,
    DateMatter,
    ForwardMatter,
    MessagePerson,
    PartyName,
    RatingMatter,
    Reply,
    ReplyMatter,
    ReplyPerson,
    Said,
    SendPerson,
    SplitMatter,
    Variable,
    WordPerson,
)
from protocol.encoding import b64u
from protocol.event import parse_item
from protocol.limits import MAX_CORRECTIONS, MAX_MESSAGES, MAX_OPENED, MAX_ROWS, MAX_WISHES
from protocol.part import SealedPart
from protocol.slot import Slot, wrap
from tests.exchange.attacker import DUE, SUSPENDED, Attacker, Item, act, garbled, raw
from tests.exchange.test_attacks import another_signer, revoked
from tests.exchange.test_refusal import stored_case

Craft = Callable[[Attacker], Item | bytes | Awaitable[Item | bytes]]
"""Makes an event of an attacker's, or the bytes of its line."""


def claim_anew(node: Node, item: Item, **changed: Any) -> Item:
    """Sign an event again with other claims."""
    parsed = jws.parse(item.compact, limit=10**6)
    claims = {**parsed.claims(), **changed}
    return replace(item, compact=jws.sign(node.keys.signer, "entente-event-v1", claims, parsed.header["iat"]))


def _part(a: Attacker, **changed: Any) -> Item:
    item = a.request()
    first = {**jws.parse(item.compact, limit=10**6).claims()["parts"][0], **changed}
    rest = jws.parse(item.compact, limit=10**6).claims()["parts"][1:]
    return claim_anew(a.node, item, parts=[first, *rest])


def reply_with(answers: dict[str, Reply], **personal: Any) -> dict[str, Any]:
    """Return the contents of a reply."""
    matter = ReplyMatter(actor=act("DE-zaek-berlin").actor)
    return {"matter": matter, "person": ReplyPerson(answers=answers, **personal)}


async def _answer_in_matter(a: Attacker) -> Item:
    answers = {**RIGHT, "evidence-holder": Reply(code="yes", comment=Said(text="Eszter Kovács", lang="hu"))}
    matter = ReplyMatter(actor=act("DE-zaek-berlin").actor, answers=answers)
    return a.follow(await _accepted(a), "request.reply", {"matter": matter})


RIGHT = {
    "evidence-holder": Reply(code="yes"),
    "registration-status": Reply(code="registered"),
    "sanctions": Reply(code="no"),
}


async def _accepted(a: Attacker) -> Case:
    case = await a.be_asked()
    assert await a.send(a.follow(case, "request.accept", {"matter": act()})) == ["stored"]
    return case


async def _answer(a: Attacker, **answers: Reply | None) -> Item:
    changed = {**RIGHT, **{name.replace("_", "-"): reply for name, reply in answers.items()}}
    given = {name: reply for name, reply in changed.items() if reply is not None}
    return a.follow(await _accepted(a), "request.reply", reply_with(given))


def _rating(rate: int) -> RatingMatter:
    return RatingMatter(actor=act().actor, timeliness=rate, efforts=rate)


def _workers(a: Attacker, *rows: dict[str, Cell], about: bool = True) -> Item:
    """Return a request about posted workers, whose table is personal; `about` puts it where it belongs."""
    question_set = a.victim.areas["posting"].question_sets["information"]
    known = {"area": "posting", "set": "information"}
    known |= {"version": question_set.version, "set_sha256": question_set.sha256}
    plain = {"legal_form": Variable(code="hu-kft"), "sector": Variable(code="f")}
    plain |= {name: Variable(text="x", lang="de") for name in ("period", "workplace")}
    table = {"workers": Variable.model_construct(rows=rows)}
    variables, person = (plain, table) if about else (plain | table, {})
    asked = (Asked(item="remuneration"),)
    return a.request({**known, "questions": asked, "variables": variables}, SendPerson(variables=person))


WORKER = {"given_names": Cell(name="Eszter"), "family_name": Cell(name="Kovács")}


async def _partly(a: Attacker, answers: dict[str, Reply]) -> Item:
    return a.follow(await _accepted(a), "request.reply-part", reply_with(answers))


async def _reused_id(a: Attacker) -> Item:
    first = a.request()
    assert await a.send(first) == ["stored"]
    return a.request(jti=parse_item(first.line).claims.jti)


async def _same_number(a: Attacker) -> Item:
    assert a.asked is not None
    return a.request({"number": a.asked.number})


async def _other_pair(a: Attacker) -> Item:
    return a.follow(await a.be_asked("AT"), "request.accept", {"matter": act()})


async def _other_date(a: Attacker) -> Item:
    case = a.asked_by_victim
    return a.follow(case, "date.agree", {"matter": DateMatter(actor=act().actor, date=DUE + dt.timedelta(days=1))})


def _slot_twice(a: Attacker) -> Item:
    item = a.request()
    return replace(item, slots=(*item.slots, item.slots[0]))


def _slots(a: Attacker, change: Callable[[Slot], Slot]) -> Item:
    item = a.request()
    return replace(item, slots=tuple(change(slot) for slot in item.slots))


def _slot_for_nothing(a: Attacker) -> Item:
    """Return an event with one slot more, which opens."""
    item = a.request()
    claims, members = parse_item(item.line).claims, a.victim.members
    reader = members.encryption_key("HU") if members else None
    assert reader is not None
    return replace(item, slots=(*item.slots, wrap({"nothing": bytes(32)}, reader, claims.address)))


def _person_in_matter(a: Attacker) -> Item:
    variables = a.person().variables
    document = {name: value for name, value in variables.items() if name != "person"}
    common = {
        "profession": Variable(code="dental-practitioner"),
        "title": Variable(text="fogorvosi oklevél", lang="hu"),
        "person": variables["person"],
    }
    return a.request({"variables": common}, SendPerson(variables=document))


def _for_another_reader(a: Attacker) -> Item:
    assert a.victim.members is not None
    return a.event("request.send", {"matter": b"{}"}, n=1, reader=a.victim.members.encryption_key("AT"))


def _of_another_member(a: Attacker) -> Item:
    return a.request(iss="AT")


def _really_of_another_member(a: Attacker) -> Item:
    return claim_anew(a.other, a.request(iss="AT"))


def _claimed_signer(a: Attacker) -> Item:
    signer, own = another_signer(a)[0], a.node.keys.signer
    return a.event("request.send", {"matter": b"{}"}, n=1, signer=jws.KeySigner(signer.private_key, own.kid, own.x5t))


def _of(kind: str, content: bytes | None = None, **claims: Any) -> Craft:
    return lambda a: a.follow(a.asked, kind, {"matter": content or act()}, **claims)


def _on_theirs(kind: str, **claims: Any) -> Craft:
    return lambda a: a.follow(a.asked_by_victim, kind, {"matter": act()}, **claims)


def _message(a: Attacker, about: Case, said: MessagePerson) -> Item:
    return a.follow(about, "note.message", {"matter": act(), "person": said})


async def _one_message_too_many(a: Attacker) -> Item:
    case, word = await a.be_asked(), MessagePerson(comment=Said(text="?", lang="de"))
    assert await a.send(*(_message(a, case, word) for _ in range(MAX_MESSAGES))) == ["stored"] * MAX_MESSAGES
    return _message(a, case, word)


async def _one_wish_too_many(a: Attacker) -> Item:  # SPEC S-232
    item, most = a.request(), MAX_WISHES
    assert await a.send(item) == ["stored"]
    case = stored_case(a.victim, parse_item(item.line).claims.case)
    wishes = [a.follow(case, "wish.withdraw", {"matter": act()}) for _ in range(most)]
    assert set(await a.send(*wishes)) == {"stored"}
    return a.follow(case, "wish.withdraw", {"matter": act()})


async def _one_opening_too_many(a: Attacker) -> Item:
    case, most = await a.be_asked(), MAX_OPENED
    notices = [a.follow(case, "notice.opened", {"matter": act()}) for _ in range(most)]
    assert set(await a.send(*notices)) == {"stored"}
    return a.follow(case, "notice.opened", {"matter": act()})


def _opening_of(a: Attacker, case: Case) -> str:
    """Return the digest of the request of a case, which its asking side has said."""
    rows = a.victim.store.read_now(lambda q: events.of_case(q, case.id))
    return str(rows[0]["digest"])


def _beside(a: Attacker, case: Case, kind: str, words: str | None = "No.", **said: Any) -> Item:
    """Return a contest or an answer to one in a case."""
    parts: dict[str, Any] = {"matter": raw({"actor": {"authority": "DE-zaek-berlin"}, **said})}
    if words is not None:
        parts["person"] = WordPerson(comment=Said(text=words, lang="de"))
    return a.follow(case, f"correction.{kind}", parts)


def contest_of(a: Attacker, case: Case, words: str | None = "No.", **said: Any) -> Item:
    """Contest the event that opened a case."""
    return _beside(a, case, "contest", words, **{"event": _opening_of(a, case), "ground": "accuracy", **said})


async def _correct_theirs(a: Attacker) -> Item:
    case = await a.be_asked()
    return _beside(a, case, "correct", event=_opening_of(a, case))


async def _settle_theirs(a: Attacker) -> Item:
    case = await a.be_asked()
    contest = contest_of(a, case)
    assert await a.send(contest) == ["stored"]
    return _beside(a, case, "settle", contest=parse_item(contest.line).claims.jti)


async def _withdraw_theirs(a: Attacker) -> Item:
    case = await a.be_asked()
    zsofia = Actor("id-zsofia", "Zsófia", "hu", granted(["data-administrator"], ["HU-okfo"]))
    word = Said(text="Nem.", lang="hu")
    await corrections.contest(a.victim, zsofia, case.id, _opening_of(a, case), "accuracy", word)
    (shown,) = corrections.read(a.victim, zsofia, case.id, "hu").corrections
    return _beside(a, case, "withdraw", contest=shown.id)


async def _own_contest(a: Attacker) -> tuple[Case, str]:
    """Have the attacker contest what it has itself asked; return the case, and the contest's identifier."""
    item = a.request()
    assert await a.send(item) == ["stored"]
    case = stored_case(a.victim, parse_item(item.line).claims.case)
    contest = contest_of(a, case)
    assert await a.send(contest) == ["stored"]
    return case, parse_item(contest.line).claims.jti


async def _settled_twice(a: Attacker) -> Item:
    case, contest = await _own_contest(a)
    assert await a.send(_beside(a, case, "settle", contest=contest)) == ["stored"]
    return _beside(a, case, "correct", event=_opening_of(a, case), contest=contest)


async def _withdrawn_twice(a: Attacker) -> Item:
    case, contest = await _own_contest(a)
    assert await a.send(_beside(a, case, "withdraw", contest=contest)) == ["stored"]
    return _beside(a, case, "withdraw", contest=contest)


async def _another_event(a: Attacker) -> Item:
    case, contest = await _own_contest(a)
    message = _message(a, case, MessagePerson(comment=Said(text="?", lang="de")))
    assert await a.send(message) == ["stored"]
    return _beside(a, case, "correct", event=b64u(message.digest), contest=contest)


async def _one_contest_too_many(a: Attacker) -> Item:
    case, most = await a.be_asked(), MAX_CORRECTIONS
    assert set(await a.send(*(contest_of(a, case) for _ in range(most)))) == {"stored"}
    return contest_of(a, case)


def _passed_on(to: str) -> Craft:
    matter = ForwardMatter(actor=act().actor, to=PartyName(authority=to, name="?"))
    return lambda a: a.follow(a.asked_by_victim, "request.forward", {"matter": matter})


def _divided(*items: str) -> Craft:
    to = PartyName(authority="DE-aek-berlin", name="?")
    matter = SplitMatter(actor=act().actor, to=to, items=items, part=STRANGE)
    return lambda a: a.follow(a.asked_by_victim, "request.split", {"matter": matter})


STRANGE = "00000000-0000-4000-8000-00000000000f"
DEEP = b'{"actor":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
REFERRED = raw({"actor": {"authority": "DE-zaek-berlin"}, "to": {"authority": "DE-bva", "name": "?"}})
ELSEWHERE = PartyName(authority="HU-nowhere", name="?")
AUSTRIAN = PartyName(authority="AT-bka", name="?")

REFUSED: dict[str, tuple[Craft, str]] = {
    "no JSON": (lambda _a: b"nothing", "event-malformed"),
    "a list": (lambda _a: b"[]", "event-malformed"),
    "10,000 deep": (lambda _a: b'{"event":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "event-malformed"),
    "10,000 deep in its claims": (
        lambda a: (
            b'{"event":"%s.%s.AAAA"}'
            % (a.request().compact.split(".")[0].encode(), b64u(b'{"iss":' + b"[" * 10_000).encode())
        ),
        "event-malformed",
    ),
    "a key twice": (lambda a: a.request().line.replace(b'{"event"', b'{"event":"","event"', 1), "event-malformed"),
    "no number": (lambda a: a.request(n=None), "event-malformed"),
    "a number where none belongs": (_of("notice.opened", n=2), "event-malformed"),
    "a part claimed twice": (
        lambda a: a.request(parts=[{"id": "matter", "commit": b64u(bytes(32)), "size": 1}] * 2),
        "event-malformed",
    ),
    "two slots for one part and key": (_slot_twice, "event-malformed"),
    "another signature": (_claimed_signer, "event-signature"),
    "a revoked key": (
        lambda a: a.event("request.send", {"matter": b"{}"}, n=1, signer=revoked(a)),
        "event-key-revoked",
    ),
    "another issuer": (_of_another_member, "event-issuer"),
    "an event another member really signed": (_really_of_another_member, "event-issuer"),
    "another audience": (lambda a: a.request(aud=["AT"]), "event-audience"),
    "an identifier of another event": (_reused_id, "event-reused-id"),
    "an unknown kind": (lambda a: a.follow(a.asked, "request.dance", {"matter": act()}), "unknown-kind"),
    "an unknown family": (lambda a: a.follow(a.asked, "alert.send", {"matter": act()}), "unknown-kind"),
    "a part left out": (lambda a: (lambda i: replace(i, parts=i.parts[:1]))(a.request()), "part-missing"),
    "a part too many": (
        lambda a: (lambda i: replace(i, parts=(*i.parts, SealedPart("more", b"x"))))(a.request()),
        "part-missing",
    ),
    "a part that the kind doesn't have": (
        lambda a: a.follow(a.asked, "request.close", {"matter": act(), "person": b"{}"}),
        "part-missing",
    ),
    "no matter": (lambda a: a.follow(a.asked, "request.close", {"person": b"{}"}), "part-missing"),
    "another commitment": (lambda a: _part(a, commit=b64u(bytes(32))), "part-commitment"),
    "another size": (lambda a: _part(a, size=7), "part-commitment"),
    "a part altered": (lambda a: garbled(a.request()), "part-unreadable"),
    "a slot for another reader": (_for_another_reader, "part-unreadable"),
    "no slot": (lambda a: replace(a.request(), slots=()), "part-unreadable"),
    "a slot with stray bytes": (
        lambda a: _slots(a, lambda slot: replace(slot, wrapped=bytes(len(slot.wrapped)))),
        "part-unreadable",
    ),
    "a slot cut short": (lambda a: _slots(a, lambda slot: replace(slot, enc=slot.enc[:-1])), "part-unreadable"),
    "a suite that isn't allowed": (lambda a: _slots(a, lambda slot: replace(slot, suite="RSA")), "part-unreadable"),
    "content of another shape": (_of("wish.withdraw", raw({"actor": "me"})), "content-malformed"),
    "a slot of ours for a part that isn't named": (_slot_for_nothing, "part-unreadable"),
    "a variable of two types": (
        lambda a: a.request({"variables": {"profession": Variable(code="dental-practitioner", country="DE")}}),
        "content-malformed",
    ),
    "a variable of a set that isn't here, of two types": (
        lambda a: a.request({"set": "later", "variables": {"x": Variable(code="a", country="DE")}}),
        "content-malformed",
    ),
    "an answer of no type": (
        lambda a: a.follow(
            a.asked_by_victim, "request.reply", reply_with({"sanctions": Reply(comment=Said(text="?", lang="de"))})
        ),
        "content-malformed",
    ),
    "a variable in both parts": (
        lambda a: a.request({"variables": {"person": a.person().variables["person"]}}),
        "content-malformed",
    ),
    "the person in the part without the person": (_person_in_matter, "content-malformed"),
    "a personal answer in the part without the person": (_answer_in_matter, "content-malformed"),
    "an opening told by the asking side": (_of("notice.opened"), "not-owner"),
    "a file that nobody attached": (
        _of("notice.blob-stored", raw({"stored": [b64u(bytes(32))]})),
        "content-malformed",
    ),
    "a message that says nothing": (
        lambda a: a.follow(a.asked, "note.message", {"matter": act()}),
        "content-malformed",
    ),
    "a part of a reply that answers nothing": (lambda a: _partly(a, {}), "content-malformed"),
    "a part of a reply to what nobody asked": (
        lambda a: _partly(a, {"entitled-to-practise": Reply(code="yes")}),
        "wrong-answer-type",
    ),
    "a part of a reply without its follow-up": (
        lambda a: _partly(a, {"sanctions": Reply(code="yes")}),
        "content-incomplete",
    ),
    "no answer, for a reason of its own": (
        _of("request.reply", raw({"actor": {"authority": "DE-zaek-berlin"}, "answers": {"x": {"absent": "asleep"}}})),
        "content-malformed",
    ),
    "an answer and none at once": (
        lambda a: _partly(a, {"sanctions": Reply(code="no", absent="not-known")}),
        "content-malformed",
    ),
    "a rating by the replying side": (
        lambda a: a.follow(a.asked_by_victim, "note.rating", {"matter": _rating(1)}),
        "not-owner",
    ),
    "a rating of what isn't closed": (
        lambda a: a.follow(a.asked, "note.rating", {"matter": _rating(1)}),
        "wrong-state",
    ),
    "a rating beyond the scale": (
        _of("note.rating", raw({"actor": {"authority": "DE-zaek-berlin"}, "timeliness": 2, "efforts": 0})),
        "content-malformed",
    ),
    "half a rating": (
        _of("note.rating", raw({"actor": {"authority": "DE-zaek-berlin"}, "timeliness": 1})),
        "content-malformed",
    ),
    "a reply referred to who isn't the coordinator": (_of("request.refer", REFERRED), "not-competent"),
    "a decision by the side whose turn it isn't": (_on_theirs("request.uphold"), "wrong-state"),
    "a mark of confidence that is no yes or no": (
        _of("request.clarify", raw({"actor": {"authority": "DE-zaek-berlin"}, "confidential": "yes"})),
        "content-malformed",
    ),
    "one message too many": (_one_message_too_many, "case-full"),
    "one wish too many": (_one_wish_too_many, "case-full"),
    "one sign of opening too many": (_one_opening_too_many, "case-full"),
    "content 10,000 deep": (_of("wish.withdraw", DEEP), "content-malformed"),
    "content with a key twice": (_of("wish.withdraw", b'{"actor":{},"actor":{}}'), "content-malformed"),
    "content that is no JSON": (_of("wish.withdraw", b"\xff"), "content-malformed"),
    "another country's number": (lambda a: a.request({"number": "HU-2026-000001"}), "content-malformed"),
    "another country's authority": (lambda a: a.request({"asking": AUSTRIAN}), "content-malformed"),
    "a part that nobody named": (
        lambda a: a.request({"number": f"{a.asked.number}/1", "part_of": a.asked.id} if a.asked else None),
        "content-malformed",
    ),
    "a suffix of its own making": (lambda a: a.request({"number": "DE-2026-000900/1"}), "content-malformed"),
    "a case passed on to another country": (_passed_on("HU-okfo"), "unknown-authority"),
    "a case passed on to nobody": (_passed_on("DE-nowhere"), "unknown-authority"),
    "a case passed on to who is suspended": (_passed_on(SUSPENDED), "not-competent"),
    "a question passed on that nobody asked": (_divided("shoe-size"), "unknown-question"),
    "a question passed on twice": (_divided("sanctions", "sanctions"), "unknown-question"),
    "every question passed on": (_divided("evidence-holder", "registration-status", "sanctions"), "content-malformed"),
    "two recipients": (lambda a: a.request(aud=["HU", "AT"]), "content-malformed"),
    "an authority that doesn't exist": (lambda a: a.request({"replying": ELSEWHERE}), "unknown-authority"),
    "another country's authority asked": (lambda a: a.request({"replying": AUSTRIAN}), "unknown-authority"),
    "a question that isn't in the set": (
        lambda a: a.request({"questions": (Asked(item="shoe-size"),)}),
        "unknown-question",
    ),
    "a variable of another type": (
        lambda a: a.request({"variables": {"profession": Variable(text="x", lang="en"), "title": Variable(code="x")}}),
        "wrong-answer-type",
    ),
    "a variable left out, and one that nothing asks for": (
        lambda a: a.request({"variables": {"shoe-size": Variable(code="x")}}),
        "unknown-question",
    ),
    "a question asked twice": (
        lambda a: a.request({"questions": (Asked(item="sanctions"), Asked(item="sanctions"))}),
        "unknown-question",
    ),
    "a variable left out": (lambda a: a.request({"variables": {}}), "content-incomplete"),
    "a table with a cell of two types": (
        lambda a: _workers(a, WORKER | {"birth_date": Cell(date=DUE, name="x")}),
        "content-malformed",
    ),
    "a table with a cell of no type": (lambda a: _workers(a, WORKER | {"x": Cell()}), "content-malformed"),
    "a table about persons in the part without the person": (
        lambda a: _workers(a, WORKER, about=False),
        "content-malformed",
    ),
    "a table with a column of its own": (
        lambda a: _workers(a, WORKER | {"shoe_size": Cell(name="42")}),
        "wrong-answer-type",
    ),
    "a table with a cell of another type": (
        lambda a: _workers(a, WORKER | {"birth_date": Cell(name="1991")}),
        "wrong-answer-type",
    ),
    "a table without a cell that must be there": (
        lambda a: _workers(a, WORKER, {"given_names": Cell(name="Anna")}),
        "content-incomplete",
    ),
    "a table of more rows than any takes": (
        lambda a: _workers(a, *[WORKER] * (MAX_ROWS + 1)),
        "content-malformed",
    ),
    "a table where a code is asked for": (
        lambda a: a.request({"variables": {"profession": Variable(rows=(WORKER,)), "title": Variable(code="x")}}),
        "wrong-answer-type",
    ),
    "an answer of another type": (lambda a: _answer(a, sanctions=Reply(country="DE")), "wrong-answer-type"),
    "a code that isn't in the list": (lambda a: _answer(a, sanctions=Reply(code="perhaps")), "wrong-answer-type"),
    "an answer nobody asked for": (lambda a: _answer(a, shoe_size=Reply(code="yes")), "unknown-question"),
    "an answer left out": (lambda a: _answer(a, sanctions=None), "content-incomplete"),
    "a case that doesn't exist": (_of("request.close", case=STRANGE), "unknown-case"),
    "a case that exists": (lambda a: a.request(case=a.asked.id if a.asked else ""), "case-exists"),
    "a second opening": (lambda a: a.request(case=a.asked.id if a.asked else "", n=2), "case-exists"),
    "a number that exists": (_same_number, "case-exists"),
    "a case of another pair of countries": (_other_pair, "not-a-party"),
    "an acceptance by the asking side": (_of("request.accept"), "not-owner"),
    "a wish by the replying side": (_on_theirs("wish.withdraw"), "not-owner"),
    "a date by the side that doesn't own it": (
        lambda a: a.follow(a.asked, "date.agree", {"matter": DateMatter(actor=act().actor, date=DUE)}),
        "not-owner",
    ),
    "an order to erase a case that still runs": (
        _of("erasure.order", raw({"actor": {"authority": "DE-zaek-berlin"}, "ground": "consent"})),
        "wrong-state",
    ),
    "a correction of the other side's words": (_correct_theirs, "not-owner"),
    "contested words of the other side confirmed": (_settle_theirs, "not-owner"),
    "the other side's contest withdrawn": (_withdraw_theirs, "not-owner"),
    "a contest settled, then corrected": (_settled_twice, "wrong-state"),
    "a contest withdrawn twice": (_withdrawn_twice, "wrong-state"),
    "a correction of another event than the contested": (_another_event, "content-malformed"),
    "a contest of what wasn't said": (
        lambda a: contest_of(a, a.asked, event=b64u(bytes(32))) if a.asked else b"",
        "content-malformed",
    ),
    "a contest of another case's event": (
        lambda a: (
            contest_of(a, a.asked, event=_opening_of(a, a.asked_by_victim)) if a.asked and a.asked_by_victim else b""
        ),
        "content-malformed",
    ),
    "a contest without words": (lambda a: contest_of(a, a.asked, None) if a.asked else b"", "content-malformed"),
    "a contest on a ground of its own": (
        lambda a: contest_of(a, a.asked, ground="taste") if a.asked else b"",
        "content-malformed",
    ),
    "an answer to no contest": (
        lambda a: _beside(a, a.asked, "settle", contest=STRANGE) if a.asked else b"",
        "content-malformed",
    ),
    "one contest too many": (_one_contest_too_many, "case-full"),
    "a step that the state doesn't have": (_of("request.close"), "wrong-state"),
    "a number too large": (_on_theirs("request.accept", n=3), "no-predecessor"),
    "another predecessor": (_on_theirs("request.accept", prev=b64u(bytes(32))), "no-predecessor"),
    "no predecessor": (_on_theirs("request.accept", prev=None), "no-predecessor"),
    "a request that isn't the first": (lambda a: a.request(n=2), "no-predecessor"),
    "a request with a predecessor": (lambda a: a.request(prev=b64u(bytes(32))), "no-predecessor"),
    "a number that is used": (_of("request.close", n=1), "case-fork"),
    "another date agreed": (_other_date, "date-differs"),
}

"""The vectors of a suspension by a few: DE and AT suspend HU, and what others try with their document."""

import base64
import datetime as dt
import json
from typing import Any

from tuf.api.metadata import Metadata

from protocol.member import INSTANT
from protocol.member_bundle import MemberBundle
from protocol.member_proposal import Candidate, propose
from protocol.member_signatures import attach, sign_proposal, sign_role, signer_from_seed
from protocol.member_suspension import read_suspension, write_suspension
from protocol.members import MemberList
from protocol.suspension_proposal import attach_suspension, sign_suspension, suspend
from protocol.vectors import cast
from protocol.vectors.list_vectors import NOW, YEAR, record_of, role_key, state_key

BY = ("AT", "DE")
DAY = dt.timedelta(days=1)
SINCE = NOW + dt.timedelta(hours=1)


def _three(members: MemberList) -> MemberList:
    """Return the network after AT has joined."""
    proposal = propose(members, Candidate.of("AT", state_key("AT"), role_key("AT")), NOW)
    signatures = [one for c in ("DE", "HU", "AT") for one in sign_proposal(proposal, state_key(c))]
    bundle = attach(members, proposal, signatures).bundle
    assert bundle is not None
    record = sign_role(record_of("AT"), 1, NOW + YEAR, role_key("AT"))
    newer, problems = members.update(MemberBundle(bundle.roots, bundle.targets, {"AT": record}), NOW)
    assert not problems
    return newer


def _signed(country: str, since: dt.datetime, end: dt.datetime, version: int, by: tuple[str, ...]) -> MemberBundle:
    metadata: Any = Metadata.from_bytes(write_suspension(country, since, by, end, version))
    for state in by:
        metadata.sign(signer_from_seed(cast.secret(f"state {state}")), append=True)
    raw = metadata.to_bytes()
    return MemberBundle(suspensions={read_suspension(raw).name: raw})


def _offers(members: MemberList) -> list[dict[str, Any]]:
    """Return offers, each made on the list that the ones before it left."""
    tries = [
        ("the suspension", SINCE, _signed("HU", SINCE, SINCE + 14 * DAY, 1, BY)),
        ("by one of three", SINCE, _signed("HU", SINCE + DAY, SINCE + 2 * DAY, 1, ("HU",))),
        ("another country by the same", SINCE + DAY, _signed("DE", SINCE + DAY, SINCE + 2 * DAY, 1, BY)),
        ("an earlier end", SINCE + 2 * DAY, _signed("HU", SINCE, SINCE + 2 * DAY, 2, BY)),
        ("the first version again", SINCE + 2 * DAY, _signed("HU", SINCE, SINCE + 14 * DAY, 1, BY)),
        ("another second version", SINCE + 2 * DAY, _signed("HU", SINCE, SINCE + 3 * DAY, 2, BY)),
        ("the same country again", SINCE + 89 * DAY, _signed("HU", SINCE + 89 * DAY, SINCE + 90 * DAY, 1, BY)),
        ("90 days later", SINCE + 90 * DAY, _signed("HU", SINCE + 90 * DAY, SINCE + 91 * DAY, 1, BY)),
    ]
    found = []
    for name, now, bundle in tries:
        members, problems = members.update(bundle, now)
        found.append(
            {
                "name": name,
                "now": now.strftime(INSTANT),
                "bundle": json.loads(bundle.to_json()),
                "problems": [problem.code for problem in problems],
                "active": sorted(members.active_countries()),
            }
        )
    return found


def suspension_file(founded: MemberList) -> dict[str, Any]:
    """Return each file that goes from hand to hand, the document, and offers with what becomes of them."""
    members = _three(founded)
    proposal = suspend(members, "HU", BY, SINCE)
    signatures = {c: sign_suspension(members, proposal, state_key(c)) for c in BY}
    bundle = attach_suspension(members, proposal, [one for each in signatures.values() for one in each]).bundle
    assert bundle is not None
    newer, problems = members.update(bundle, SINCE)
    assert not problems
    ((name, raw),) = bundle.suspensions.items()
    metadata: Any = Metadata.from_bytes(raw)
    times = (SINCE - dt.timedelta(seconds=1), SINCE, SINCE + 14 * DAY - dt.timedelta(seconds=1), SINCE + 14 * DAY)
    return {
        "spec": "12.5",
        "before": json.loads(members.bundle().to_json()),
        "keys": {c: cast.secret(f"state {c}").hex() for c in BY},
        "now": SINCE.strftime(INSTANT),
        "proposal": json.loads(proposal.to_json()),
        "signed": {
            c: {"records": {}, "signatures": [one.model_dump(mode="json") for one in each]}
            for c, each in signatures.items()
        },
        "name": name,
        "raw": base64.b64encode(raw).decode(),
        "signed_bytes": metadata.signed_bytes.decode(),
        "versions": newer.versions("DE", SINCE),
        "active": [[at.strftime(INSTANT), sorted(newer.at(at).active_countries())] for at in times],
        "offers": _offers(members),
    }

"""What is said beside the procedure: messages, wishes, notices, contests. Issuer and receiver check the same."""

from collections.abc import Mapping

from node.domain.case import Case
from node.service.contents import open_row
from node.service.node import Node
from node.store import blobs, events
from node.store.tx import Read, Row
from protocol import correction
from protocol.content import MATTER, BlobMatter, Content
from protocol.event import Claims
from protocol.message import MAX_NOTES, MESSAGE, check_count
from protocol.message import check as check_message
from protocol.problems import ProtocolError


def check(q: Read, node: Node, case: Case, claims: Claims, contents: Mapping[str, Content]) -> None:
    """Check an event that has no place in a chain, before it is stored; raises the final codes of SPEC.md section 9.

    Raises `case-damaged` or `not-found` where what it speaks of can't be opened here.
    """
    kind = claims.kind
    if kind == MESSAGE:
        check_message(contents, events.count_of(q, case.id, claims.iss, MESSAGE))
    elif kind in MAX_NOTES:
        check_count(kind, events.count_of(q, case.id, claims.iss, kind))
    if kind in correction.KINDS:
        rows = [row for row in events.of_case(q, case.id) if row["status"] != "refused"]
        said = {str(row["digest"]): (str(row["iss"]), str(row["kind"])) for row in rows}
        new = correction.Noted(kind, claims.iss, claims.jti, contents[MATTER])
        earlier = [row for row in rows if row["kind"] in correction.KINDS] if new.contest else []  # opened where needed
        correction.check(new, contents, said, noted(node, earlier))
    _check_notice(q, case, claims, contents[MATTER])


def noted(node: Node, rows: list[Row]) -> list[correction.Noted]:
    """Open the contests and corrections of one case."""
    if not rows:
        return []
    key = node.case_keys.find(rows[0]["case_id"])
    return [correction.Noted(row["kind"], row["iss"], row["jti"], open_row(node, key, row).matter) for row in rows]


def _check_notice(q: Read, case: Case, claims: Claims, matter: Content) -> None:
    """Check that a notice is one that its issuer can give (SPEC S-164)."""
    if claims.kind == "notice.opened" and case.side_of(claims.iss) != "replying":
        raise ProtocolError("not-owner", "only the replying side opens a request")
    if isinstance(matter, BlobMatter):
        here = blobs.of_case(q, case.id)
        if any(digest not in here or here[digest]["origin"] == claims.iss for digest in matter.stored):
            raise ProtocolError("content-malformed", "a file that this node has attached to no event of the case")

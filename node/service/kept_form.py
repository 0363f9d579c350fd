"""What somebody had typed when the session ended, kept for after the next sign-in.

Nothing is stored here: it goes sealed into the sign-in page and comes back with it. The key is made of the ended
session's secret, which only the browser's cookie still holds; so it is of no use on another machine, and the page
shows nothing of it. It is given back only to the person whose page it was, and only if it came from such a page.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.domain.access import Actor
from node.errors import NodeError
from node.service.node import Node
from node.service.sessions import check_csrf
from protocol.encoding import b64u, un_b64u
from protocol.limits import KIB
from protocol.problems import ProtocolError

MAX_KEPT: Final = 512 * KIB  # of typed text in one form
MAX_SEALED: Final = 700 * KIB
_NONCE: Final = 12


@dataclass(frozen=True)
class KeptForm:
    """A form that wasn't taken: its address and fields. `files`: some came along, which aren't kept."""

    action: str
    fields: dict[str, list[str]]
    files: bool


def keep(node: Node, ended: str, form: KeptForm) -> str:
    """Return a form sealed under the secret of the session that has ended; raises `too-large`."""
    plain = json.dumps([form.action, form.fields, form.files], ensure_ascii=False).encode("utf-8", "replace")
    if len(plain) > MAX_KEPT:
        raise NodeError("too-large")
    nonce = node.entropy.random(_NONCE)
    return b64u(nonce + _cipher(ended).encrypt(nonce, plain, None))


def give_back(ended: str, sealed: str, actor: Actor) -> KeptForm | None:
    """Return the form that was kept, without its token; None unless `actor` had it open in the ended session."""
    try:
        raw = un_b64u(sealed)
        action, fields, files = json.loads(_cipher(ended).decrypt(raw[:_NONCE], raw[_NONCE:], None))
        check_csrf(ended, actor.id, fields.pop("csrf", [""])[0])
    except (InvalidTag, ProtocolError, NodeError, ValueError):
        return None
    return KeptForm(action, fields, files)


def _cipher(ended: str) -> AESGCM:
    return AESGCM(hmac.digest(ended.encode("utf-8", "backslashreplace"), b"entente-kept-form-v1", hashlib.sha256))

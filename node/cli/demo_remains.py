"""What is left of a case on a disk: every file is searched, and every key that lies there is tried on every database.

`clear` finds words as they stand in files, in all the shapes in which a program may have stored them. `readable`
reads the case as somebody would who has the whole disk with the master key: each main database, live or in a backup,
is opened with the case keys of each key database.
"""

import base64
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final
from urllib.parse import quote

from typing_extensions import override

from directory_sync.folding import fold
from node.errors import NodeError
from node.service import backup, contents
from node.service.node import Node
from node.service.receive import attachments_of
from node.store import blobs, drafts, events, sights
from protocol.blob import SEALED_CHUNK, open_blob
from protocol.event import parse_item
from protocol.problems import ProtocolError

_SHORTEST: Final = 8
"""Bytes of base64 below which a chance hit among ciphertexts isn't unlikely enough."""


@dataclass(frozen=True)
class Remains:
    """Something of the case that was found: in which file below the folder, and how it was read."""

    file: str
    how: str

    @override
    def __str__(self) -> str:
        return f"{self.file} ({self.how})"


def shapes(word: bytes) -> dict[str, bytes]:
    """Return how a program may have stored some bytes, by name."""
    found = {"plain": word, "hex": word.hex().encode()}
    for before in range(3):  # base64 depends on where in a group of three the word begins
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            whole = len(word) + before
            inner = encode(bytes(before) + word)[-(-before * 8 // 6) : whole * 8 // 6]
            if len(inner) >= _SHORTEST:
                found[f"{name} {before}"] = inner
    return found


def shapes_of_text(text: str) -> dict[str, bytes]:
    """Return how a program may have stored a text, by name."""
    found = shapes(text.encode())
    for encoding in ("utf-16-le", "utf-16-be"):
        found |= {f"{encoding} {name}": shape for name, shape in shapes(text.encode(encoding)).items()}
    found |= {"folded": fold(text).encode(), "upper case": text.upper().encode()}
    return found | {"json": json.dumps(text)[1:-1].encode(), "url": quote(text).encode()}


def clear(folder: Path, texts: Collection[str], pieces: Collection[bytes]) -> list[Remains]:
    """Return the files below a folder in which one of some texts, or of some pieces of files and keys, stands."""
    wanted = [shape for text in texts for shape in shapes_of_text(text).items()]
    wanted += [shape for piece in pieces for shape in shapes(piece).items()]
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        hit = next((name for name, shape in wanted if shape in data), None)
        if hit:
            found.append(Remains(str(path.relative_to(folder)), hit))
    return found


def readable(node: Node, folder: Path, case_id: str, texts: Collection[str], piece: bytes) -> list[Remains]:
    """Return which databases below a folder say one of some texts, or hold a file, to whoever has a node's keys."""
    mains, keys = ([path.parent for path in sorted(folder.rglob(name))] for name in (backup.MAIN_DB, backup.KEYS_DB))
    words = [*(text.encode() for text in texts), piece]
    found = []
    for main, key in product(mains, keys):
        if any(word in opened for opened in _opened(node, main, key, case_id) for word in words):
            found.append(Remains(str((main / backup.MAIN_DB).relative_to(folder)), f"with {key.relative_to(folder)}"))
    return found


def _opened(node: Node, main: Path, key: Path, case_id: str) -> Iterator[bytes]:
    """Yield all of a case that opens: events, attachments, drafts, reasons; what doesn't is passed over."""
    view = backup.view_of(node, main, key)
    try:
        case_key = view.case_keys.find(case_id)
        for row in view.store.read_now(lambda q: events.of_case(q, case_id)):
            if parse_item(bytes(row["line"])).is_bare:
                continue
            stored = contents.open_row(view, case_key, row)
            yield from (content.model_dump_json().encode() for content in stored.contents.values())
            for ref in attachments_of(stored.contents):
                path = blobs.path_of(main, ref.sha256)
                sealed = path.read_bytes() if path.exists() else b""
                chunks = (sealed[at : at + SEALED_CHUNK] for at in range(0, len(sealed), SEALED_CHUNK))
                yield b"".join(open_blob(chunks, ref.key_bytes)) if sealed else b""
        draft = view.store.read_now(lambda q: drafts.reply_to(q, case_id))
        if draft is not None:
            yield view.case_keys.open(case_key, bytes(draft["content"]), draft["id"])
        for row in view.store.read_now(lambda q: sights.of_case(q, case_id)):
            yield view.case_keys.open(case_key, bytes(row["reason"]), row["id"])
    except (NodeError, ProtocolError):
        return
    finally:
        view.store.end()  # type: ignore[attr-defined]
        view.key_store.end()  # type: ignore[attr-defined]

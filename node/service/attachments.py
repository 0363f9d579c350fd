"""Files of cases and drafts, opened for who may read them."""

import asyncio
from dataclasses import dataclass

from node.domain.access import Actor
from node.errors import NodeError
from node.service import contents
from node.service.cases import own_case
from node.service.node import Node
from node.service.receive import attachments_of
from node.store import blobs
from protocol.blob import SEALED_CHUNK, open_blob
from protocol.content import AttachmentRef
from protocol.problems import ProtocolError


@dataclass(frozen=True)
class OpenedFile:
    """An attachment in the clear."""

    name: str
    media_type: str
    data: bytes


async def read_attachment(node: Node, actor: Actor, case_id: str, sha256: str) -> OpenedFile:
    """Return an attachment of a case in the clear; `not-found` also while it is being fetched."""
    own_case(node, actor, case_id)
    return await open_attachment(node, case_id, sha256)


async def open_attachment(node: Node, case_id: str, sha256: str) -> OpenedFile:
    """Open an attachment of a case that the caller has the right to show."""
    refs = {ref.sha256: ref for stored in contents.of_case(node, case_id) for ref in attachments_of(stored.contents)}
    row = node.store.read_now(lambda q: blobs.find(q, sha256))
    if sha256 not in refs or row is None or row["case_id"] != case_id or not row["here"]:
        raise NodeError("not-found")
    return await open_file(node, refs[sha256])


async def open_file(node: Node, ref: AttachmentRef) -> OpenedFile:
    """Return a stored file in the clear, to a service that has asked for the reader's right itself."""
    path = blobs.path_of(node.config.data, ref.sha256)
    try:
        sealed = await asyncio.get_running_loop().run_in_executor(None, path.read_bytes)
        chunks = (sealed[at : at + SEALED_CHUNK] for at in range(0, len(sealed), SEALED_CHUNK))
        return OpenedFile(ref.name, ref.media_type, b"".join(open_blob(chunks, ref.key_bytes)))
    except (OSError, ProtocolError):
        raise NodeError("verification-failed", "The stored attachment is damaged.") from None

"""A key for each case, in a database of its own: whoever deletes the row erases the case's content everywhere.

Each case key is wrapped under the node's master key, which lies outside the data directory. Content
encryption keys and drafts are wrapped under the case key, in the main database.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.clock import Entropy
from node.errors import NodeError
from node.store import erased
from node.store.store import Store
from node.store.tx import Read, Tx

KEY_BYTES: Final = 32
_NONCE: Final = 12


class CaseKeys:
    """Makes, finds and erases case keys."""

    def __init__(self, store: Store, master_key: bytes, entropy: Entropy) -> None:
        """Take the key database and the master key (32 bytes)."""
        self._store = store
        self._master = AESGCM(master_key)
        self._entropy = entropy

    async def make(self, case_ids: list[str]) -> dict[str, bytes]:
        """Make keys that are durable on return; existing ones stay. Commit this before the case itself."""
        fresh = {case_id: self._entropy.random(KEY_BYTES) for case_id in case_ids}
        rows = [{"id": case_id, "wrapped": self._wrap(case_id, key)} for case_id, key in fresh.items()]
        made = await self._store.write(lambda tx: _insert(tx, rows))
        return {case_id: fresh[case_id] if made else self.find(case_id) for case_id in case_ids}

    def find(self, case_id: str) -> bytes:
        """Return the key of a case; raises `not-found` where it was erased or never made."""
        row = self._store.read_now(lambda q: _row(q, case_id))
        if row is None:
            raise NodeError("not-found", "The case's key was erased.")
        try:
            return self._master.decrypt(row[:_NONCE], row[_NONCE:], case_id.encode())
        except InvalidTag:
            raise NodeError("key-missing", "The master key isn't the one that wrapped the case keys.") from None

    async def erase(self, case_ids: list[str]) -> None:
        """Erase keys for good: what they opened can't be read any more, nor after a restore of an older backup."""

        def work(tx: Tx) -> None:
            erased.note(self._store.path.parent, case_ids, tx.at)
            _delete(tx, case_ids)

        await self._store.write(work)

    def erased(self) -> dict[str, str]:
        """Return when which case was erased, by case id."""
        return erased.read(self._store.path.parent / erased.NAME)

    async def erase_again(self) -> None:
        """Erase what is in the list of erased cases: older keys came back with a restored backup."""
        gone = list(self.erased())
        await self._store.write(lambda tx: _delete(tx, gone))

    def unreadable(self) -> list[str]:
        """Return the cases whose key doesn't open with the master key."""
        found = []
        for row in self._store.read_now(lambda q: q.all("SELECT case_id FROM case_key ORDER BY case_id")):
            try:
                self.find(row["case_id"])
            except NodeError:
                found.append(str(row["case_id"]))
        return found

    def _wrap(self, case_id: str, key: bytes) -> bytes:
        nonce = self._entropy.random(_NONCE)
        return nonce + self._master.encrypt(nonce, key, case_id.encode())

    def seal(self, key: bytes, plaintext: bytes, context: str) -> bytes:
        """Encrypt something of a case (a draft, the keys of an event's parts) for this node's disk."""
        nonce = self._entropy.random(_NONCE)
        return nonce + AESGCM(key).encrypt(nonce, plaintext, context.encode())

    @staticmethod
    def open(key: bytes, sealed: bytes, context: str) -> bytes:
        """Decrypt what `seal` made in the same context."""
        try:
            return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
        except InvalidTag:
            raise NodeError("verification-failed", "Stored content doesn't open with its case's key.") from None


def _insert(tx: Tx, rows: Sequence[Mapping[str, object]]) -> bool:
    """Insert what isn't there; returns whether all of it was new."""
    return len(rows) == tx.many(
        "INSERT INTO case_key (case_id, wrapped, created_at) VALUES (:id, :wrapped, :at)"
        " ON CONFLICT (case_id) DO NOTHING",
        [{**row, "at": tx.at} for row in rows],
    )


def _delete(tx: Tx, case_ids: Sequence[str]) -> None:
    tx.many("DELETE FROM case_key WHERE case_id = :id", [{"id": case_id} for case_id in case_ids])


def _row(q: Read, case_id: str) -> bytes | None:
    row = q.one("SELECT wrapped FROM case_key WHERE case_id = :id", {"id": case_id})
    return bytes(row["wrapped"]) if row else None

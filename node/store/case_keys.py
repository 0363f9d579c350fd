"""A key for each case, in a database of its own: whoever deletes the row erases the case's content everywhere.

Each case key is wrapped under the node's master key, which lies outside the data directory. Content
encryption keys and drafts are wrapped under the case key, in the main database.
"""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.clock import Entropy, stamp
from node.errors import NodeError
from node.store import erased
from node.store.key_files import master_name
from node.store.store import Store
from node.store.tx import Read, Tx

KEY_BYTES: Final = 32
_NONCE: Final = 12


class CaseKeys:
    """Makes, finds and erases case keys."""

    def __init__(self, store: Store, masters: Sequence[bytes], entropy: Entropy) -> None:
        """Take the key database and the master keys (32 bytes each): the present one, then earlier ones."""
        self._store = store
        self._entropy = entropy
        self.use(masters)

    def use(self, masters: Sequence[bytes]) -> None:
        """Wrap with the first of these master keys from now on, and open with any of them."""
        self._masters = [AESGCM(master) for master in masters]
        self._name = master_name(masters[0])
        self._mixed = len(masters) > 1

    async def make(self, case_ids: list[str]) -> dict[str, bytes]:
        """Make keys that are durable on return; existing ones stay, counting as new for the sweep of orphans.

        Commit this before the case itself.
        """
        fresh = {case_id: self._entropy.random(KEY_BYTES) for case_id in case_ids}
        rows = [self._row(case_id, key) for case_id, key in fresh.items()]
        made = await self._store.write(lambda tx: _insert(tx, rows))
        return {case_id: fresh[case_id] if made else self.find(case_id) for case_id in case_ids}

    def find(self, case_id: str) -> bytes:
        """Return the key of a case; raises `not-found` where it was erased or never made."""
        row = self._store.read_now(lambda q: _row(q, case_id))
        if row is None:
            raise NodeError("not-found", "The case's key was erased.")
        return self._unwrap(case_id, row)

    def wrapped(self, case_id: str) -> bytes | None:
        """Return the key of a case as it stands in the database; None where it was erased."""
        return self._store.read_now(lambda q: _row(q, case_id))

    def _unwrap(self, case_id: str, row: bytes) -> bytes:
        for master in self._masters:
            with contextlib.suppress(InvalidTag, ValueError):  # ValueError: too short to hold a nonce
                return master.decrypt(row[:_NONCE], row[_NONCE:], case_id.encode())
        raise NodeError("key-missing", "The master key isn't the one that wrapped the case keys.")

    async def renew_wrapping(self) -> int:
        """Wrap under the present master key what an earlier one wraps; returns how many keys that were.

        A few hundred a transaction, so that whoever writes meanwhile hardly waits. Costs nothing where there is no
        earlier master key, and one look where all is done.
        """
        total, last = 0, ""
        while self._mixed:
            after = last
            done = await self._store.write(lambda tx, after=after: self._wrap_anew(tx, after))  # type: ignore[misc]
            if not done:
                self._mixed = False
                break
            total, last = total + len(done), done[-1]
        return total

    def _wrap_anew(self, tx: Tx, after: str) -> list[str]:
        rows = tx.all(
            "SELECT case_id, wrapped FROM case_key"
            " WHERE master <> :name AND case_id > :after ORDER BY case_id LIMIT 500",
            {"name": self._name, "after": after},
        )
        anew = []
        for row in rows:
            with contextlib.suppress(NodeError):  # one that opens under no key is left for `verify` to find
                anew.append(self._row(row["case_id"], self._unwrap(row["case_id"], bytes(row["wrapped"]))))
        tx.many("UPDATE case_key SET wrapped = :wrapped, master = :master WHERE case_id = :id", anew)
        return [str(row["case_id"]) for row in rows]

    def wrapped_before(self) -> int:
        """Return how many keys an earlier master key wraps."""
        sql = "SELECT COUNT(*) AS c FROM case_key WHERE master <> :name"
        row = self._store.read_now(lambda q: q.one(sql, {"name": self._name})) if self._mixed else None
        return int(row["c"]) if row else 0

    def made_before(self, when: datetime) -> list[str]:
        """Return the cases whose keys were made, or asked for again by `make`, before a time."""
        found = self._store.read_now(
            lambda q: q.all("SELECT case_id FROM case_key WHERE created_at < :at ORDER BY case_id", {"at": stamp(when)})
        )
        return [str(row["case_id"]) for row in found]

    async def erase_made_before(self, case_ids: list[str], when: datetime) -> int:
        """Erase keys unless `make` was called for them since `when`; returns how many."""
        values = [{"id": case_id, "at": stamp(when)} for case_id in case_ids]
        sql = "DELETE FROM case_key WHERE case_id = :id AND created_at < :at"
        count = await self._store.write(lambda tx: tx.many(sql, values))
        await self._store.cut_log()
        return count

    async def erase(self, case_ids: list[str]) -> None:
        """Erase keys for good: what they opened can't be read any more, nor after a restore of an older backup.

        Nothing of them is left in the database file (`secure_delete`) nor in its write-ahead log.
        """

        def work(tx: Tx) -> None:
            erased.note(self._store.path.parent, case_ids, tx.at)
            _delete(tx, case_ids)

        await self._store.write(work)
        await self._store.cut_log()

    def erased(self) -> dict[str, str]:
        """Return when which case was erased, by case id."""
        return erased.read(self._store.path.parent / erased.NAME)

    async def erase_again(self) -> None:
        """Erase what is in the list of erased cases: older keys came back with a restored backup."""
        gone = list(self.erased())
        await self._store.write(lambda tx: _delete(tx, gone))
        await self._store.cut_log()

    def unreadable(self) -> list[str]:
        """Return the cases whose key doesn't open with the master key."""
        found = []
        for row in self._store.read_now(lambda q: q.all("SELECT case_id FROM case_key ORDER BY case_id")):
            try:
                self.find(row["case_id"])
            except NodeError:
                found.append(str(row["case_id"]))
        return found

    def _row(self, case_id: str, key: bytes) -> dict[str, object]:
        nonce = self._entropy.random(_NONCE)
        wrapped = nonce + self._masters[0].encrypt(nonce, key, case_id.encode())
        return {"id": case_id, "wrapped": wrapped, "master": self._name}

    def seal(self, key: bytes, plaintext: bytes, context: str) -> bytes:
        """Encrypt something of a case (a draft, the keys of an event's parts) for this node's disk."""
        nonce = self._entropy.random(_NONCE)
        return nonce + AESGCM(key).encrypt(nonce, plaintext, context.encode())

    @staticmethod
    def open(key: bytes, sealed: bytes, context: str) -> bytes:
        """Decrypt what `seal` made in the same context."""
        try:
            return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
        except (InvalidTag, ValueError):
            raise NodeError("verification-failed", "Stored content doesn't open with its case's key.") from None


def _insert(tx: Tx, rows: Sequence[Mapping[str, object]]) -> bool:
    """Insert what isn't there; returns whether all of it was new."""
    again = [{"id": row["id"], "at": tx.at} for row in rows]
    existing = tx.many("UPDATE case_key SET created_at = :at WHERE case_id = :id", again)
    tx.many(
        "INSERT INTO case_key (case_id, wrapped, master, created_at) VALUES (:id, :wrapped, :master, :at)"
        " ON CONFLICT (case_id) DO NOTHING",
        [{**row, "at": tx.at} for row in rows],
    )
    return existing == 0


def _delete(tx: Tx, case_ids: Sequence[str]) -> None:
    tx.many("DELETE FROM case_key WHERE case_id = :id", [{"id": case_id} for case_id in case_ids])


def _row(q: Read, case_id: str) -> bytes | None:
    row = q.one("SELECT wrapped FROM case_key WHERE case_id = :id", {"id": case_id})
    return bytes(row["wrapped"]) if row else None

"""What the oracle knows of data that must be gone, at once and at the end."""

from dataclasses import dataclass, field
from pathlib import Path

from node.cli.simulation.life import Life
from node.store import erasures, fates


@dataclass
class Erased:
    """Every key that was seen, as it lies in the key database, and whose are gone: by country and case or draft."""

    keys: dict[tuple[str, str], bytes] = field(default_factory=dict)
    gone: set[tuple[str, str]] = field(default_factory=set)

    def look(self, life: Life) -> None:
        """Remember the keys that a node holds, where there may be new ones."""
        if not life.new_keys:
            return
        life.new_keys = False
        held = life.node.key_store.read_now(fates.wrapped_keys)
        self.keys |= {(life.country, case_id): key for case_id, key in held.items()}

    def erases(self, life: Life, case_id: str, key: bytes) -> list[str]:
        """Note that a key was erased; returns the files in which it still is, also where the power fails now."""
        self.keys[life.country, case_id] = key
        self.gone.add((life.country, case_id))
        return [path.name for path in sorted(_folder(life).glob("*.db*")) if key in path.read_bytes()]

    def lost_disk(self, country: str) -> None:
        """Take note that an older disk is used, on which a key may lie that was erased since."""
        self.gone = {one for one in self.gone if one[0] != country}

    def judge(self, life: Life) -> list[str]:
        """Note what a node has erased; returns what an order hasn't reached, or can still be read in part."""
        store = life.node.store
        self.gone |= {(life.country, case_id) for case_id in store.read_now(fates.erased)}
        return store.read_now(fates.erased_still_readable) + store.read_now(fates.parts_left)

    def left_in(self, country: str, data: bytes) -> list[str]:
        """Return the cases and drafts of a country whose key is gone and still stands in a file."""
        return [one for owner, one in sorted(self.gone) if owner == country and self._is_in(data, owner, one)]

    def _is_in(self, data: bytes, country: str, case_id: str) -> bool:
        key = self.keys.get((country, case_id))  # None: it was gone before anybody looked
        return key is not None and key in data


def unerased(life: Life) -> list[str]:
    """Return what a node has still to erase: what was ordered is done within a look."""
    found = [one.id for one in life.node.store.read_now(lambda q: erasures.to_do(q, 1))]
    return found or ["parts"] * life.node.store.read_now(erasures.has_parts_to_reach)


def _folder(life: Life) -> Path:
    return life.node.key_store.path.parent

"""What a node that starts from an old disk must get back: all that another node still has. Only the rest is lost."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from node.store.fates import EventFate

Held = Mapping[str, EventFate]


@dataclass
class Losses:
    """Follows lost disks; events are named by their identifiers (`jti`), which stay when they are signed again."""

    actors: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    owed: dict[str, dict[str, EventFate]] = field(default_factory=dict)
    _unread: dict[str, dict[str, EventFate]] = field(default_factory=dict)

    def disk_gone(self, country: str, held: Held) -> None:
        """Note what was on a disk that is gone."""
        known = {**self._unread.pop(country, {}), **self.owed.pop(country, {}), **held}
        self.actors |= {jti: event.actor for jti, event in known.items() if event.actor is not None}
        self._unread[country] = known

    def look(self, country: str, disks: Mapping[str, Held]) -> None:
        """Look at the disks of all honest nodes, after a start or a commit of this one."""
        here = disks.get(country, {})
        if country in self._unread:
            self.owed[country] = {jti: e for jti, e in self._unread.pop(country).items() if jti not in here}
            if not self._unread:
                self._give_up(disks)
        elif country in self.owed:
            self.owed[country] = {jti: e for jti, e in self.owed[country].items() if jti not in here}

    def _give_up(self, disks: Mapping[str, Held]) -> None:
        """Strike off what is on no disk at all any more; what one is owed the others have, or it is lost."""
        for country, events in self.owed.items():
            gone = {jti for jti in events if not _held(disks, jti, but=country)}
            self.owed[country] = {jti: event for jti, event in events.items() if jti not in gone}
            self.lost |= gone

    def outstanding(self, country: str, disks: Mapping[str, Held], reached: Collection[str]) -> list[EventFate]:
        """Return what a country hasn't got back although somebody whom it reaches has it."""
        near = {c: held for c, held in disks.items() if c in reached}
        return [event for jti, event in self.owed.get(country, {}).items() if _held(near, jti, but=country)]

    def missing_acts(self, country: str) -> set[str]:
        """Return the actors of acts of which an event was lost, or lies where the country can't reach it any more."""
        missing = self.lost | self.owed.get(country, {}).keys()
        return {self.actors[jti] for jti in missing if jti in self.actors}


def _held(disks: Mapping[str, Held], jti: str, *, but: str) -> bool:
    return any(jti in held for country, held in disks.items() if country != but)

"""Who works for authorities: a person's or a system's account, the rules for its fields and for a password."""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from node.domain.access import PER_AREA, ROLES, Actor, Grant, Role, granted
from translations.languages import LANGUAGES

MIN_PASSWORD_CHARS: Final = 12
MAX_PASSWORD_CHARS: Final = 200
MAX_NAME_CHARS: Final = 200
MAX_LABEL_CHARS: Final = 100
_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}\Z")


@dataclass(frozen=True)
class NewPerson:
    """What an administrator says of a person; the name is kept as written, whatever it holds.

    Each role is held in each of the authorities, in all legal areas or, where it can be, in `areas` alone.
    """

    login: str
    name: str
    language: str
    roles: frozenset[str]
    authorities: frozenset[str] = frozenset()
    service: bool = False
    areas: frozenset[str] = frozenset()

    def grants(self) -> frozenset[Grant]:
        """Return what the person is granted; roles that don't exist are none."""
        return granted([role for role in ROLES if role in self.roles], self.authorities, self.areas)


@dataclass(frozen=True)
class Person:
    """An account. `ended_at` is set once the person has left: the account stays for the audit trail.

    A `service` account is a system's: it has no way in but tokens that the operator makes, and stays one for good.
    """

    id: str
    login: str
    name: str
    language: str
    grants: frozenset[Grant]
    has_password: bool
    created_at: datetime
    ended_at: datetime | None
    service: bool = False

    def shown(self) -> "Person":
        """Return the account as lists show it: of a person who has left neither name nor login, which are blocked."""
        return replace(self, login="", name="") if self.ended_at and not self.service else self

    def actor(self) -> Actor:
        """Return the person as the one on whose behalf a use case runs."""
        return Actor(self.id, self.name, self.language, self.grants, self.service)

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that the person holds somewhere."""
        return self.actor().roles

    @property
    def authorities(self) -> frozenset[str]:
        """The authorities in which the person holds a role."""
        return self.actor().authorities


def plain_login(login: str) -> str:
    """Return a login as it is stored and compared: without case and surrounding spaces."""
    return _storable(login.strip().casefold())


def plain_password(password: str) -> str:
    """Return a password as it is hashed: composed, so that every keyboard gives the same bytes (RFC 8265, 4.2)."""
    return _storable(unicodedata.normalize("NFC", password))


def person_faults(new: NewPerson) -> dict[str, str]:
    """Return what is wrong with the fields (name → code); nothing where all is well."""
    faults = {}
    if not _LOGIN.match(plain_login(new.login)):
        faults["login"] = "malformed" if new.login.strip() else "missing"
    if fault := text_fault(new.name, MAX_NAME_CHARS):
        faults["name"] = fault
    if new.language not in LANGUAGES:
        faults["language"] = "unknown-language"
    if not new.roles or new.roles - set(ROLES):
        faults["roles"] = "malformed" if new.roles else "missing"
    elif "operator" in new.roles and (len(new.roles) > 1 or new.authorities):
        faults["roles"] = "operator-alone"  # who manages the node sees no contents
    elif "operator" in new.roles and new.service:
        faults["roles"] = "not-for-a-service"
    elif "operator" not in new.roles and not new.authorities:
        faults["authorities"] = "missing"
    elif new.areas and not new.roles & PER_AREA:
        faults["areas"] = "not-per-area"
    return faults


def text_fault(text: str, most: int) -> str | None:
    """Return what is wrong with one line of text, if anything; markup is text like any other."""
    if not text.strip():
        return "missing"
    if len(text) > most:
        return "too-long"
    return None if text.isprintable() else "malformed"


def password_fault(password: str, login: str, name: str) -> str | None:
    """Return what is wrong with a new password, if anything.

    Length decides and no composition rules do (NIST SP 800-63B, 5.1.1.2).
    """
    plain = plain_password(password)
    if len(plain) < MIN_PASSWORD_CHARS:
        return "too-short"
    if len(plain) > MAX_PASSWORD_CHARS:
        return "too-long"
    known = {_letters(login), _letters(name), _letters(login.partition("@")[0])}
    return "is-name" if _letters(plain) in known else None


def _storable(text: str) -> str:
    """Write out lone surrogates, which a careless client may send and no database or hash takes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _letters(text: str) -> str:
    return "".join(char for char in plain_password(text).casefold() if char.isalnum())

"""What brings a database up to date: numbered migrations, applied by sqlite-utils and recorded in its table.

The library is a tenth of a start to load, and a start seldom has anything to migrate. So its table is read
here, and the library is loaded only where a migration is due (docs/adr/0015).
"""

import sqlite3
from collections.abc import Callable
from typing import Any, Final, Protocol

from node.store.engine import has_table

_TABLE: Final = "_sqlite_migrations"


class Database(Protocol):
    """What a migration works on; sqlite-utils' `Database` is one."""

    def execute(self, sql: str, parameters: Any = None, /) -> Any:
        """Execute one statement, with its values."""


Migration = Callable[[Database], None]


class Schema:
    """The migrations of one database, by name and in order."""

    def __init__(self, name: str) -> None:
        """Take the name under which they are recorded."""
        self._name = name
        self._migrations: dict[str, Migration] = {}

    def __call__(self, *, name: str) -> Callable[[Migration], Migration]:
        """Add the decorated function as the next migration."""

        def add(migration: Migration) -> Migration:
            assert name not in self._migrations
            self._migrations[name] = migration
            return migration

        return add

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all migrations, in order."""
        return tuple(self._migrations)

    def migration(self, name: str) -> Migration:
        """Return a migration by its name."""
        return self._migrations[name]

    def applied(self, connection: sqlite3.Connection) -> tuple[str, ...]:
        """Return the names of the migrations that a database has had, in order; a newer version's too."""
        if not has_table(connection, _TABLE):
            return ()
        query = f"SELECT name FROM {_TABLE} WHERE migration_set = :set ORDER BY id"  # noqa: S608
        return tuple(str(row[0]) for row in connection.execute(query, {"set": self._name}))

    def apply(self, connection: sqlite3.Connection) -> None:
        """Apply what is due, each in a transaction with its record."""
        if set(self.names) <= set(self.applied(connection)):
            return
        from sqlite_utils import Database as Tables
        from sqlite_utils import Migrations

        migrations = Migrations(self._name)
        for name, migration in self._migrations.items():
            migrations(name=name)(migration)
        migrations.apply(Tables(connection))

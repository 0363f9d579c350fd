"""Columns and tables of retention, as its migrations make them; never edited after they have landed."""

from typing import Final

RETENTION: Final = """
ALTER TABLE cases ADD COLUMN blocked_at TEXT;
ALTER TABLE cases ADD COLUMN erased_at TEXT;
ALTER TABLE cases ADD COLUMN erased_there_at TEXT;
ALTER TABLE peer ADD COLUMN clock_at TEXT;
CREATE INDEX cases_to_block ON cases(area, closed_at) WHERE closed_at IS NOT NULL AND blocked_at IS NULL;
CREATE INDEX cases_to_erase ON cases(area, closed_at) WHERE closed_at IS NOT NULL AND erased_at IS NULL;
CREATE TABLE erasure (
  case_id TEXT PRIMARY KEY, why TEXT NOT NULL, decided_at TEXT NOT NULL, key_gone_at TEXT, told INTEGER NOT NULL,
  finished_at TEXT, complete_at TEXT) STRICT;
CREATE INDEX erasure_to_do ON erasure(decided_at) WHERE key_gone_at IS NULL;
CREATE INDEX erasure_unfinished ON erasure(decided_at) WHERE finished_at IS NULL;
CREATE INDEX erasure_incomplete ON erasure(key_gone_at) WHERE complete_at IS NULL;
CREATE TABLE sight (
  id TEXT PRIMARY KEY, case_id TEXT NOT NULL, authority TEXT NOT NULL, person TEXT NOT NULL, ground TEXT NOT NULL,
  reason BLOB NOT NULL, at TEXT NOT NULL, until TEXT NOT NULL) STRICT;
CREATE INDEX sight_case ON sight(case_id, person, until);
CREATE INDEX sight_authority ON sight(authority, at);
CREATE INDEX audit_actor ON audit(actor, seq) WHERE LENGTH(actor) > 2;
CREATE INDEX cases_handler ON cases(handler) WHERE handler IS NOT NULL
"""

ORDERS: Final = """
ALTER TABLE erasure ADD COLUMN ground TEXT;
CREATE INDEX erasure_ordered ON erasure(case_id) WHERE why IN ('order', 'their-order');
CREATE INDEX cases_part ON cases(part_of) WHERE part_of <> ''
"""

AREA_PERIODS: Final = """
CREATE TABLE area_period (
  area TEXT PRIMARY KEY, block_months INTEGER NOT NULL, delete_years INTEGER NOT NULL) STRICT;
CREATE INDEX cases_erased_there ON cases(area, closed_at) WHERE erased_there_at IS NOT NULL AND erased_at IS NULL
"""

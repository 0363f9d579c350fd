"""What lists of cases are read by, as migration 044 makes it; never edited after it has landed."""

from typing import Final

CASE_LISTS: Final = """
ALTER TABLE cases ADD COLUMN turn TEXT NOT NULL DEFAULT '';
UPDATE cases SET turn = CASE
  WHEN coordinator <> '' AND (role, state) IN (('asking', 'referred'), ('replying', 'escalated')) THEN 'coordinator'
  WHEN role = 'replying' AND state IN ('sent', 'accepted', 'clarifying', 'escalated') THEN 'us'
  WHEN role = 'asking' AND (state IN ('replied', 'upheld', 'referred')
    OR date_state = 'proposed' AND state IN ('sent', 'accepted', 'clarifying')) THEN 'us'
  ELSE '' END;
DROP INDEX cases_own;
DROP INDEX cases_open;
DROP INDEX cases_coordinator;
CREATE INDEX cases_open ON cases(own_authority, area, turn, updated_at, id, role, state, counterpart, handler)
  WHERE closed_at IS NULL AND blocked_at IS NULL;
CREATE INDEX cases_closed ON cases(own_authority, area, updated_at, id, role, state, counterpart, handler)
  WHERE closed_at IS NOT NULL AND blocked_at IS NULL;
CREATE INDEX cases_blocked ON cases(own_authority, area, updated_at, id, role, state, counterpart, handler)
  WHERE blocked_at IS NOT NULL;
CREATE INDEX cases_coordinator ON cases(coordinator, updated_at, id) WHERE coordinator <> '';
CREATE INDEX cases_handled_open ON cases(handler, updated_at, id, area, role, state, counterpart)
  WHERE handler IS NOT NULL AND closed_at IS NULL;
CREATE INDEX cases_handled_closed ON cases(handler, updated_at, id, area, role, state, counterpart)
  WHERE handler IS NOT NULL AND closed_at IS NOT NULL;
CREATE TABLE met (country TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO met SELECT DISTINCT counterpart FROM cases;
CREATE TRIGGER cases_met AFTER INSERT ON cases BEGIN
  INSERT INTO met VALUES (NEW.counterpart) ON CONFLICT DO NOTHING; END;
CREATE TABLE passed_on (
  authority TEXT NOT NULL, updated_at TEXT NOT NULL, case_id TEXT NOT NULL, area TEXT NOT NULL,
  PRIMARY KEY (authority, updated_at, case_id)) STRICT, WITHOUT ROWID;
CREATE INDEX passed_on_case ON passed_on(case_id);
DROP INDEX cases_former
"""
FORMERLY: Final = "SELECT id, area, former, updated_at FROM cases WHERE former <> '' AND role = 'replying'"

"""What statistics are read from, as migration 045 makes it; never edited after it has landed.

`course` keeps of each request that has ended what is counted of it. A case that isn't in it, or of which something
changed since, is in `running`: triggers see to that, whatever changes it.
"""

from typing import Final

_MOVED: Final = (
    "DELETE FROM course WHERE case_id = {0};\n  INSERT INTO running VALUES ({0}) ON CONFLICT DO NOTHING".format
)
_CHANGED: Final = " OR ".join(
    f"OLD.{name} IS NOT NEW.{name}"
    for name in ("state", "due", "timeliness", "efforts", "own_authority", "area", "role")
)
_KINDS: Final = "NEW.kind IN ('request.accept', 'request.reply')"
STATEMENTS: Final = (
    """CREATE TABLE course (
  role TEXT NOT NULL, month TEXT NOT NULL, case_id TEXT NOT NULL, area TEXT NOT NULL, country TEXT NOT NULL,
  authority TEXT NOT NULL, accepted_ms INTEGER, answered_ms INTEGER, in_time INTEGER, timeliness INTEGER,
  efforts INTEGER, PRIMARY KEY (role, month, case_id)) STRICT, WITHOUT ROWID""",
    "CREATE UNIQUE INDEX course_case ON course(case_id)",
    "CREATE TABLE running (case_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
    "INSERT INTO running SELECT id FROM cases",
    "CREATE INDEX draft_case ON draft(case_id)",
    "CREATE INDEX event_course ON event(case_id, kind, at, status) WHERE kind IN ('request.accept', 'request.reply')",
    f"CREATE TRIGGER course_begins AFTER INSERT ON cases BEGIN\n  {_MOVED('NEW.id')};\nEND",
    f"CREATE TRIGGER course_moves AFTER UPDATE ON cases WHEN {_CHANGED} BEGIN\n  {_MOVED('NEW.id')};\nEND",
    """CREATE TRIGGER course_goes AFTER DELETE ON cases BEGIN
  DELETE FROM course WHERE case_id = OLD.id;
  DELETE FROM running WHERE case_id = OLD.id;
END""",
    f"CREATE TRIGGER course_told AFTER INSERT ON event WHEN {_KINDS} BEGIN\n  {_MOVED('NEW.case_id')};\nEND",
    f"""CREATE TRIGGER course_retold AFTER UPDATE OF status ON event
WHEN {_KINDS} AND (OLD.status = 'refused') <> (NEW.status = 'refused') BEGIN
  {_MOVED("NEW.case_id")};
END""",
)

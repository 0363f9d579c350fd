"""Whose each entry of the audit trail is: kept by triggers, so that an auditor's page reads what it shows."""

from typing import Final

_FORWARDS: Final = "SELECT COUNT(*) FROM audit AS one WHERE one.subject = cases.id AND one.action = 'request.forward'"
_HOLDER: Final = f"""COALESCE((
  SELECT CASE WHEN later.detail LIKE '__ to __ %' THEN SUBSTR(later.detail, 10)
    WHEN INSTR(former, ' ') = 0 AND ({_FORWARDS}) = 1 THEN former ELSE '?' END
  FROM audit AS later WHERE later.subject = cases.id AND later.action = 'request.forward' AND later.seq >= audit.seq
    AND former <> '' AND role = 'replying'
  ORDER BY later.seq LIMIT 1), own_authority)"""  # noqa: S608 - ours
"""Who had a case when an entry about it was made: who passed it on next, else who has it now.

Entries of earlier versions don't say who passed it on; where more than one did so, nobody knows ('?').
"""
_OTHERS: Final = """
  SELECT authority, {seq} FROM draft WHERE case_id = {subject} AND NOT EXISTS (SELECT 1 FROM cases WHERE id = {subject})
  UNION SELECT authority, {seq} FROM subject_file WHERE id = {subject}
"""
"""Entries about a request that wasn't sent yet, and about a person's claim."""

OF_AUTHORITIES: Final = f"""
CREATE TABLE audit_of (
  authority TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (authority, seq)) STRICT, WITHOUT ROWID;
CREATE TEMPORARY TABLE held AS
  SELECT audit.seq AS seq, cases.id AS id, own_authority AS own, {_HOLDER} AS holder
  FROM cases JOIN audit ON audit.subject = cases.id;
INSERT INTO audit_of SELECT CASE holder WHEN '?' THEN own ELSE holder END, seq FROM held;
INSERT INTO audit_of SELECT p.authority, held.seq FROM held JOIN passed_on AS p ON p.case_id = held.id
  WHERE holder = '?' ON CONFLICT DO NOTHING;
DROP TABLE held;
INSERT INTO audit_of SELECT d.authority, audit.seq FROM draft AS d JOIN audit ON audit.subject = d.case_id
  WHERE NOT EXISTS (SELECT 1 FROM cases WHERE id = d.case_id) ON CONFLICT DO NOTHING;
INSERT INTO audit_of SELECT f.authority, audit.seq FROM subject_file AS f JOIN audit ON audit.subject = f.id
  WHERE 1 = 1 ON CONFLICT DO NOTHING;
INSERT INTO audit_of SELECT gone.detail, audit.seq FROM audit AS gone JOIN audit ON audit.subject = gone.subject
  WHERE gone.action = 'subject.delete' ON CONFLICT DO NOTHING;
CREATE TRIGGER audit_of_entry AFTER INSERT ON audit BEGIN
  INSERT INTO audit_of
  SELECT CASE WHEN NEW.action = 'request.forward' AND NEW.detail LIKE '__ to __ %' THEN SUBSTR(NEW.detail, 10)
    ELSE own_authority END, NEW.seq FROM cases WHERE id = NEW.subject
  UNION {_OTHERS.format(seq="NEW.seq", subject="NEW.subject")}
  UNION SELECT NEW.detail, NEW.seq WHERE NEW.action = 'subject.delete'
  ON CONFLICT DO NOTHING; END;
CREATE TRIGGER audit_of_case AFTER INSERT ON cases BEGIN
  INSERT INTO audit_of SELECT NEW.own_authority, seq FROM audit WHERE subject = NEW.id ON CONFLICT DO NOTHING; END
"""  # noqa: S608 - ours
"""An entry is of the authority that has the case then, or that passes it on by it; a row that comes later, as when a
peer gives a case back, takes up what was noted of it before."""

"""Numbered migrations of both databases; never edited after they land, only added to. The first are earlier."""

import json

from node.store import course_tables
from node.store.audit_tables import OF_AUTHORITIES
from node.store.case_list_tables import CASE_LISTS, FORMERLY
from node.store.earlier_migrations import EARLIER, run
from node.store.retention_tables import AREA_PERIODS, ORDERS, RETENTION
from node.store.schema import Database, Schema

NODE = EARLIER
KEYS = Schema("keys")


@NODE(name="018_mails")
def _mails(db: Database) -> None:
    run(
        db,
        """
CREATE TABLE mail_choice (
  person TEXT PRIMARY KEY, address TEXT NOT NULL, how TEXT NOT NULL, topics TEXT NOT NULL, confirmed_at TEXT,
  refused_at TEXT, refused TEXT NOT NULL, asked_since TEXT NOT NULL, asked INTEGER NOT NULL) STRICT;
CREATE TABLE mail (
  id TEXT PRIMARY KEY, person TEXT NOT NULL, form TEXT NOT NULL, created_at TEXT NOT NULL, attempts INTEGER NOT NULL,
  next_try_at TEXT, failure TEXT NOT NULL) STRICT;
CREATE INDEX mail_due ON mail(next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX mail_person ON mail(person);
CREATE TABLE told (
  id TEXT PRIMARY KEY, person TEXT NOT NULL, case_id TEXT NOT NULL, news TEXT NOT NULL, country TEXT NOT NULL,
  due TEXT NOT NULL, at TEXT NOT NULL, mail TEXT) STRICT;
CREATE INDEX told_mail ON told(mail) WHERE mail IS NOT NULL;
CREATE INDEX told_person ON told(person, at);
CREATE TABLE mail_state (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX membership_authority ON membership(authority);
CREATE INDEX cases_due ON cases(due) WHERE closed_at IS NULL
""",
    )


@NODE(name="019_former")
def _former(db: Database) -> None:
    run(
        db,
        """
ALTER TABLE cases ADD COLUMN former TEXT NOT NULL DEFAULT '';
CREATE INDEX cases_former ON cases(updated_at) WHERE former <> ''
""",
    )


@NODE(name="020_parts_and_handlers")
def _parts_and_handlers(db: Database) -> None:
    run(
        db,
        """
ALTER TABLE cases ADD COLUMN parts TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN part_of TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN handler TEXT;
CREATE INDEX cases_parts ON cases(counterpart) WHERE parts <> ''
""",
    )


@NODE(name="021_areas")
def _areas(db: Database) -> None:
    run(
        db,
        """
CREATE TABLE area_pack (
  sha256 TEXT PRIMARY KEY, area TEXT NOT NULL, version INTEGER NOT NULL, pilot INTEGER NOT NULL,
  statement BLOB NOT NULL, pack BLOB NOT NULL, signers TEXT NOT NULL, at TEXT NOT NULL, accepted_at TEXT) STRICT;
CREATE UNIQUE INDEX area_pack_version ON area_pack(area, version) WHERE accepted_at IS NOT NULL
""",
    )


@NODE(name="024_courses")
def _courses(db: Database) -> None:
    run(db, "CREATE INDEX cases_sent ON cases(role, created_at)")


@NODE(name="025_forwards")
def _forwards(db: Database) -> None:
    run(db, "CREATE INDEX event_forward ON event(seq) WHERE kind = 'request.forward' AND status = 'on-its-way'")


@NODE(name="026_grants")
def _grants(db: Database) -> None:
    """Give each account its roles in each of its authorities, in all areas: what it meant before."""
    run(
        db,
        """
CREATE TABLE role_grant (
  person TEXT NOT NULL, authority TEXT NOT NULL, role TEXT NOT NULL, area TEXT NOT NULL, granted_by TEXT NOT NULL,
  at TEXT NOT NULL, PRIMARY KEY (person, authority, role, area)) STRICT, WITHOUT ROWID;
CREATE INDEX role_grant_authority ON role_grant(authority, role)
""",
    )
    for person, roles, at in db.execute("SELECT id, roles, created_at FROM person").fetchall():
        found = db.execute("SELECT authority FROM membership WHERE person = :person", {"person": person}).fetchall()
        for role in roles.split():
            for (authority,) in [("",)] if role == "operator" else found:
                db.execute(
                    "INSERT INTO role_grant (person, authority, role, area, granted_by, at)"
                    " VALUES (:person, :authority, :role, '', '', :at)",
                    {"person": person, "authority": authority, "role": role, "at": at},
                )
    run(db, "DROP TABLE membership;\nALTER TABLE person DROP COLUMN roles")


@NODE(name="027_observers")
def _observers(db: Database) -> None:
    """Find the authorities that one observes without reading all records, and what the trail tells of one subject."""
    run(
        db,
        """
CREATE TABLE authority_observer (
  observer TEXT NOT NULL, authority TEXT NOT NULL, PRIMARY KEY (observer, authority)) STRICT, WITHOUT ROWID;
CREATE INDEX authority_observed ON authority_observer(authority);
CREATE INDEX audit_subject ON audit(subject, seq)
""",
    )
    for authority, record in db.execute("SELECT id, record FROM authority WHERE ended = 0").fetchall():
        for observer in (json.loads(record).get("links") or {}).get("observers", ()):
            db.execute(
                "INSERT INTO authority_observer (observer, authority) VALUES (:observer, :authority)",
                {"observer": observer, "authority": authority},
            )


@NODE(name="028_confidential")
def _confidential(db: Database) -> None:
    run(db, "ALTER TABLE cases ADD COLUMN confidential INTEGER NOT NULL DEFAULT 0")


@NODE(name="029_ratings")
def _ratings(db: Database) -> None:
    run(
        db,
        """
ALTER TABLE cases ADD COLUMN timeliness INTEGER;
ALTER TABLE cases ADD COLUMN efforts INTEGER
""",
    )


@NODE(name="030_coordinators")
def _coordinators(db: Database) -> None:
    for name in ("asking_coordinator", "replying_coordinator", "coordinator"):
        run(db, f"ALTER TABLE cases ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")
    run(db, "CREATE INDEX cases_coordinator ON cases(coordinator) WHERE coordinator <> ''")


@NODE(name="009_handlers_before")
def _handlers_before(db: Database) -> None:
    run(
        db,
        """
ALTER TABLE cases ADD COLUMN authority_before TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN handler_before TEXT
""",
    )


@NODE(name="035_reminders_and_lists")
def _reminders_and_lists(db: Database) -> None:
    run(
        db,
        """
ALTER TABLE cases ADD COLUMN reminded TEXT NOT NULL DEFAULT '';
CREATE INDEX cases_idle ON cases(updated_at) WHERE closed_at IS NULL;
CREATE INDEX cases_open ON cases(own_authority, updated_at) WHERE closed_at IS NULL;
DROP INDEX cases_asked;
CREATE INDEX cases_asked ON cases(number, role)
""",
    )


@NODE(name="036_case_counts")
def _case_counts(db: Database) -> None:
    # kept by triggers, so that whatever changes, adds or deletes a case counts it
    more = "INSERT INTO case_count VALUES (NEW.role, NEW.state, 1) ON CONFLICT (role, state) DO UPDATE SET count = count + 1;"
    less = "UPDATE case_count SET count = count - 1 WHERE role = OLD.role AND state = OLD.state;"
    run(
        db,
        f"""
CREATE TABLE case_count (role TEXT NOT NULL, state TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (role, state)) STRICT;
INSERT INTO case_count SELECT role, state, COUNT(*) FROM cases GROUP BY role, state;
CREATE TRIGGER cases_more AFTER INSERT ON cases BEGIN {more} END;
CREATE TRIGGER cases_less AFTER DELETE ON cases BEGIN {less} END;
CREATE TRIGGER cases_moved AFTER UPDATE OF state ON cases WHEN OLD.state <> NEW.state BEGIN {less} {more} END
""",  # noqa: S608 - ours
    )


@NODE(name="031_retention")
def _retention(db: Database) -> None:
    run(db, RETENTION)


@NODE(name="037_approvals")
def _approvals(db: Database) -> None:
    run(
        db,
        """
CREATE TABLE approval (
  draft TEXT PRIMARY KEY, authority TEXT NOT NULL, area TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
  asked_by TEXT NOT NULL, asked_at TEXT NOT NULL, reason BLOB) STRICT;
CREATE INDEX approval_waiting ON approval(asked_at) WHERE state = 'waiting';
CREATE TABLE approval_switch (
  authority TEXT NOT NULL, area TEXT NOT NULL, PRIMARY KEY (authority, area)) STRICT, WITHOUT ROWID
""",
    )


@NODE(name="038_erasure_orders")
def _erasure_orders(db: Database) -> None:
    run(db, ORDERS)


@NODE(name="039_area_periods")
def _area_periods(db: Database) -> None:
    run(db, AREA_PERIODS)


@NODE(name="046_refusals_of_a_case")
def _refusals_of_a_case(db: Database) -> None:
    run(db, "CREATE INDEX refusal_case ON refusal(case_id) WHERE case_id IS NOT NULL")


@NODE(name="040_subject_files")
def _subject_files(db: Database) -> None:
    run(
        db,
        """
CREATE TABLE subject_file (
  id TEXT PRIMARY KEY, number TEXT NOT NULL, authority TEXT NOT NULL, wants TEXT NOT NULL, received TEXT NOT NULL,
  due TEXT NOT NULL, state TEXT NOT NULL, told_on TEXT, ended_on TEXT, content BLOB NOT NULL, opened_by TEXT NOT NULL,
  opened_at TEXT NOT NULL, reminded TEXT NOT NULL) STRICT;
CREATE INDEX subject_file_open ON subject_file(due) WHERE ended_on IS NULL;
CREATE INDEX subject_file_authority ON subject_file(authority, ended_on, due);
CREATE TABLE subject_case (
  file TEXT NOT NULL, case_id TEXT NOT NULL, linked_by TEXT NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (file, case_id)) STRICT, WITHOUT ROWID;
CREATE INDEX subject_case_case ON subject_case(case_id);
CREATE TABLE subject_number (
  authority TEXT NOT NULL, year INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (authority, year))
  STRICT, WITHOUT ROWID
""",
    )


@NODE(name="041_contests")
def _contests(db: Database) -> None:
    run(db, "CREATE INDEX event_contest ON event(case_id, seq) WHERE kind = 'correction.contest'")


@NODE(name="042_approval_of_replies")
def _approval_of_replies(db: Database) -> None:
    # of a draft: who wrote in it last; of a case: the authority that has the replies to it approved
    run(
        db,
        """
ALTER TABLE approval ADD COLUMN step TEXT NOT NULL DEFAULT 'request.send';
ALTER TABLE draft ADD COLUMN changed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN reply_approval TEXT NOT NULL DEFAULT '';
ALTER TABLE approval_switch RENAME TO approval_switch_before;
CREATE TABLE approval_switch (
  authority TEXT NOT NULL, area TEXT NOT NULL, side TEXT NOT NULL, PRIMARY KEY (authority, area, side))
  STRICT, WITHOUT ROWID;
INSERT INTO approval_switch (authority, area, side) SELECT authority, area, 'asking' FROM approval_switch_before;
DROP TABLE approval_switch_before
""",
    )


@NODE(name="043_mails_of_approvals")
def _mails_of_approvals(db: Database) -> None:
    run(
        db,
        """
UPDATE mail_choice SET topics = 'approval ' || topics WHERE ' ' || topics || ' ' LIKE '% new %';
CREATE INDEX audit_roles ON audit(detail) WHERE action IN ('role.grant', 'role.revoke')
""",
    )


@NODE(name="044_case_lists")
def _case_lists(db: Database) -> None:
    run(db, CASE_LISTS)
    for case_id, area, former, at in db.execute(FORMERLY).fetchall():
        for authority in dict.fromkeys(former.split()):
            db.execute(
                "INSERT INTO passed_on (authority, updated_at, case_id, area) VALUES (:authority, :at, :id, :area)",
                {"authority": authority, "at": at, "id": case_id, "area": area},
            )


@NODE(name="045_courses_kept")
def _courses_kept(db: Database) -> None:
    for statement in course_tables.STATEMENTS:
        db.execute(statement)


@NODE(name="048_writers_of_drafts")
def _writers_of_drafts(db: Database) -> None:
    # everybody who wrote in a draft: before, who began it and who changed it last; and what was asked or approved of a
    # reply doesn't stand once the case was answered or passed on, sent from here or given back by a peer
    run(
        db,
        """
ALTER TABLE draft ADD COLUMN writers TEXT NOT NULL DEFAULT '';
UPDATE draft SET writers = TRIM(person || ' ' || changed_by);
ALTER TABLE draft DROP COLUMN changed_by;
CREATE TRIGGER approval_overtaken AFTER INSERT ON event
WHEN NEW.kind IN ('request.reply', 'request.reply-part', 'request.forward') BEGIN
  UPDATE approval SET version = 0 WHERE draft IN (SELECT id FROM draft WHERE case_id = NEW.case_id); END
""",
    )


@NODE(name="047_deleted_claims")
def _deleted_claims(db: Database) -> None:
    run(db, "CREATE INDEX audit_claims_gone ON audit(detail) WHERE action = 'subject.delete'")


@NODE(name="010_authority_areas")
def _authority_areas(db: Database) -> None:
    """Keep the areas of an authority in their index alone: half the writing of an import's second largest table."""
    run(
        db,
        """
CREATE TABLE authority_area_2 (
  authority TEXT NOT NULL, area TEXT NOT NULL, role TEXT NOT NULL, PRIMARY KEY (authority, area)) STRICT, WITHOUT ROWID;
INSERT INTO authority_area_2 SELECT authority, area, role FROM authority_area;
DROP TABLE authority_area;
ALTER TABLE authority_area_2 RENAME TO authority_area
""",
    )


@NODE(name="015_cases_by_age")
def _cases_by_age(db: Database) -> None:
    # with the columns that a search tests, so that it reads the rows of what it shows alone
    run(
        db,
        """
CREATE INDEX cases_received ON cases(own_authority, created_at, id, number, counterpart, area)
  WHERE erased_at IS NULL
""",
    )


@NODE(name="017_audit_of_authorities")
def _audit_of_authorities(db: Database) -> None:
    run(db, OF_AUTHORITIES)


@KEYS(name="001_case_keys")
def _case_keys(db: Database) -> None:
    run(
        db,
        "CREATE TABLE case_key (case_id TEXT PRIMARY KEY, wrapped BLOB NOT NULL, created_at TEXT NOT NULL) STRICT",
    )


@KEYS(name="002_master")
def _master(db: Database) -> None:
    run(db, "ALTER TABLE case_key ADD COLUMN master TEXT NOT NULL DEFAULT ''")

"""Numbered migrations of both databases; never edited after they land, only added to."""

import base64
import json

from node.store.engine import SEARCH_GATHER, SEARCH_TABLE, SEARCH_TABLE_1
from node.store.schema import Database, Schema

NODE = Schema("node")
KEYS = Schema("keys")


def _run(db: Database, script: str) -> None:
    for statement in script.split(";\n"):
        if statement.strip():
            db.execute(statement)


@NODE(name="001_exchange")
def _exchange(db: Database) -> None:
    _run(
        db,
        """
CREATE TABLE cases (
  id TEXT PRIMARY KEY, number TEXT NOT NULL, role TEXT NOT NULL, counterpart TEXT NOT NULL,
  own_authority TEXT NOT NULL, their_authority TEXT NOT NULL, their_name TEXT NOT NULL, area TEXT NOT NULL, question_set TEXT NOT NULL,
  set_version INTEGER NOT NULL, set_sha256 TEXT NOT NULL,
  state TEXT NOT NULL, n INTEGER NOT NULL, head TEXT NOT NULL,
  date_state TEXT NOT NULL, date_n INTEGER NOT NULL, date_head TEXT NOT NULL, due TEXT NOT NULL, agreed TEXT,
  withdrawal_wished TEXT, opened INTEGER NOT NULL, unread INTEGER NOT NULL, on_its_way INTEGER NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, closed_at TEXT) STRICT;
CREATE UNIQUE INDEX cases_number ON cases(number, role);
CREATE INDEX cases_own ON cases(own_authority, updated_at);
CREATE INDEX cases_wished ON cases(role, state) WHERE withdrawal_wished IS NOT NULL;
CREATE TABLE event (
  seq INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, jti TEXT NOT NULL UNIQUE, iss TEXT NOT NULL,
  case_id TEXT NOT NULL, kind TEXT NOT NULL, n INTEGER, line BLOB NOT NULL, ceks BLOB NOT NULL,
  at TEXT NOT NULL, actor TEXT, status TEXT NOT NULL, code TEXT, receipt TEXT) STRICT;
CREATE INDEX event_case ON event(case_id, seq);
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY, peer TEXT NOT NULL, digest TEXT NOT NULL, first INTEGER, created_at TEXT NOT NULL) STRICT;
CREATE INDEX outbox_peer ON outbox(peer, seq);
CREATE TABLE batch (
  iss TEXT NOT NULL, aud TEXT NOT NULL, epoch INTEGER NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL,
  digest TEXT NOT NULL, jws TEXT NOT NULL, receipt TEXT, receipt_digest TEXT, at TEXT NOT NULL, receipted_at TEXT,
  PRIMARY KEY (iss, aud, epoch, first)) STRICT;
CREATE INDEX batch_receipt ON batch(receipt_digest);
CREATE TABLE stream (
  iss TEXT NOT NULL, aud TEXT NOT NULL, epoch INTEGER NOT NULL, next INTEGER NOT NULL, last TEXT,
  PRIMARY KEY (iss, aud)) STRICT;
CREATE TABLE proof (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, iss TEXT NOT NULL, code TEXT NOT NULL,
  first BLOB NOT NULL, second BLOB NOT NULL) STRICT;
CREATE TABLE peer (
  country TEXT PRIMARY KEY, reached_at TEXT, failed_since TEXT, failure TEXT, clock_offset_s REAL,
  blocked INTEGER NOT NULL) STRICT;
CREATE TABLE case_number (year INTEGER PRIMARY KEY, next INTEGER NOT NULL) STRICT;
CREATE TABLE blob (
  sha256 TEXT PRIMARY KEY, case_id TEXT NOT NULL, origin TEXT NOT NULL, sealed_size INTEGER NOT NULL,
  here INTEGER NOT NULL, failure TEXT, at TEXT NOT NULL) STRICT;
CREATE INDEX blob_wanted ON blob(here, origin);
CREATE INDEX blob_case ON blob(case_id);
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
  detail TEXT NOT NULL, prev TEXT NOT NULL, digest TEXT NOT NULL) STRICT
""",
    )


@NODE(name="002_directory_and_people")
def _directory_and_people(db: Database) -> None:
    _run(
        db,
        """
CREATE TABLE authority (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, country TEXT NOT NULL, name TEXT NOT NULL, sort TEXT NOT NULL,
  valid_from TEXT NOT NULL, valid_until TEXT, record BLOB NOT NULL, ended INTEGER NOT NULL) STRICT;
CREATE INDEX authority_country ON authority(country, sort, id);
CREATE TABLE authority_area (
  authority TEXT NOT NULL, area TEXT NOT NULL, role TEXT NOT NULL, PRIMARY KEY (authority, area)) STRICT;
CREATE TABLE directory (
  country TEXT PRIMARY KEY, version INTEGER NOT NULL, sha256 TEXT NOT NULL, header TEXT NOT NULL, body BLOB NOT NULL,
  at TEXT NOT NULL, fetched_at TEXT NOT NULL) STRICT;
CREATE TABLE member_document (
  name TEXT NOT NULL, version INTEGER NOT NULL, raw BLOB NOT NULL, PRIMARY KEY (name, version)) STRICT;
CREATE TABLE person (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, login TEXT NOT NULL UNIQUE, language TEXT NOT NULL, roles TEXT NOT NULL,
  password TEXT, created_at TEXT NOT NULL, ended_at TEXT) STRICT;
CREATE TABLE membership (person TEXT NOT NULL, authority TEXT NOT NULL, PRIMARY KEY (person, authority)) STRICT;
CREATE TABLE secret (
  sha256 TEXT PRIMARY KEY, kind TEXT NOT NULL, person TEXT NOT NULL, label TEXT NOT NULL, created_at TEXT NOT NULL,
  seen_at TEXT, expires_at TEXT NOT NULL, used_at TEXT) STRICT;
CREATE INDEX secret_person ON secret(person, kind);
CREATE TABLE sign_in_attempt (login_sha256 TEXT PRIMARY KEY, since TEXT NOT NULL, count INTEGER NOT NULL) STRICT;
CREATE TABLE draft (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, case_id TEXT NOT NULL, authority TEXT NOT NULL, person TEXT NOT NULL,
  content BLOB NOT NULL, version INTEGER NOT NULL, updated_at TEXT NOT NULL) STRICT;
CREATE INDEX draft_authority ON draft(authority, updated_at);
CREATE TABLE idempotency (
  person TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL, status INTEGER NOT NULL, answer BLOB NOT NULL,
  at TEXT NOT NULL, PRIMARY KEY (person, key)) STRICT
""",
    )
    db.execute(SEARCH_TABLE_1)


@NODE(name="003_unreceipted")
def _unreceipted(db: Database) -> None:
    db.execute("CREATE INDEX batch_unreceipted ON batch(iss, aud, epoch, first) WHERE receipt IS NULL")


@NODE(name="004_service_accounts_and_links_made")
def _service_accounts_and_links_made(db: Database) -> None:
    # administrators could make tokens for others until here, and nobody can tell which ones those are
    _run(
        db,
        """
ALTER TABLE person ADD COLUMN service INTEGER NOT NULL DEFAULT 0;
CREATE INDEX audit_ways_in ON audit(subject, seq) WHERE action IN ('link.make', 'session.open');
DELETE FROM secret WHERE kind = 'token'
""",
    )


@NODE(name="005_restart")
def _restart(db: Database) -> None:
    _run(
        db,
        """
ALTER TABLE batch ADD COLUMN fetched_at TEXT;
ALTER TABLE batch ADD COLUMN again TEXT;
ALTER TABLE batch ADD COLUMN again_digest TEXT;
CREATE INDEX batch_again ON batch(again_digest) WHERE again_digest IS NOT NULL;
ALTER TABLE blob ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN told_directory INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN told_record INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN compared_at TEXT;
CREATE TABLE epoch (
  iss TEXT NOT NULL, aud TEXT NOT NULL, epoch INTEGER NOT NULL, prev_epoch INTEGER NOT NULL,
  prev_next INTEGER NOT NULL, prev TEXT, reason TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (iss, aud, epoch)) STRICT;
CREATE TABLE recovery (
  seq INTEGER PRIMARY KEY, peer TEXT NOT NULL, found_at TEXT NOT NULL, finished_at TEXT, refused TEXT,
  own_from TEXT NOT NULL, own_until TEXT NOT NULL, theirs_from TEXT NOT NULL, theirs_until TEXT NOT NULL,
  first_at TEXT, last_at TEXT, batches INTEGER NOT NULL, events INTEGER NOT NULL, voided INTEGER NOT NULL,
  numbers TEXT NOT NULL) STRICT;
DROP INDEX cases_number;
CREATE UNIQUE INDEX cases_number ON cases(number) WHERE role = 'replying';
CREATE INDEX cases_asked ON cases(number) WHERE role = 'asking'
""",
    )


@NODE(name="006_refusals")
def _refusals(db: Database) -> None:
    _run(
        db,
        """
CREATE TABLE refusal (
  iss TEXT NOT NULL, digest TEXT NOT NULL, code TEXT NOT NULL, case_id TEXT, chain TEXT, n INTEGER, at TEXT NOT NULL,
  PRIMARY KEY (iss, digest)) STRICT;
CREATE TABLE refusal_receipt (
  receipt TEXT NOT NULL, iss TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (receipt, iss, digest)) STRICT
""",
    )
    rows = db.execute("SELECT iss, receipt, receipt_digest, again_digest, at FROM batch WHERE receipt IS NOT NULL")
    for iss, receipt, digest_of_receipt, again_digest, at in rows.fetchall():
        payload = receipt.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        for digest, code in claims["outcomes"]:
            if code != "stored":
                refused = (iss, digest)
                db.execute(
                    "INSERT INTO refusal (iss, digest, code, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (*refused, code, at),
                )
                for told in filter(None, (digest_of_receipt, again_digest)):
                    db.execute("INSERT INTO refusal_receipt VALUES (?, ?, ?)", (told, *refused))


@NODE(name="007_damage")
def _damage(db: Database) -> None:
    _run(db, "CREATE TABLE damage (case_id TEXT PRIMARY KEY, at TEXT NOT NULL, what TEXT NOT NULL) STRICT")


@NODE(name="008_queues")
def _queues(db: Database) -> None:
    _run(
        db,
        """
ALTER TABLE peer ADD COLUMN held_at TEXT;
ALTER TABLE peer ADD COLUMN retry_at TEXT;
ALTER TABLE peer ADD COLUMN next_try_at TEXT;
ALTER TABLE peer ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN called_at TEXT;
ALTER TABLE outbox ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET sealed = 1 WHERE first IS NOT NULL
""",
    )


@NODE(name="012_authority_changes")
def _authority_changes(db: Database) -> None:
    _run(
        db,
        """
CREATE TABLE authority_change (
  seq INTEGER PRIMARY KEY, authority TEXT NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL, kind TEXT NOT NULL,
  reason TEXT NOT NULL, before BLOB, after BLOB) STRICT;
CREATE INDEX authority_change_of ON authority_change(authority, seq)
""",
    )


@NODE(name="013_registrations")
def _registrations(db: Database) -> None:
    _run(
        db,
        """
CREATE TABLE registration (
  id TEXT PRIMARY KEY, coordinator TEXT NOT NULL, invited_by TEXT NOT NULL, note TEXT NOT NULL, state TEXT NOT NULL,
  link TEXT UNIQUE, expires_at TEXT NOT NULL, record BLOB, person BLOB, reason TEXT NOT NULL, authority TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL) STRICT;
CREATE INDEX registration_of ON registration(coordinator, updated_at)
""",
    )


@NODE(name="014_search")
def _search(db: Database) -> None:
    # the index is written anew at the first search (`search_state`), where there is anything to write
    _run(
        db,
        """
DROP TABLE authority_search;
CREATE TABLE search_term (
  term TEXT PRIMARY KEY, head TEXT NOT NULL, uses INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX search_term_head ON search_term(head);
CREATE TABLE search_head (form TEXT NOT NULL, head TEXT NOT NULL, PRIMARY KEY (form, head)) STRICT, WITHOUT ROWID;
CREATE TABLE search_meaning (
  word TEXT NOT NULL, mark TEXT NOT NULL, words INTEGER NOT NULL, PRIMARY KEY (word, mark)) STRICT, WITHOUT ROWID;
CREATE TABLE search_place (
  word TEXT NOT NULL, country TEXT NOT NULL, region TEXT NOT NULL,
  PRIMARY KEY (word, country, region)) STRICT, WITHOUT ROWID;
CREATE TABLE search_state (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX cases_answered ON cases(their_authority, closed_at) WHERE role = 'asking' AND closed_at IS NOT NULL
""",
    )
    db.execute(SEARCH_TABLE)
    db.execute(SEARCH_GATHER)
    if db.execute("SELECT 1 FROM authority").fetchone() is None:
        db.execute("INSERT INTO search_state VALUES ('texts', '1')")


@NODE(name="016_logs")
def _logs(db: Database) -> None:
    # whole signed lists until here: our own is published anew as leaves, the others' are fetched anew
    _run(
        db,
        """
DROP TABLE directory;
ALTER TABLE authority ADD COLUMN salt TEXT;
ALTER TABLE authority ADD COLUMN leaf INTEGER;
CREATE TABLE log (
  country TEXT PRIMARY KEY, origin TEXT NOT NULL, size INTEGER NOT NULL, signed INTEGER NOT NULL, root BLOB NOT NULL,
  note TEXT NOT NULL, signed_at TEXT NOT NULL, confirmed_at TEXT NOT NULL, frozen TEXT) STRICT;
CREATE TABLE log_leaf (
  country TEXT NOT NULL, n INTEGER NOT NULL, authority TEXT NOT NULL, v INTEGER NOT NULL, sha256 TEXT, at TEXT NOT NULL,
  PRIMARY KEY (country, n)) STRICT, WITHOUT ROWID;
CREATE INDEX log_leaf_authority ON log_leaf(authority, n);
CREATE TABLE log_tile (
  country TEXT NOT NULL, level INTEGER NOT NULL, n INTEGER NOT NULL, hashes BLOB NOT NULL,
  PRIMARY KEY (country, level, n)) STRICT;
CREATE TABLE log_pending (
  authority TEXT PRIMARY KEY, country TEXT NOT NULL, leaf INTEGER NOT NULL, since TEXT NOT NULL) STRICT;
CREATE TABLE witnessed (
  country TEXT PRIMARY KEY, origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL,
  at TEXT NOT NULL) STRICT;
CREATE TABLE cosigner (country TEXT PRIMARY KEY, origin TEXT NOT NULL, size INTEGER NOT NULL) STRICT
""",
    )


@NODE(name="018_mails")
def _mails(db: Database) -> None:
    _run(
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
    _run(
        db,
        """
ALTER TABLE cases ADD COLUMN former TEXT NOT NULL DEFAULT '';
CREATE INDEX cases_former ON cases(updated_at) WHERE former <> ''
""",
    )


@NODE(name="020_parts_and_handlers")
def _parts_and_handlers(db: Database) -> None:
    _run(
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
    _run(
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
    _run(db, "CREATE INDEX cases_sent ON cases(role, created_at)")


@NODE(name="025_forwards")
def _forwards(db: Database) -> None:
    _run(db, "CREATE INDEX event_forward ON event(seq) WHERE kind = 'request.forward' AND status = 'on-its-way'")


@NODE(name="026_grants")
def _grants(db: Database) -> None:
    """Give each account its roles in each of its authorities, in all areas: what it meant before."""
    _run(
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
    _run(db, "DROP TABLE membership;\nALTER TABLE person DROP COLUMN roles")


@NODE(name="027_observers")
def _observers(db: Database) -> None:
    """Find the authorities that one observes without reading all records, and what the trail tells of one subject."""
    _run(
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
    _run(db, "ALTER TABLE cases ADD COLUMN confidential INTEGER NOT NULL DEFAULT 0")


@NODE(name="029_ratings")
def _ratings(db: Database) -> None:
    _run(
        db,
        """
ALTER TABLE cases ADD COLUMN timeliness INTEGER;
ALTER TABLE cases ADD COLUMN efforts INTEGER
""",
    )


@KEYS(name="001_case_keys")
def _case_keys(db: Database) -> None:
    _run(
        db,
        "CREATE TABLE case_key (case_id TEXT PRIMARY KEY, wrapped BLOB NOT NULL, created_at TEXT NOT NULL) STRICT",
    )


@KEYS(name="002_master")
def _master(db: Database) -> None:
    _run(db, "ALTER TABLE case_key ADD COLUMN master TEXT NOT NULL DEFAULT ''")

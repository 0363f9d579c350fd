"""Numbered migrations up to version 017; the later ones are in `migrations.py`. Never edited."""

import base64
import json

from node.store.engine import SEARCH_GATHER, SEARCH_TABLE, SEARCH_TABLE_1
from node.store.schema import Database, Schema

EARLIER = Schema("node")


def run(db: Database, script: str) -> None:
    """Execute the statements of a script, one after the other."""
    for statement in script.split(";\n"):
        if statement.strip():
            db.execute(statement)


@EARLIER(name="001_exchange")
def _exchange(db: Database) -> None:
    run(
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


@EARLIER(name="002_directory_and_people")
def _directory_and_people(db: Database) -> None:
    run(
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


@EARLIER(name="003_unreceipted")
def _unreceipted(db: Database) -> None:
    db.execute("CREATE INDEX batch_unreceipted ON batch(iss, aud, epoch, first) WHERE receipt IS NULL")


@EARLIER(name="004_service_accounts_and_links_made")
def _service_accounts_and_links_made(db: Database) -> None:
    # administrators could make tokens for others until here, and nobody can tell which ones those are
    run(
        db,
        """
ALTER TABLE person ADD COLUMN service INTEGER NOT NULL DEFAULT 0;
CREATE INDEX audit_ways_in ON audit(subject, seq) WHERE action IN ('link.make', 'session.open');
DELETE FROM secret WHERE kind = 'token'
""",
    )


@EARLIER(name="005_restart")
def _restart(db: Database) -> None:
    run(
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


@EARLIER(name="006_refusals")
def _refusals(db: Database) -> None:
    run(
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


@EARLIER(name="007_damage")
def _damage(db: Database) -> None:
    run(db, "CREATE TABLE damage (case_id TEXT PRIMARY KEY, at TEXT NOT NULL, what TEXT NOT NULL) STRICT")


@EARLIER(name="008_queues")
def _queues(db: Database) -> None:
    run(
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


@EARLIER(name="012_authority_changes")
def _authority_changes(db: Database) -> None:
    run(
        db,
        """
CREATE TABLE authority_change (
  seq INTEGER PRIMARY KEY, authority TEXT NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL, kind TEXT NOT NULL,
  reason TEXT NOT NULL, before BLOB, after BLOB) STRICT;
CREATE INDEX authority_change_of ON authority_change(authority, seq)
""",
    )


@EARLIER(name="013_registrations")
def _registrations(db: Database) -> None:
    run(
        db,
        """
CREATE TABLE registration (
  id TEXT PRIMARY KEY, coordinator TEXT NOT NULL, invited_by TEXT NOT NULL, note TEXT NOT NULL, state TEXT NOT NULL,
  link TEXT UNIQUE, expires_at TEXT NOT NULL, record BLOB, person BLOB, reason TEXT NOT NULL, authority TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL) STRICT;
CREATE INDEX registration_of ON registration(coordinator, updated_at)
""",
    )


@EARLIER(name="014_search")
def _search(db: Database) -> None:
    # the index is written anew at the first search (`search_state`), where there is anything to write
    run(
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


@EARLIER(name="016_logs")
def _logs(db: Database) -> None:
    # whole signed lists until here: our own is published anew as leaves, the others' are fetched anew
    run(
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

"""Streams between two nodes: outbox, batches of both directions, heads, receipts and proofs."""

from node.store.tx import Read, Row, Tx
from protocol.batch import Batch, Head

_ALL = 1_000_000_000


def head(q: Read, iss: str, aud: str) -> Head:
    """Return how far a stream has come."""
    row = q.one("SELECT * FROM stream WHERE iss = :iss AND aud = :aud", {"iss": iss, "aud": aud})
    return Head(row["epoch"], row["next"], row["last"]) if row else Head()


def enqueue(tx: Tx, peer: str, digest: str) -> None:
    """Put an event into the queue for a peer, in the transaction that stores it."""
    tx.run(
        "INSERT INTO outbox (peer, digest, created_at) VALUES (:peer, :digest, :at)",
        {"peer": peer, "digest": digest, "at": tx.at},
    )


def waiting(q: Read, peer: str, limit: int) -> list[Row]:
    """Return what waits for a peer and is in no batch yet, oldest first: place in the queue, digest and line."""
    return q.all(
        "SELECT o.seq, o.digest, e.line FROM outbox o JOIN event e ON e.digest = o.digest"
        " WHERE o.peer = :peer AND o.first IS NULL ORDER BY o.seq LIMIT :limit",
        {"peer": peer, "limit": limit},
    )


def unreceipted(q: Read, iss: str, aud: str) -> Row | None:
    """Return the batch that was sealed and has no receipt yet."""
    return q.one(
        "SELECT * FROM batch WHERE iss = :iss AND aud = :aud AND receipt IS NULL ORDER BY epoch, first LIMIT 1",
        {"iss": iss, "aud": aud},
    )


def lines_of(q: Read, peer: str, first: int) -> list[bytes]:
    """Return the lines of a sealed batch, in the order of its items."""
    rows = q.all(
        "SELECT e.line FROM outbox o JOIN event e ON e.digest = o.digest"
        " WHERE o.peer = :peer AND o.first = :first ORDER BY o.seq",
        {"peer": peer, "first": first},
    )
    return [bytes(row["line"]) for row in rows]


def save(tx: Tx, batch: Batch, receipt: str | None = None, receipt_digest: str | None = None) -> None:
    """Store a batch (received ones with their receipt) and move the head of its stream."""
    claims = batch.claims
    key = {"iss": claims.iss, "aud": claims.aud, "epoch": claims.epoch, "next": batch.next, "at": tx.at}
    tx.run(
        "INSERT INTO batch (iss, aud, epoch, first, next, digest, jws, receipt, receipt_digest, at, receipted_at)"
        " VALUES (:iss, :aud, :epoch, :first, :next, :digest, :jws, :receipt, :receipt_digest, :at, :receipted_at)",
        {
            **key,
            "first": claims.first,
            "digest": batch.sha256,
            "jws": batch.jws.compact,
            "receipt": receipt,
            "receipt_digest": receipt_digest,
            "receipted_at": key["at"] if receipt else None,
        },
    )
    _move(tx, claims.iss, claims.aud, Head(claims.epoch, batch.next, batch.sha256))


def assign(tx: Tx, places: list[int], first: int) -> None:
    """Note in which batch the waiting events at these places of the queue travel."""
    tx.many(
        "UPDATE outbox SET first = :first, sealed = 1 WHERE seq = :seq AND first IS NULL",
        [{"seq": seq, "first": first} for seq in places],
    )


def batch_over(q: Read, iss: str, aud: str, epoch: int, position: int) -> Row | None:
    """Return the batch that holds a position, wherever it starts."""
    return q.one(
        "SELECT * FROM batch WHERE iss = :iss AND aud = :aud AND epoch = :epoch"
        " AND first <= :position AND next > :position",
        {"iss": iss, "aud": aud, "epoch": epoch, "position": position},
    )


def receipted(tx: Tx, batch: Batch, receipt: str, receipt_digest: str) -> None:
    """Store a peer's receipt and take the batch's events out of the queue."""
    claims = batch.claims
    tx.run(
        "UPDATE batch SET receipt = :receipt, receipt_digest = :digest, receipted_at = :at"
        " WHERE iss = :iss AND aud = :aud AND epoch = :epoch AND first = :first",
        {
            "receipt": receipt,
            "digest": receipt_digest,
            "at": tx.at,
            "iss": claims.iss,
            "aud": claims.aud,
            "epoch": claims.epoch,
            "first": claims.first,
        },
    )
    tx.run("DELETE FROM outbox WHERE peer = :peer AND first = :first", {"peer": claims.aud, "first": claims.first})


def by_receipt(q: Read, receipt_digest: str) -> Row | None:
    """Return the batch that a receipt answered, be it the first receipt or one that was signed again."""
    return q.one(
        "SELECT * FROM batch WHERE receipt_digest = :digest"
        " UNION ALL SELECT * FROM batch WHERE again_digest = :digest LIMIT 1",
        {"digest": receipt_digest},
    )


def signed_again(tx: Tx, digest: str, receipt: str, receipt_digest: str) -> None:
    """Keep a receipt that was signed again beside the first one, which later events may name."""
    tx.run(
        "UPDATE batch SET again = :receipt, again_digest = :again WHERE digest = :digest",
        {"receipt": receipt, "again": receipt_digest, "digest": digest},
    )


def receipted_head(q: Read, iss: str, aud: str) -> Head:
    """Return how far a stream has come with receipts; at the start of an epoch, what that epoch follows."""
    key = {"iss": iss, "aud": aud}
    row = q.one(
        "SELECT epoch, next, digest FROM batch WHERE iss = :iss AND aud = :aud AND receipt IS NOT NULL"
        " ORDER BY epoch DESC, first DESC LIMIT 1",
        key,
    )
    done = Head(row["epoch"], row["next"], row["digest"]) if row else Head()
    begun = q.one("SELECT * FROM epoch WHERE iss = :iss AND aud = :aud ORDER BY epoch DESC LIMIT 1", key)
    if begun is None or begun["epoch"] <= done.epoch:
        return done
    return Head(begun["prev_epoch"], begun["prev_next"], begun["prev"])


def ends_at(q: Read, iss: str, aud: str, head: Head) -> bool:
    """Say whether a receipted batch of a stream ends at a head, or the head is the very beginning."""
    if head == Head():
        return True
    sql = (
        "SELECT 1 AS there FROM batch WHERE iss = :iss AND aud = :aud AND epoch = :epoch AND next = :next"
        " AND digest = :last AND receipt IS NOT NULL"
    )
    return q.one(sql, {"iss": iss, "aud": aud, "epoch": head.epoch, "next": head.next, "last": head.last}) is not None


def receipted_from(q: Read, iss: str, aud: str, epoch: int, position: int, limit: int) -> list[Row]:
    """Return receipted batches from a position of an epoch on, those of later epochs too, in their order."""
    return q.all(
        "SELECT * FROM batch WHERE iss = :iss AND aud = :aud AND receipt IS NOT NULL"
        " AND (epoch > :epoch OR epoch = :epoch AND next > :position)"
        " ORDER BY epoch, first LIMIT :limit",
        {"iss": iss, "aud": aud, "epoch": epoch, "position": position, "limit": limit},
    )


def give_back(tx: Tx, batch: Batch, receipt: str, receipt_digest: str) -> None:
    """Store a batch that a peer gave back, with its receipt; what we had of it without one has it now."""
    claims, now = batch.claims, tx.at
    tx.run(
        "INSERT INTO batch (iss, aud, epoch, first, next, digest, jws, receipt, receipt_digest, at, receipted_at,"
        " fetched_at) VALUES (:iss, :aud, :epoch, :first, :next, :digest, :jws, :receipt, :receipt_digest, :at, :at,"
        " :at) ON CONFLICT (iss, aud, epoch, first) DO UPDATE SET receipt = :receipt,"
        " receipt_digest = :receipt_digest, receipted_at = :at",
        {
            "iss": claims.iss,
            "aud": claims.aud,
            "epoch": claims.epoch,
            "first": claims.first,
            "next": batch.next,
            "digest": batch.sha256,
            "jws": batch.jws.compact,
            "receipt": receipt,
            "receipt_digest": receipt_digest,
            "at": now,
        },
    )
    _move(tx, claims.iss, claims.aud, Head(claims.epoch, batch.next, batch.sha256))


def _move(tx: Tx, iss: str, aud: str, head: Head) -> None:
    tx.run(
        "INSERT INTO stream (iss, aud, epoch, next, last) VALUES (:iss, :aud, :epoch, :next, :last)"
        " ON CONFLICT (iss, aud) DO UPDATE SET epoch = :epoch, next = :next, last = :last",
        {"iss": iss, "aud": aud, "epoch": head.epoch, "next": head.next, "last": head.last},
    )


def leave_queue(tx: Tx, peer: str, digest: str) -> None:
    """Take an event out of the queue for a peer."""
    tx.run("DELETE FROM outbox WHERE peer = :peer AND digest = :digest", {"peer": peer, "digest": digest})


def leave_queue_unsealed(tx: Tx, digest: str) -> bool:
    """Take an event out of the queue unless it is in a sealed batch; returns whether it was taken out."""
    return tx.run("DELETE FROM outbox WHERE digest = :digest AND first IS NULL", {"digest": digest}) > 0


def begin_epoch(tx: Tx, iss: str, aud: str, agreed: Head, reason: str) -> Head:
    """Begin the next epoch of an own stream after the head that both sides have (SPEC S-129, S-130).

    What was sealed without a receipt is opened again: its events wait as if they had never been in a batch.
    """
    before = head(tx, iss, aud)
    begun = Head(max(before.epoch, agreed.epoch) + 1, 1, agreed.last)  # no epoch is used a second time
    tx.run("DELETE FROM batch WHERE iss = :iss AND aud = :aud AND receipt IS NULL", {"iss": iss, "aud": aud})
    tx.run("UPDATE outbox SET first = NULL WHERE peer = :peer", {"peer": aud})
    tx.run(
        "INSERT INTO epoch (iss, aud, epoch, prev_epoch, prev_next, prev, reason, at)"
        " VALUES (:iss, :aud, :epoch, :prev_epoch, :prev_next, :prev, :reason, :at)",
        {
            "iss": iss,
            "aud": aud,
            "epoch": begun.epoch,
            "prev_epoch": agreed.epoch,
            "prev_next": agreed.next,
            "prev": agreed.last,
            "reason": reason,
            "at": tx.at,
        },
    )
    _move(tx, iss, aud, begun)
    return begun


def epochs(q: Read) -> dict[tuple[str, str, int], str | None]:
    """Return what each epoch that this node began follows: (iss, aud, epoch) → digest of the agreed batch."""
    return {(row["iss"], row["aud"], row["epoch"]): row["prev"] for row in q.all("SELECT * FROM epoch")}


def epochs_with(q: Read, own: str, peer: str) -> list[Row]:
    """Return the later epochs of both streams between two countries, oldest first: iss, epoch, reason, at."""
    return q.all(
        "SELECT iss, epoch, reason, at FROM epoch WHERE (iss = :own AND aud = :peer) OR (iss = :peer AND aud = :own)"
        " ORDER BY at, iss, epoch",
        {"own": own, "peer": peer},
    )


def backlog(q: Read) -> list[Row]:
    """Return, for each peer that something waits for: peer, count and since when."""
    return q.all("SELECT peer, COUNT(*) AS count, MIN(created_at) AS since FROM outbox GROUP BY peer ORDER BY peer")


def queue(q: Read, peer: str, limit: int = _ALL, offset: int = 0) -> list[Row]:
    """Return what waits for a peer, oldest first: number, kind, since, and whether it was ever in a batch."""
    return q.all(
        "SELECT c.number, e.kind, o.created_at AS since, o.sealed FROM outbox o JOIN event e ON e.digest = o.digest"
        " JOIN cases c ON c.id = e.case_id WHERE o.peer = :peer ORDER BY o.seq LIMIT :limit OFFSET :offset",
        {"peer": peer, "limit": limit, "offset": offset},
    )


def unsealed(q: Read, peer: str) -> tuple[int, int]:
    """Return how many messages wait for a peer and were never in a batch, and the place of the last one."""
    row = q.one(
        "SELECT COUNT(*) AS count, MAX(seq) AS last FROM outbox WHERE peer = :peer AND sealed = 0", {"peer": peer}
    )
    return (row["count"], row["last"] or 0) if row else (0, 0)


def unsealed_numbers(q: Read, peer: str, until: int) -> list[str]:
    """Return the numbers of the cases of which something never sealed waits for a peer, up to a place of the queue."""
    rows = q.all(
        "SELECT DISTINCT c.number FROM outbox o JOIN event e ON e.digest = o.digest JOIN cases c ON c.id = e.case_id"
        " WHERE o.peer = :peer AND o.sealed = 0 AND o.seq <= :until ORDER BY c.number",
        {"peer": peer, "until": until},
    )
    return [str(row["number"]) for row in rows]


def queued_with(q: Read, number: str) -> list[Row]:
    """Return what waits of the case with a number, oldest first: peer, digest, case, kind, and as in `queue`."""
    return q.all(
        "SELECT o.peer, o.digest, e.case_id, e.kind, o.sealed FROM cases c JOIN event e ON e.case_id = c.id"
        " JOIN outbox o ON o.digest = e.digest WHERE c.number = :number ORDER BY o.seq",
        {"number": number},
    )


def last_times(q: Read, country: str) -> dict[str, tuple[str | None, str | None]]:
    """Return for each peer when its last receipt came, and when the last batch of it was stored; by index."""
    receipts = q.all(
        "SELECT aud AS peer, (SELECT receipted_at FROM batch WHERE batch.iss = stream.iss AND batch.aud = stream.aud"
        " AND receipt IS NOT NULL ORDER BY batch.epoch DESC, first DESC LIMIT 1) AS at"
        " FROM stream WHERE iss = :own",
        {"own": country},
    )
    batches = q.all(
        "SELECT iss AS peer, (SELECT at FROM batch WHERE batch.iss = stream.iss AND batch.aud = stream.aud"
        " ORDER BY batch.epoch DESC, first DESC LIMIT 1) AS at FROM stream WHERE aud = :own",
        {"own": country},
    )
    received = {row["peer"]: row["at"] for row in batches}
    receipted = {row["peer"]: row["at"] for row in receipts}
    return {peer: (receipted.get(peer), received.get(peer)) for peer in sorted(received.keys() | receipted.keys())}


def waiting_since(q: Read, case_id: str) -> str | None:
    """Return since when an own event of a case waits for its receipt."""
    row = q.one(
        "SELECT MIN(o.created_at) AS since FROM outbox o JOIN event e ON e.digest = o.digest WHERE e.case_id = :id",
        {"id": case_id},
    )
    return str(row["since"]) if row and row["since"] else None


def stuck(q: Read, peer: str) -> bool:
    """Say whether the last attempt to reach a peer failed, or an operator lets nothing go there."""
    sql = (
        "SELECT 1 AS so FROM peer WHERE country = :peer"
        " AND (failed_since IS NOT NULL OR held_at IS NOT NULL OR blocked = 1)"
    )
    return q.one(sql, {"peer": peer}) is not None


def keep_proof(tx: Tx, iss: str, code: str, first: bytes, second: bytes) -> None:
    """Keep two signed documents that contradict each other."""
    tx.run(
        "INSERT INTO proof (at, iss, code, first, second) VALUES (:at, :iss, :code, :first, :second)",
        {"at": tx.at, "iss": iss, "code": code, "first": first, "second": second},
    )


def keep_first_proof(tx: Tx, iss: str, code: str, first: bytes, second: bytes) -> None:
    """Keep a proof unless there is one about `first` already: repeating the offence proves nothing more."""
    known = tx.one(
        "SELECT seq FROM proof WHERE iss = :iss AND code = :code AND first = :first",
        {"iss": iss, "code": code, "first": first},
    )
    if known is None:
        keep_proof(tx, iss, code, first, second)


def last_proof(q: Read, iss: str, code: str) -> Row | None:
    """Return the latest proof of a kind against an issuer."""
    rows = q.all(
        "SELECT first, second FROM proof WHERE iss = :iss AND code = :code ORDER BY seq DESC LIMIT 1",
        {"iss": iss, "code": code},
    )
    return rows[0] if rows else None


def proofs_of(q: Read, code: str) -> list[Row]:
    """Return all proofs of a kind, oldest first."""
    return q.all("SELECT iss, second FROM proof WHERE code = :code ORDER BY seq", {"code": code})


def is_proven(q: Read, iss: str, code: str) -> bool:
    """Say whether a proof of a kind is kept against an issuer (a member document's name, for the list's own)."""
    values = {"iss": iss, "code": code}
    return q.one("SELECT seq FROM proof WHERE iss = :iss AND code = :code", values) is not None


def everything(q: Read) -> list[Row]:
    """Return all batches in the order of their streams, for verification."""
    return q.all("SELECT * FROM batch ORDER BY iss, aud, epoch, first")

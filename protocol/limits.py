"""All limits of the protocol in one place (SPEC.md section 2).

Sizes are bytes unless a name says otherwise. They bind the sealing side too, so that nothing can be
sealed that can't be received (SPEC S-001).
"""

KIB = 1024
MIB = 1024 * KIB

MAX_JSON_DEPTH = 16
"""Levels of nesting of arrays and objects."""

MAX_INTEGER = 2**53 - 1
"""Largest integer that every JSON implementation keeps exactly (RFC 8259 section 6)."""

MAX_EVENT_JWS = 16 * KIB
MAX_BATCH_JWS = 64 * KIB
MAX_RECEIPT_JWS = 64 * KIB

MAX_ITEM = 256 * KIB
"""One line of a batch body: an event with its parts and slots, without the line feed."""

MAX_ITEMS = 100
"""Events in one batch."""

MAX_BATCH_BODY = MIB
"""All lines of a batch after the first, with their line feeds."""

MAX_REQUEST_BODY = MAX_BATCH_JWS + 1 + MAX_BATCH_BODY

MAX_HISTORY_PAGE = 16 * MIB
"""Answer to `GET /peer/v1/streams/{iss}/{epoch}`: at least one batch, and no more after the first 2 MiB."""

MAX_PART = 128 * KIB
"""Plaintext of one part."""

MAX_PARTS = 4
"""Parts of one event."""

MAX_RECIPIENTS = 31
"""Entries of `aud`: all other members and the Commission."""

BLOB_CHUNK = MIB
"""Plaintext of one chunk of a blob; only the last is shorter."""

MAX_BLOB = 20 * MIB
"""Plaintext of one attachment."""

MAX_ATTACHMENTS = 20
"""Attachments that one event names."""

MAX_MESSAGES = 100
"""Messages of one side in one case."""

MAX_WISHES = 100
"""Wishes to withdraw of one side in one case; one is what an honest side has."""

MAX_OPENED = 100
"""Signs of one side in one case that the request was opened."""

MAX_BLOB_NOTICES = 5_000
"""Signs of one side in one case that attachments have arrived."""

MAX_CORRECTIONS = 50
"""Contests, corrections and answers to contests, of each kind, of one side in one case."""

MAX_TEXT = 8 * KIB
"""Characters of one free text."""

MAX_NAME = 500
"""Characters of a name or a title."""

MAX_QUESTIONS = 200
"""Questions in one request, and answers in one reply."""

MAX_COLUMNS = 8
"""Columns of a table in a question set, and cells of one row."""

MAX_ROWS = 50
"""Rows of a table that is sent."""

MAX_DIRECTORY_PAGE = 24 * MIB
"""A page of a country's directory log, uncompressed."""
MAX_MEMBER_BUNDLE = 4 * MIB

MAX_AREA_PACK = 4 * MIB
"""A version of a legal area with all its texts (SPEC S-246)."""

MAX_AREA_INDEX = MIB
"""Answer to `GET /peer/v1/areas`: the versions of areas that a node has, with their signatures."""

MAX_ANSWER = 64 * KIB
"""An answer that is no list, directory or blob: a receipt, the head of a stream, a problem (SPEC S-098)."""

RETIRED_KEY_DAYS = 40
"""Days for which a retired message key is still accepted."""

CLOCK_TOLERANCE_S = 300
"""Seconds by which `iat` may lie in the receiver's future before it is noted, never refused (SPEC S-006)."""

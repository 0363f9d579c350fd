"""All limits of the directory, with their units. They hold for publishing and for taking over."""

from protocol.limits import MAX_DIRECTORY_PAGE

MAX_BODY_BYTES = 64 * 1024 * 1024  # records of one import
MAX_PAGE_BYTES = MAX_DIRECTORY_PAGE  # a page of a log, uncompressed
MAX_PAGE_LEAVES = 10_000  # leaves of one page
FULL_PAGE_BYTES = 512 * 1024  # records after which a page is full: who takes it over holds all of it in memory
MAX_RECORD_BYTES = 16 * 1024  # one authority as canonical JSON
MAX_RECORDS = 200_000  # authorities of one country

MAX_ID_CHARS = 64
MAX_NAME_CHARS = 500  # an official name, as the state writes it
MAX_TITLE_CHARS = 200  # an informal title, per language
MAX_DESCRIPTION_CHARS = 4000  # per language
MAX_PLACE_CHARS = 200
MAX_ADDRESS_CHARS = 300
MAX_EMAIL_CHARS = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
MAX_WEB_CHARS = 500
MAX_PHONE_CHARS = 40
MAX_CODE_CHARS = 120  # a competence, an area
MAX_LANGUAGES = 40  # titles, descriptions, languages understood
MAX_AREAS = 100
MAX_COMPETENCES = 200
MAX_REQUEST_COORDINATORS = 10  # request coordinators per area
MAX_OBSERVERS = 50  # linked authorities that observe

MAX_TABLE_BYTES = 16 * 1024 * 1024  # a table that is imported, CSV or XLSX, as it comes
MAX_SHEET_BYTES = 64 * 1024 * 1024  # an XLSX file, unpacked; one of MAX_TABLE_BYTES may claim a thousand times more
MAX_SHEET_PARTS = 200  # files inside an XLSX file
MAX_COLUMNS = 300  # of a table
MAX_CELL_CHARS = 32_767  # of one cell, as a spreadsheet has it
MAX_MAPPING_BYTES = 64 * 1024  # a mapping file

MAX_NOTE_BYTES = 32 * 1024  # a checkpoint with the signatures of its log and of its witnesses
MAX_SIGNATURES = 128  # signatures of one note; C2SP signed-note asks for 16 at least
MAX_PROOF_HASHES = 63  # hashes of one proof (C2SP tlog-witness)
MAX_LEAF_BYTES = 512  # a leaf without its record, as canonical JSON
MAX_PROOF_FILE_BYTES = 128 * 1024  # a tlog-proof, or a proof of misbehaviour

MAX_QUERY_CHARS = 200  # what is read of a search query
MAX_QUERY_TOKENS = 10
MAX_TOKEN_CHARS = 60

"""Tables as files: CSV or XLSX in, rows of text out, and back; behind limits, since anybody may send one.

Every cell is text: a number is written as it stands without a trailing `.0`, a day as ISO 8601, a formula as its
own text and never as what it says. An XLSX file is a ZIP archive: its size unpacked is checked before anything of
it is read, and one that holds a document type (entities that grow) is refused.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal

from directory_sync import limits
from directory_sync.problem import Code, DirectoryError

_ZIP: Final = b"PK\x03\x04"
_CHUNK: Final = 1024 * 1024
_DOCTYPE: Final = b"<!DOCTYPE"


class SheetError(DirectoryError):
    """A file that can't be read as a table; `row` counts from 1, 0 where it isn't about one."""

    def __init__(self, code: Code, detail: str, row: int = 0, *, encoding: bool = False) -> None:
        """Take a code of `problem.py`, and whether it is about the file's `encoding`."""
        super().__init__(code, detail)
        self.row = row
        self._encoding = encoding

    @property
    def fault(self) -> Literal["too-large", "encoding", "unreadable"]:
        """What is wrong with the table, as an official is told it."""
        if self.code == "directory-too-large":
            return "too-large"
        return "encoding" if self._encoding else "unreadable"


def is_spreadsheet(data: bytes) -> bool:
    """Say whether a file is an XLSX file, by its beginning and not by its name."""
    return data.startswith(_ZIP)


def rows_of(data: bytes) -> Iterator[list[str]]:
    """Yield the rows of a file, the heading first; raises SheetError, also in the middle."""
    if len(data) > limits.MAX_TABLE_BYTES:
        raise SheetError("directory-too-large", f"more than {limits.MAX_TABLE_BYTES} bytes")
    yield from _bounded(_spreadsheet(data) if is_spreadsheet(data) else _csv(data))


def _bounded(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    for number, row in enumerate(rows, 1):
        if number > limits.MAX_RECORDS + 1:
            raise SheetError("directory-too-large", f"more than {limits.MAX_RECORDS} rows", number)
        if len(row) > limits.MAX_COLUMNS:
            raise SheetError("directory-too-large", f"more than {limits.MAX_COLUMNS} columns", number)
        if any(len(cell) > limits.MAX_CELL_CHARS for cell in row):
            raise SheetError("directory-too-large", f"a cell of more than {limits.MAX_CELL_CHARS} characters", number)
        yield row


# --- CSV ---


def _csv(data: bytes) -> Iterator[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SheetError("directory-bad-record", "isn't UTF-8", line, encoding=True) from None
    yield from csv_rows(text)


def csv_rows(text: str) -> Iterator[list[str]]:
    """Yield the rows of a CSV text; comma or semicolon, as the heading has it. Raises SheetError."""
    lines = text.removeprefix("\ufeff")
    delimiter = ";" if ";" in lines.partition("\n")[0] else ","
    rows = csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, row in enumerate(rows, 1):  # noqa: B007 - told if the next one can't be read
            yield row
    except csv.Error as error:
        raise SheetError("directory-bad-record", str(error), number + 1) from None


# --- XLSX ---


def sheets_of(data: bytes) -> dict[str, list[list[str]]]:
    """Return the rows of every sheet of an XLSX file by its name; raises SheetError."""
    if len(data) > limits.MAX_TABLE_BYTES:
        raise SheetError("directory-too-large", f"more than {limits.MAX_TABLE_BYTES} bytes")
    _check_archive(data)
    names = _book(data).sheetnames
    return {name: list(_bounded(_sheet(data, place))) for place, name in enumerate(names)}


def _spreadsheet(data: bytes) -> Iterator[list[str]]:
    _check_archive(data)
    yield from _sheet(data, 0)


def _book(data: bytes) -> Any:
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    try:
        return load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
    except Exception as error:  # whatever the library stumbles over: the file comes from outside
        raise SheetError("directory-bad-record", "isn't a spreadsheet that can be read") from error


def _sheet(data: bytes, place: int) -> Iterator[list[str]]:
    try:
        sheet = _book(data).worksheets[place]
        sheet.reset_dimensions()
        width = 0
        for values in sheet.iter_rows(values_only=True):
            row = [_text(value) for value in values[: limits.MAX_COLUMNS + 1]]
            while row and not row[-1]:
                row.pop()
            width = width or len(row)
            yield row + [""] * (width - len(row))
    except DirectoryError:
        raise
    except Exception as error:  # whatever the library stumbles over: the file comes from outside
        raise SheetError("directory-bad-record", "isn't a spreadsheet that can be read") from error


def _check_archive(data: bytes) -> None:
    """Refuse an archive that would grow beyond the limit, or whose parts name a document type."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > limits.MAX_SHEET_PARTS or sum(p.file_size for p in parts) > limits.MAX_SHEET_BYTES:
                raise SheetError("directory-too-large", f"more than {limits.MAX_SHEET_BYTES} bytes unpacked")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    _check_part(archive, part)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise SheetError("directory-bad-record", "isn't a spreadsheet that can be read") from error


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    size, end = 0, b""
    with archive.open(part) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if (
                size > part.file_size
                or _DOCTYPE in (end + chunk).upper()
                or chunk.startswith((b"\xff\xfe", b"\xfe\xff"))
            ):
                raise SheetError("directory-bad-record", "isn't a spreadsheet that can be read")
            end = chunk[-len(_DOCTYPE) :]


def _text(value: Any) -> str:
    """Return a cell's value as text: what a person sees, or close to it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else ""
        case float() if value.is_integer():
            return str(int(value))
        case datetime():
            return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(" ")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def write_spreadsheet(heading: Sequence[str], rows: Iterable[Sequence[str]], name: str = "authorities") -> bytes:
    """Return an XLSX file of text cells: nothing in it is a formula, and leading zeros stay."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell  # type: ignore[import-untyped]

    book = Workbook(write_only=True)
    sheet = book.create_sheet(name)
    for row in (heading, *rows):
        cells = []
        for text in row:
            cell = WriteOnlyCell(sheet, value="")
            cell._value, cell.data_type, cell.number_format = text, "s", "@"  # noqa: SLF001 - else "=…" is a formula
            cells.append(cell)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()

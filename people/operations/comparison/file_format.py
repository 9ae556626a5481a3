"""Reads CSV files whose encoding and separator are unknown.

The file is only text: nothing in it is executed, and a cell that begins like a formula is the text
of the cell. docs/compare.md lists the formats and the limits.
"""

import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from people.values import PeopleError

MAX_MEGABYTES: Final = 10
MAX_ROWS: Final = 50_000
MAX_COLUMNS: Final = 100
MAX_ROW_LENGTH: Final = 20_000
SAMPLE_ROWS: Final = 25

# What an administrator may choose, by the name of Python's codec. “utf-16” reads a byte order mark,
# and little-endian text without one.
ENCODINGS: Final = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-be": "UTF-16, big-endian without byte order mark",
    "cp1252": "Windows-1252 (Western Europe)",
    "cp1250": "Windows-1250 (Central Europe)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "mac_roman": "Mac Roman",
}
SEPARATORS: Final = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Vertical bar"}
# The beginning of a ZIP file, which an Excel workbook is.
ZIP_SIGNATURE: Final = b"PK\x03\x04"


class UnreadableFile(PeopleError):
    """The file cannot be read as a list of people. The message says why, and what to do."""

    code = "unreadable-file"
    field = "file"

    def __init__(self, message: str) -> None:
        super().__init__(message)


@dataclass(frozen=True)
class Record:
    """A row of the file. The header is row 1, as in a spreadsheet."""

    number: int
    cells: list[str] = field(default_factory=list)
    # Why the row cannot be read; blank if it can.
    problem: str = ""


@dataclass(frozen=True)
class Table:
    header: list[str]
    records: list[Record]


def guess_encoding(content: bytes) -> str:
    """Return the encoding of the file: by its byte order mark, otherwise by its bytes.

    :raises UnreadableFile: if the file is empty, too large, or not a text file.
    """
    if not content.strip():
        raise UnreadableFile("The file is empty. Choose a CSV file with a header row.")
    if len(content) > MAX_MEGABYTES * 1024 * 1024:
        raise UnreadableFile(f"The file is larger than {MAX_MEGABYTES} MB. Split it.")
    if content.startswith(ZIP_SIGNATURE):
        raise UnreadableFile("This is an Excel workbook. Save it as CSV, and upload the CSV file.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # Most letters of a list of people are in ASCII, whose other byte is zero in UTF-16.
    sample = content[:2000]
    half = len(sample) // 2 or 1
    for first, encoding in ((1, "utf-16"), (0, "utf-16-be")):
        if sample[first::2].count(0) > half * 0.4 and not sample[1 - first :: 2].count(0):
            return encoding
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def decode(content: bytes, encoding: str) -> str:
    """Return the text of the file.

    :raises UnreadableFile: if the file does not have this encoding, or contains NUL characters.
    """
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            f"The file is not {ENCODINGS[encoding]}. Save it as “CSV UTF-8”, or choose another "
            "encoding."
        ) from error
    if "\0" in text:
        raise UnreadableFile(
            "The file contains NUL characters, so it is not a text file. Save it as “CSV UTF-8”."
        )
    return text.removeprefix("\ufeff")


def guess_separator(text: str) -> str:
    """Return the separator that divides most of the first rows into as many cells as the header."""
    fits: dict[str, tuple[float, int]] = {}
    for separator in SEPARATORS:
        sample = islice(_records(text, separator), SAMPLE_ROWS)
        widths = [len(record.cells) for record in sample if any(record.cells)]
        width = widths[0] if widths else 0
        # A separator that does not occur gives rows of one cell, which all fit.
        fits[separator] = (widths.count(width) / len(widths) if width > 1 else 0, width)
    return max(fits, key=fits.__getitem__)


def read_table(text: str, separator: str) -> Table:
    """Return the header and the rows; blank rows are left out, but counted.

    :raises UnreadableFile: if there is no header or no row, or too many columns or rows.
    """
    records = (one for one in _records(text, separator) if one.problem or any(one.cells))
    header = next(records, None)
    if header is None or header.problem:
        raise UnreadableFile("The first row has to contain the names of the columns.")
    if len(header.cells) > MAX_COLUMNS:
        raise UnreadableFile(f"The file has more than {MAX_COLUMNS} columns. Delete some.")
    found = list(islice(records, MAX_ROWS + 1))
    if not found:
        raise UnreadableFile("The file has a header, but no rows below it.")
    if len(found) > MAX_ROWS:
        raise UnreadableFile(f"The file has more than {MAX_ROWS:,} rows. Split it.")
    width = len(header.cells)
    return Table(header.cells, [_checked(one, width) for one in found])


def _records(text: str, separator: str) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Record(number, problem="The quotation marks of the row do not match.")
        else:
            # Any white space, such as a no-break space or a line break in a cell, is one space.
            yield Record(number, [" ".join(cell.split()) for cell in cells])


def _checked(record: Record, width: int) -> Record:
    """Return the record with as many cells as the header, or with the problem of its cells."""
    problem = record.problem
    if len(record.cells) > width and any(record.cells[width:]):
        problem = "The row has more cells than the header."
    elif sum(map(len, record.cells)) > MAX_ROW_LENGTH:
        problem = f"The row is longer than {MAX_ROW_LENGTH:,} characters."
    elif any(
        unicodedata.category(character) == "Cc"
        for cell in record.cells
        # Most cells are printable, and need not be searched.
        if not cell.isprintable()
        for character in cell
    ):
        problem = "The row contains control characters."
    missing = [""] * (width - len(record.cells))
    return Record(record.number, [*record.cells, *missing][:width], problem)

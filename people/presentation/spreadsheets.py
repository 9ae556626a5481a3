"""Cells of CSV files that people open in a spreadsheet.

A spreadsheet runs a cell that begins with = + - @ or a control character, so such a cell
gets an apostrophe in front.
"""

import csv
import re
from collections.abc import Iterable, Iterator

# Full-width signs too, which some spreadsheet programs also accept in formulas.
DANGEROUS = re.compile(r"\s*'*\s*[=+\-@\t\r\n\0＝＋－＠]")
# Tells spreadsheets that the file is UTF-8.
BYTE_ORDER_MARK = "\ufeff"


def escape_formula(text: str) -> str:
    """Return the text with an apostrophe in front if a spreadsheet would run it."""
    return f"'{text}" if DANGEROUS.match(text) else text


class _Echo:
    """A file whose `write` returns the line instead of storing it, to stream CSV."""

    def write(self, line: str) -> str:
        return line


def csv_lines(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a CSV file, one by one, so that a file of any size needs little memory."""
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK + writer.writerow(columns)
    for row in rows:
        yield writer.writerow(map(escape_formula, row))

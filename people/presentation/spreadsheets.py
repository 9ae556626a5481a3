"""Cells of CSV files that people open in a spreadsheet.

A spreadsheet runs a cell that begins with = + - @ or a control character, so such a cell
gets an apostrophe in front.
"""

import re

# Full-width signs too, which some spreadsheet programs also accept in formulas.
DANGEROUS = re.compile(r"\s*'*\s*[=+\-@\t\r\n\0＝＋－＠]")
# Tells spreadsheets that the file is UTF-8.
BYTE_ORDER_MARK = "\ufeff"


def escape_formula(text: str) -> str:
    """Return the text with an apostrophe in front if a spreadsheet would run it."""
    return f"'{text}" if DANGEROUS.match(text) else text

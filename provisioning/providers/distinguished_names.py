"""Compares the distinguished names (DNs) of directory entries."""

import re


def normalize_dn(dn: str) -> str:
    """Return the form of a DN in which equal DNs are equal texts.

    Directories ignore case, and blanks around commas and equals signs.
    """
    return re.sub(r"\s*([,=])\s*", r"\1", dn.strip()).casefold()

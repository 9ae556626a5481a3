"""Composes pictures of pages to contact sheets, so that many can be looked at together."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser

SHEET_WIDTH, SHEET_HEIGHT = 1560, 1500
# How many pictures are side by side, by the width of the page.
COLUMNS: Final = {390: 5, 768: 3, 1280: 2, 1600: 2}
# A column that has less room than this is full.
LEAST_HEIGHT: Final = 200
# The line with the name of the page and with what is cut off above, and the gap below.
LABEL_HEIGHT, GAP = 14, 4
STYLE: Final = f"""
  body {{ background: #c0c; display: flex; font: 10px/{LABEL_HEIGHT}px sans-serif; margin: 0; }}
  figure {{ margin: 0 {GAP}px {GAP}px 0; }}
  figcaption {{ background: #ff0; height: {LABEL_HEIGHT}px; overflow: hidden; }}
  section {{ overflow: hidden; }}
"""


@dataclass(frozen=True)
class Piece:
    """A part of a picture. A long picture goes on in the next column."""

    file: Path
    top: int
    width: int
    height: int

    def html(self) -> str:
        return (
            f'<figure style="width: {self.width}px">'
            f"<figcaption>{escape(self.file.stem)} {self.top or ''}</figcaption>"
            f'<section style="height: {self.height}px"><img src="{self.file.name}" '
            f'width="{self.width}" style="margin-top: -{self.top}px"></section></figure>'
        )


def make_sheets(browser: Browser, out: Path) -> None:
    """Write the sheets of each folder of pictures below `out` to its subfolder `sheets`."""
    page = browser.new_page(viewport={"width": SHEET_WIDTH, "height": SHEET_HEIGHT})
    for folder in sorted(out.iterdir()):
        (folder / "sheets").mkdir(exist_ok=True)
        source = folder / "sheet.html"
        columns = COLUMNS[int(folder.name.partition("-")[0])]
        for number, sheet in enumerate(_sheets(folder, columns), 1):
            source.write_text(f'<meta charset="utf-8"><style>{STYLE}</style>{sheet}')
            page.goto(source.as_uri())
            page.screenshot(path=folder / "sheets" / f"{number:03}.png")
            source.unlink()
    page.close()


def _sheets(folder: Path, columns: int) -> Iterator[str]:
    """Yield the HTML of each sheet: columns that are filled from the top to the bottom."""
    width = SHEET_WIDTH // columns - GAP
    sheet: list[list[Piece]] = [[]]
    free = SHEET_HEIGHT
    for file in sorted(folder.glob("*.png")):
        top, height = 0, _height(file, width)
        while top < height:
            if free < LABEL_HEIGHT + min(height - top, LEAST_HEIGHT):
                if len(sheet) == columns:
                    yield _html(sheet)
                    sheet = []
                sheet.append([])
                free = SHEET_HEIGHT
            piece = Piece(file, top, width, min(height - top, free - LABEL_HEIGHT))
            sheet[-1].append(piece)
            free -= piece.height + LABEL_HEIGHT + GAP
            top += piece.height
    yield _html(sheet)


def _html(sheet: list[list[Piece]]) -> str:
    return "".join(f"<div>{''.join(one.html() for one in column)}</div>" for column in sheet)


def _height(file: Path, width: int) -> int:
    """Return how high the picture is if it is scaled to this width."""
    # The first chunk of a PNG file begins with the size of the picture.
    full_width, full_height = struct.unpack(">II", file.read_bytes()[16:24])
    return int(full_height * width / full_width)

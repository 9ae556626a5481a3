"""A chart of stacked bars as SVG rectangles, with the counts for the table beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

HEIGHT, WIDTH = 80, 20


class Bar(NamedTuple):
    """A rectangle of the chart, from the top left."""

    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Column:
    """Two counts of one day or hour. The upper bar is on top of the lower one."""

    at: date
    lower: int
    upper: int
    lower_bar: Bar
    upper_bar: Bar


@dataclass(frozen=True)
class BarChart:
    columns: list[Column]

    @property
    def lower(self) -> int:
        return sum(column.lower for column in self.columns)

    @property
    def upper(self) -> int:
        return sum(column.upper for column in self.columns)

    @property
    def width(self) -> int:
        return len(self.columns) * WIDTH

    @property
    def height(self) -> int:
        return HEIGHT


def bar_chart(counts: Mapping[date, tuple[int, int]]) -> BarChart:
    """Return the chart of these pairs of counts, lower and upper, in the order of the mapping."""
    highest = max(map(sum, counts.values()), default=0)
    columns = []
    for place, (at, (lower, upper)) in enumerate(counts.items()):
        below, above = _height(lower, highest), _height(upper, highest)
        x = place * WIDTH
        columns.append(
            Column(
                at=at,
                lower=lower,
                upper=upper,
                lower_bar=Bar(x, HEIGHT - below, below),
                upper_bar=Bar(x, HEIGHT - below - above, above),
            )
        )
    return BarChart(columns)


def _height(count: int, highest: int) -> int:
    """Return the height of a bar; it is visible even for a count of 1."""
    # HEIGHT - 2, so that the tallest bar leaves room for a stacked bar of the minimum height.
    return max(2, round(count * (HEIGHT - 2) / highest)) if count else 0

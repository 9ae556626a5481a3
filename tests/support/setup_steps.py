"""The texts of the setup steps at a provider, as a reader of the page has to see them."""

import html
import re
from collections.abc import Iterable, Iterator
from typing import Any

from tests.clients.pages import text_of


def words_on(response: Any) -> str:
    """Return the text of the page without its tags; the tags are inside of words too."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", text_of(response))).split())


def plain(step: str) -> str:
    """Return the step without its marks: asterisks inside of a value belong to the value."""
    pieces = enumerate(step.split("`"))
    return "".join(one if number % 2 else one.replace("*", "") for number, one in pieces)


def literals_of(steps: Iterable[str]) -> Iterator[str]:
    """Yield the values that the steps have between backticks."""
    for step in steps:
        yield from step.split("`")[1::2]

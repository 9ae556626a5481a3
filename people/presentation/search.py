"""The search of everything: people, groups, connections, requests, pages and settings.

The hook `search` of each app yields what it finds among its own rows, and its pages by their names.
Each query of a hook has a LIMIT, and none counts rows, because the search runs while people type.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Final
from uuid import UUID

from django.urls import reverse
from django.utils.http import urlencode

from people.models import Person
from people.values import normalize_key

SHOWN_A_SECTION: Final = 6
# Each word of a query is one more condition on people.
MAX_WORDS: Final = 8
_REQUEST_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
# The page about a request shows the first 8 digits of the id.
_REQUEST_ID_BEGINNING = re.compile(r"(?:request )?([0-9a-f]{8}[0-9a-f-]{0,28})", re.IGNORECASE)
_UUID_DIGITS = 32


class Section(Enum):
    """A section of the results: its heading and icon. The page shows them in this order."""

    TENANTS = ("Tenants", "domain")
    PEOPLE = ("People", "person")
    GROUPS = ("Groups", "group")
    CONNECTIONS = ("Connections", "hub")
    PROVIDERS = ("Sign-in providers", "key")
    REQUESTS = ("Requests", "receipt_long")
    PAGES = ("Pages", "web")
    SETTINGS = ("Settings", "settings")

    @property
    def heading(self) -> str:
        return self.value[0]

    @property
    def icon(self) -> str:
        return self.value[1]


@dataclass(frozen=True)
class SearchResult:
    section: Section
    title: str
    url: str
    detail: str = ""
    # The text is the id or the address of this one, so it comes first, and so does its section.
    is_exact: bool = False


@dataclass(frozen=True)
class ListedPage:
    """A page that the search finds by its name, and by other words for it."""

    title: str
    url_name: str
    synonyms: str = ""
    section: Section = Section.PAGES


@dataclass(frozen=True)
class SearchQuery:
    """The text that a visitor entered. Hooks are only called for administrators."""

    text: str
    visitor: Person

    @cached_property
    def words(self) -> list[str]:
        return _words(self.text)

    @property
    def key(self) -> str:
        return normalize_key(self.text)

    @cached_property
    def request_ids(self) -> tuple[UUID, UUID] | None:
        """Return the lowest and the highest request id that the text can mean, or None."""
        beginning = _REQUEST_ID_BEGINNING.fullmatch(self.text)
        digits = beginning[1].replace("-", "") if beginning else ""
        if not digits or len(digits) > _UUID_DIGITS:
            return None
        return UUID(digits.ljust(_UUID_DIGITS, "0")), UUID(digits.ljust(_UUID_DIGITS, "f"))

    def matches(self, *texts: str) -> bool:
        """Tell whether each word of the query begins a word of the texts."""
        known = _words(" ".join(texts))
        return bool(self.words) and all(
            any(one.startswith(word) for one in known) for word in self.words
        )


@dataclass(frozen=True)
class ResultSection:
    section: Section
    results: list[SearchResult]
    # The page with all of them, if it takes the same text.
    all_url: str = ""


def query_of(text: str, visitor: Person) -> SearchQuery:
    """Return the query for a text; of a sentence with a request id, such as an error, the id."""
    full_id = _REQUEST_ID.search(text)
    return SearchQuery(full_id[0] if full_id else " ".join(text.split()[:MAX_WORDS]), visitor)


def in_sections(query: SearchQuery, results: Iterable[SearchResult]) -> list[ResultSection]:
    """Return the results by section, exact matches first."""
    by_section: dict[Section, dict[str, SearchResult]] = {section: {} for section in Section}
    for result in results:
        # Two apps may find the same person.
        by_section[result.section].setdefault(result.url, result)
    sections = []
    for section, found in by_section.items():
        if found:
            ordered = sorted(found.values(), key=lambda one: _rank(query, one))
            all_url = ""
            if section == Section.PEOPLE:
                people = reverse("admin:people_person_changelist")
                all_url = f"{people}?{urlencode({'q': query.text})}"
            sections.append(ResultSection(section, ordered[:SHOWN_A_SECTION], all_url))
    return sorted(sections, key=lambda one: _rank(query, one.results[0]) > 0)


def matching_pages(
    query: SearchQuery,
    pages: Sequence[ListedPage],
    *,
    url_of: Callable[[ListedPage], str] = lambda page: reverse(page.url_name),
    detail: str = "",
) -> Iterator[SearchResult]:
    """Yield the pages whose name, synonyms and detail have all words of the query.

    The detail alone does not count: it names what has a result of its own, such as a connection.
    """
    for page in pages:
        if query.matches(page.title, page.synonyms, detail) and not query.matches(detail):
            yield SearchResult(page.section, page.title, url_of(page), detail)


def _rank(query: SearchQuery, result: SearchResult) -> int:
    """Return 0 for an exact match, 1 if the title has all words of the query, and otherwise 2."""
    if result.is_exact or normalize_key(result.title) == query.key:
        return 0
    return 1 if query.matches(result.title) else 2


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", normalize_key(text))

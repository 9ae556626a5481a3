"""Pages of the sorted list of people, without sorting all people of a large company.

No index has the order of a column such as Manager: the order depends on other rows. But the people
of one manager, or of one state, are found quickly. So a page is composed of these groups, in their
order. The people of a group are always sorted by name.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.core.paginator import Page
from django.db import connection
from django.db.models import OuterRef

from people.models import Department, Location, Person
from people.models.person import PersonQuerySet, by_name_without_index
from people.presentation.page_links import BoundedPaginator

BY_NAME: Final = ("family_name", "given_name", "pk")
# Django would sort these columns by the keys of their rows.
NAMES: Final = {"department": "department__name", "location": "location__name"}
# The columns with few values.
VALUES: Final = {"role": sorted(Person.Role.values), "state": sorted(Person.State.values)}
PLACES: Final = {"department": Department, "location": Location}
# So many people are sorted at once. More are read in the order of the index.
FEW: Final = 2_000


class PeoplePaginator(BoundedPaginator):
    def page(self, number: int | str) -> Page[Any]:
        """Return the page. The columns are read for its rows only, not for those before it."""
        valid = self.validate_number(number)
        begin = (valid - 1) * self.per_page
        people = cast("PersonQuerySet", self.object_list)
        is_plain = valid == 1 and str(people.query.order_by[0]).lstrip("-") == BY_NAME[0]
        # Few rows are sorted quickly, and SQLite has no arrays.
        if is_plain or not self.is_cut or connection.vendor != "postgresql":
            return super().page(valid)
        keys = keys_between(people, begin, min(begin + self.per_page, self.count))
        rows = people.order_by().in_bulk(keys)
        return Page([rows[key] for key in keys if key in rows], valid, self)


def complete(ordering: Sequence[str]) -> list[str]:
    """Return the ordering of the list, with the name last."""
    chosen: dict[str, str] = {}
    for field in ordering:
        name, sign = field.lstrip("-"), "-" * field.startswith("-")
        if name not in ("pk", "id"):
            # The order that the visitor chose comes before the usual one.
            chosen.setdefault(name, f"{sign}{NAMES.get(name, name)}")
    return [*chosen.values(), *(field for field in BY_NAME if field not in chosen)]


def keys_between(people: PersonQuerySet, begin: int, end: int) -> list[UUID]:
    """Return the keys of the people at these positions of the ordered list."""
    first, *rest = people.query.order_by
    keys: list[UUID] = []
    for keys_of_group in _groups(people.order_by(*rest), str(first), end):
        keys += keys_of_group[: end - len(keys)]
        if len(keys) == end:
            break
    return keys[begin:]


def _groups(people: PersonQuerySet, first: str, limit: int) -> Iterator[list[UUID]]:
    """Yield the keys of each group in the order of the field, at most `limit` of a group."""
    name, sign = first.removeprefix("-"), "-" * first.startswith("-")
    relation, _, of_relation = name.partition("__")
    if name in VALUES:
        for value in VALUES[name][:: -1 if sign else 1]:
            yield _keys_of_group(people.filter(**{name: value}), limit)
    elif (relation in PLACES and of_relation == "name") or relation == "manager":
        without = people.filter(**{relation: None})
        if sign:
            yield _keys_of_group(without, limit)
        if relation == "manager":
            yield from _reports(people, f"{sign}{of_relation}", limit)
        else:
            places = PLACES[relation].objects.order_by(f"{sign}name", "pk")
            for place in places.values_list("pk", flat=True):
                yield _keys_of_group(people.filter(**{relation: place}), limit)
        if not sign:
            yield _keys_of_group(without, limit)
    else:
        yield _keys(people.order_by(first, *people.query.order_by), limit)


def _keys_of_group(people: PersonQuerySet, limit: int) -> list[UUID]:
    """Return the keys in order. They may be anybody or nobody, whatever the statistics say."""
    some = _keys(people.order_by(), FEW + 1)
    if len(some) <= FEW:
        order = people.query.order_by
        people = Person.objects.filter(pk__in=some).order_by(*order)
    return _keys(people, limit) if some else []


def _keys(people: PersonQuerySet, limit: int) -> list[UUID]:
    return list(people.values_list("pk", flat=True)[:limit])


def _reports(people: PersonQuerySet, order: str, limit: int) -> Iterator[list[UUID]]:
    """Yield the keys of the reports of each manager. Most managers have few."""
    reports = people.filter(manager=OuterRef("pk")).order_by(*by_name_without_index())
    managers = Person.objects.managing().order_by(order, "pk")
    rows = managers.annotate(keys=ArraySubquery(reports.values("pk")[:limit]))
    begin, many = 0, 2
    while groups := list(rows.values_list("keys", flat=True)[begin : begin + many]):
        yield from groups
        begin, many = begin + many, many * 4

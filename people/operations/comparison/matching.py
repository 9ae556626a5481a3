"""Matches the rows of a list with people, and the managers in its rows."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import Concat, Lower

from people import hooks
from people.models import Comparison, Person
from people.operations.comparison.listed import Listed, Unreadable, key_of, mark_duplicates
from people.operations.managers import may_manage
from people.values import normalize_key

BATCH = 500
Found = Mapping[str, set[UUID]]
Item = TypeVar("Item")
EMAIL = Comparison.Key.EMAIL
# What the text of a manager may be, the most certain first.
STAGES = (*Comparison.Key.values, "name")


def batches(items: Iterable[Item], size: int = BATCH) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def people_by_key(kind: str, keys: Collection[str]) -> Found:
    """Return the people with these identifiers, who are not terminated, by identifier."""
    found: dict[str, set[UUID]] = defaultdict(set)
    in_lists = Person.objects.in_lists()
    for batch in batches(keys):
        pairs: Iterable[tuple[str, UUID]]
        if kind == EMAIL:
            # After a provider deletes somebody, another person may get the address.
            holders = in_lists.filter(email_key__in=batch, detached_at=None)
            pairs = holders.values_list("email_key", "pk")
        else:
            identified = list(hooks.people_identified(kind, batch))
            people = in_lists.filter(pk__in={person_id for _, person_id in identified})
            present = set(people.values_list("pk", flat=True))
            pairs = [pair for pair in identified if pair[1] in present]
        for key, person_id in pairs:
            found[key].add(person_id)
    return found


def people_by_pending_address(keys: Collection[str]) -> Found:
    """Return the people who have not confirmed one of these addresses yet, by address."""
    waiting = Person.objects.in_lists().exclude(pending_email="")
    found: dict[str, set[UUID]] = defaultdict(set)
    for address, person_id in waiting.values_list("pending_email", "pk"):
        if (key := normalize_key(address)) in keys:
            found[key].add(person_id)
    return found


class Matches:
    """The people that match the rows of a list."""

    def __init__(self, kind: str, rows: Sequence[Listed]) -> None:
        keys = {row.key for row in rows if row.key}
        self._by_key = dict(people_by_key(kind, keys))
        if kind == EMAIL:
            for key, people in people_by_pending_address(keys - self._by_key.keys()).items():
                self._by_key[key] = people
        self.people = {person_id for found in self._by_key.values() for person_id in found}
        rows_of: dict[UUID, list[Listed]] = defaultdict(list)
        for row in rows:
            if (person_id := self.only(row.key)) and not row.problem:
                rows_of[person_id].append(row)
        for same in rows_of.values():
            if len(same) > 1:
                mark_duplicates(same)

    def only(self, key: str) -> UUID | None:
        """Return the person with the identifier; None if there is none, or several."""
        found = self._by_key.get(key, set())
        return next(iter(found)) if len(found) == 1 else None

    def person_of(self, row: Listed) -> UUID | None:
        """Return the person of the row, or None for a new one.

        :raises Unreadable: if several people have the identifier.
        """
        if len(self._by_key.get(row.key, ())) > 1:
            raise Unreadable("ambiguous", "Several people have this identifier at their provider.")
        return self.only(row.key)


class Managers:
    """The managers in a list: people in Ramp by id, new ones as “row:” and their key."""

    NEW = "row:"

    def __init__(self, rows: Sequence[Listed], matches: Matches) -> None:
        texts = {text for row in rows if (text := row.values.get("manager"))}
        keys = {normalize_key(text) for text in texts}
        # As STAGES: the people and the rows, by the text that means them.
        self._stages: list[dict[str, set[str]]] = [
            _as_texts(people_by_key(EMAIL, {key for key in keys if "@" in key})),
            _as_texts(people_by_key(Comparison.Key.USER_NAME, keys)),
            # Their keys keep the case.
            _as_texts(people_by_key(Comparison.Key.EXTERNAL_ID, texts)),
            _as_texts(_people_by_name({_plain_name(text) for text in texts})),
        ]
        self._wanted = [keys, keys, texts, {_plain_name(text) for text in texts}]
        self.names: dict[str, str] = {}
        for row in rows:
            if row.key and not row.problem:
                person_id = matches.only(row.key)
                self._add(row, str(person_id) if person_id else f"{self.NEW}{row.key}")
        self._may_manage = self._load()

    def _add(self, row: Listed, target: str) -> None:
        """Add the row as a manager, under each text by which another row names it."""
        for stage, wanted, kind in zip(self._stages, self._wanted, STAGES, strict=True):
            text = row.name if kind == "name" else row.values.get(kind, "")
            key = key_of(kind, text)
            if key in wanted:
                stage[key] = stage.get(key, set()) | {target}
                self.names[target] = row.name

    def _load(self) -> set[str]:
        """Load the names of the managers in Ramp; return which of them may have reports."""
        ids = {one for stage in self._stages for found in stage.values() for one in found}
        known, able = Person.objects.in_lists(), set()
        for batch in batches(one for one in ids if not one.startswith(self.NEW)):
            for person in known.filter(pk__in=batch):
                self.names[str(person.pk)] = person.full_name
                if may_manage(person):
                    able.add(str(person.pk))
        return able

    def find(self, text: str) -> str:
        """Return the manager whom the text means.

        :raises Unreadable: if that is nobody, several people, or somebody who may not manage.
        """
        keys = [normalize_key(text), normalize_key(text), text, _plain_name(text)]
        for stage, key in zip(self._stages, keys, strict=True):
            found = stage.get(key, set())
            if len(found) > 1:
                raise Unreadable("ambiguous-manager", f"Several people are called “{text}”.")
            for one in found:
                if one.startswith(self.NEW) or one in self._may_manage:
                    return one
                raise Unreadable("unknown-manager", f"“{text}” cannot be a manager.")
        raise Unreadable("unknown-manager", f"Nobody in Ramp or in the list is “{text}”.")


def _as_texts(found: Found) -> dict[str, set[str]]:
    return {key: {str(one) for one in people} for key, people in found.items()}


def _plain_name(text: str) -> str:
    """Return the key of “First Last” also for “Last, First”."""
    family, _, given = text.partition(",")
    return normalize_key(f"{given.strip()} {family.strip()}" if given else text)


def _people_by_name(keys: Collection[str]) -> Found:
    found: dict[str, set[UUID]] = defaultdict(set)
    people = Person.objects.in_lists().annotate(
        name_key=Lower(Concat("given_name", Value(" "), "family_name"))
    )
    for batch in batches(key for key in keys if "@" not in key):
        for key, person_id in people.filter(name_key__in=batch).values_list("name_key", "pk"):
            found[key].add(person_id)
    return found

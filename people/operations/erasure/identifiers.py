"""Collects the texts by which a person can be recognized."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db.models import CharField, F, Model, Q, QuerySet, Value
from django.db.models.functions import Concat

from people import hooks
from people.models import Event, Person
from people.models.personal_data import PersonalData

# A shorter text, such as the employee number 7, does not identify the person outside of their
# own rows.
SHORTEST: Final = 6
# The keys of SCIM resources, claims and changes whose values are names or identifiers.
NAMES: Final = frozenset(
    {"givenname", "given_name", "familyname", "family_name", "middlename", "nickname"}
    | {"formatted", "displayname", "name"}
)
IDENTIFIERS: Final = frozenset(
    {"username", "user_name", "preferred_username", "upn", "externalid", "external_id", "sub"}
    | {"email", "pending_email", "employeenumber", "phone", "phone_number"}
)
# Lists of objects whose `value` is an identifier.
VALUES_OF: Final = frozenset({"emails", "phonenumbers", "ims"})


@dataclass
class Identifiers:
    """The texts by which a person can be recognized."""

    # Replaced everywhere in the company.
    unique: set[str] = field(default_factory=set)
    # Replaced in the person's own rows only: first names, and what others are called, too.
    own: set[str] = field(default_factory=set)

    @property
    def all(self) -> set[str]:
        return self.unique | self.own


def personal_data() -> list[PersonalData]:
    """Return which rows of all apps are personal data."""
    return [data for app in hooks.registered for data in app.personal_data]


def own_rows(data: PersonalData, person: Person, texts: Iterable[str] = ()) -> "QuerySet[Any]":
    """Return the rows that belong to the person, by reference or by one of the texts."""
    belongs = Q(pk__in=[])
    for lookup in data.of:
        belongs |= Q(**{lookup: person.pk})
    if data.found_by:
        refers_to_nobody = Q(**{f"{lookup}__isnull": True for lookup in data.of})
        found = (Q(**{f"{column}__iexact": text}) for column in data.found_by for text in {*texts})
        belongs |= refers_to_nobody & reduce(or_, found, Q(pk__in=[]))
    # A lookup over several rows may find a row twice.
    keys = rows_of_tenant(data.model, person.tenant_id).filter(belongs).values("pk")
    return data.model._base_manager.filter(pk__in=keys)


def rows_of_tenant(model: type[Model], tenant_id: int) -> "QuerySet[Any]":
    path = path_to_tenant(model)
    return model._base_manager.filter(**{path: tenant_id}) if path else model._base_manager.none()


def path_to_tenant(model: type[Model]) -> str:
    """Return the lookup from a row to its tenant; blank for rows of the installation."""
    fields = {one.name: one for one in model._meta.concrete_fields if one.is_relation}
    if "tenant" in fields:
        return "tenant"
    for name, one in fields.items():
        related = one.related_model
        if isinstance(related, type) and any(
            part.name == "tenant" for part in related._meta.concrete_fields
        ):
            return f"{name}__tenant"
    return ""


def collect(person: Person) -> Identifiers:
    """Return the texts by which the person can be recognized, also earlier ones."""
    names, identifiers = set[str](), set[str]()
    for data in personal_data():
        columns = (*data.identifiers, *data.described_by)
        for row in own_rows(data, person).values(*columns).iterator() if columns else ():
            identifiers |= {row[column] for column in data.identifiers if row[column]}
            _read([row[column] for column in data.described_by], names, identifiers)
    names |= {person.given_name, person.family_name}
    history = Event.objects.filter(person=person).values_list("changes", "facts")
    for changes, facts in history.iterator():
        for name, change in changes.items():
            _read({name: list(change.values())}, names, identifiers)
        # A name among the facts may be that of a company or a role.
        _read(facts, set(), identifiers)
    custom = {text for text in person.custom_values.values() if isinstance(text, str)}
    return _classify(person, _usable(names), _usable(identifiers), _usable(custom))


def _read(value: Any, names: set[str], identifiers: set[str], *, key: str = "") -> None:
    """Add the names and identifiers that a JSON value contains under the known keys."""
    if isinstance(value, dict):
        for name, part in value.items():
            is_value = name.lower() == "value" and key in VALUES_OF
            _read(part, names, identifiers, key=key if is_value else name.lower())
    elif isinstance(value, list):
        for part in value:
            _read(part, names, identifiers, key=key)
    elif isinstance(value, str) and key in NAMES:
        names.add(value)
    elif isinstance(value, str) and key in IDENTIFIERS | VALUES_OF:
        identifiers.add(value)


def _usable(texts: set[str]) -> set[str]:
    return {text.strip() for text in texts if len(text.strip()) > 1}


def _classify(
    person: Person, names: set[str], identifiers: set[str], custom: set[str]
) -> Identifiers:
    full_names = {name for name in names if " " in name} | {person.full_name}
    found = Identifiers(own=(names - full_names) | custom)
    for text in identifiers:
        is_unique = len(text) >= SHORTEST and not _is_used_by_others(person, text)
        (found.unique if is_unique else found.own).add(text)
    for text in full_names:
        (found.own if _is_name_of_others(person, text) else found.unique).add(text)
    if person.full_name in found.unique:
        found.unique.add(f"{person.family_name}, {person.given_name}")
        found.unique.add(f"{person.family_name} {person.given_name}")
    return found


def _is_used_by_others(person: Person, text: str) -> bool:
    """Tell whether somebody else of the company has, or had, this address, login or id."""
    for data in personal_data():
        if data.identifiers:
            columns = (Q(**{f"{column}__iexact": text}) for column in data.identifiers)
            rows = rows_of_tenant(data.model, person.tenant_id).filter(reduce(or_, columns))
            if rows.exclude(pk__in=own_rows(data, person).values("pk")).exists():
                return True
    return False


def _is_name_of_others(person: Person, name: str) -> bool:
    others = Person.objects.exclude(pk=person.pk)
    full_name = Concat(F("given_name"), Value(" "), F("family_name"), output_field=CharField())
    return bool(others.alias(full_name=full_name).filter(full_name__iexact=name).exists())

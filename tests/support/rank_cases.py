"""People of every rank, and what rank alone says about each pair of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.models import Grant, Person, Role
from people.operations import passkeys, second_factors
from people.values import Actor, normalize_key
from tests.factories import core

OWNER, ADMIN, IT_ADMIN = Person.Role.OWNER, Person.Role.ADMIN, Person.Role.IT_ADMIN
ELEVATED: Final = "holder of an elevated role"
# What somebody is, and the rank that this gives them.
RANKS: Final[dict[str, int]] = {
    OWNER: 2,
    ADMIN: 1,
    IT_ADMIN: 1,
    ELEVATED: 1,
    Person.Role.CARDHOLDER: 0,
}
UNKNOWN: Final = "unknown"
ACTORS: Final = RANKS | {UNKNOWN: 0}
# The roles that somebody gives, and the rank that each gives to its holder.
GRANTED: Final[dict[str, int]] = {one: rank for one, rank in RANKS.items() if one != ELEVATED}


def somebody(kind: str, **fields: Any) -> Person:
    """Make somebody who is that."""
    if kind != ELEVATED:
        return core.person(role=kind, **fields)
    person = core.person(**fields)
    give(person, role(is_elevated=True))
    return person


def acting(kind: str) -> Actor:
    if kind == UNKNOWN:
        return Actor("person", "nobody@example.com")
    return somebody(kind).actor


def role(*, is_elevated: bool) -> Role:
    name = f"Auditor {core.number()}"
    return Role.objects.create(
        tenant_id=tenancy.current_id(),
        name=name,
        name_key=normalize_key(name),
        is_elevated=is_elevated,
    )


def give(person: Person, given: Role) -> Grant:
    now = timezone.now()
    return Grant.objects.create(
        tenant_id=person.tenant_id,
        person=person,
        role=given,
        source="command:test",
        since=now,
        confirmed_at=now,
    )


def set_up_second_factor(person: Person) -> None:
    second_factors.set_up_second_factor(
        person,
        secret="sealed",
        step=1,
        recovery_digests=[],
        may_replace=True,
        actor=Actor("command", "tests"),
    )


def add_passkey(person: Person, actor: Actor | None = None) -> None:
    """Add a passkey, whose credential nobody reads here."""
    passkeys.add_passkey(
        person,
        "Phone",
        credential_id="AQID",
        credential=b"",
        sign_count=0,
        actor=actor or Actor("command", "tests"),
    )


def may_change(actor: str, target: str) -> bool:
    return ACTORS[actor] >= RANKS[target]


def may_grant(actor: str, given: str) -> bool:
    """Tell the same of a role: an IT Admin gives no Admin, and nor does an elevated role."""
    if given == ADMIN:
        return actor in (OWNER, ADMIN)
    return ACTORS[actor] >= GRANTED[given]


def stored(person: Person) -> dict[str, Any]:
    """Return all columns of the person and how much hangs on them, to be compared later."""
    row: dict[str, Any] = Person.objects.values().get(pk=person.pk)
    counted: dict[str, Callable[[], int]] = {
        "events": person.events.count,
        "mails": person.mails.count,
        "grants": person.grants.count,
        "tokens": person.api_tokens.count,
    }
    return row | {name: count() for name, count in counted.items()}


@contextmanager
def taken_back() -> Iterator[None]:
    """Take back everything that the block stores."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)

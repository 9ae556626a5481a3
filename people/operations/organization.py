"""Saves and deletes departments, locations, entities and custom roles."""

from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone

from people import events, hooks, tenancy
from people.db.constraints import constraint_of
from people.models import Department, Entity, Event, Location, Person, Role
from people.operations import ranks
from people.operations.place_lookup import InvalidLocationChange
from people.values import Actor, PeopleError, normalize_key

AnyPlace = Department | Location | Entity | Role


class DuplicateName(PeopleError):
    code = "duplicate-name"
    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(f"“{name}” already exists. Names are not case-sensitive.")


class CurrencyInUse(PeopleError):
    code = "currency-in-use"
    field = "currency"

    def __init__(self) -> None:
        super().__init__(
            "People work at this entity's locations, and their cards are issued in its currency."
        )


class StillInUse(PeopleError):
    code = "still-in-use"

    def __init__(self, place: Model, because: str) -> None:
        super().__init__(f"{place} cannot be deleted: {because}.")


@transaction.atomic
def save_place(place: AnyPlace, *, actor: Actor) -> None:
    """Store a new or changed department, location, entity or role.

    :raises RoleAboveRank: if the actor may not grant the role, before or after the change.
    :raises DuplicateName: if the tenant has another one with this name, in any case.
    :raises InvalidLocationChange: if people at the location would change their currency.
    :raises CurrencyInUse: if people at the entity's locations would.
    """
    stored = type(place).objects.get(pk=place.pk) if place.pk else None
    for role in (stored, place):
        if isinstance(role, Role):
            ranks.check_may_grant(actor, role)
    before = _facts(stored) if stored else {}
    # Finds a duplicate name first, so that only a concurrent request reaches the constraint.
    check_name(place)
    check_currency(place)
    place.tenant_id, place.name_key = tenancy.current_id(), normalize_key(place.name)
    if stored and stored.name != place.name:
        # Before the place: an operation locks people first, and then refers to their new place.
        _mark_people_changed(place)
    try:
        # The savepoint keeps the transaction usable after a refused insert.
        with transaction.atomic():
            place.save()
    except IntegrityError as error:
        if constraint_of(error) != f"{place._meta.model_name}_name_taken":
            raise
        raise DuplicateName(place.name) from error
    _record(place, before, _facts(place), actor=actor)


@transaction.atomic
def delete_place(place: AnyPlace, *, actor: Actor) -> None:
    """Delete a department, location, entity or role that is not in use.

    :raises RoleAboveRank: if the actor may not grant the role.
    :raises StillInUse: if it is in use.
    """
    if isinstance(place, Role):
        ranks.check_may_grant(actor, place)
    check_unused(place)
    before, key = _facts(place), place.pk
    place.delete()
    # delete() has set the key to None, but the event records it.
    place.pk = key
    _record(place, before, {}, actor=actor)


def check_name(place: AnyPlace) -> None:
    others = type(place).objects.filter(name_key=normalize_key(place.name)).exclude(pk=place.pk)
    if others.exists():
        raise DuplicateName(place.name)


def check_currency(place: AnyPlace) -> None:
    """Check that the change keeps the currency of everybody's cards.

    :raises InvalidLocationChange, CurrencyInUse: if it does not.
    """
    # Cards are issued in the currency of the entity, and keep it.
    match place:
        case Location(pk=int()):
            stored = Location.objects.select_related("entity").get(pk=place.pk)
            moves = stored.entity.currency != place.entity.currency
            if moves and place.people.in_lists().exists():
                raise InvalidLocationChange
        case Entity(pk=int()):
            changes = Entity.objects.get(pk=place.pk).currency != place.currency
            if changes and Person.objects.in_lists().filter(location__entity=place).exists():
                raise CurrencyInUse


def check_unused(place: AnyPlace) -> None:
    match place:
        case Role():
            holders = place.grants.values("person").distinct().count()
            if holders:
                raise StillInUse(place, f"{_people(holders, 'holds', 'hold')} it")
            if hooks.is_role_mapped(place):
                raise StillInUse(place, "an identity provider group grants it")
        case Entity():
            if place.locations.exists():
                raise StillInUse(place, "it still has locations")
            if place.tenant.default_entity_id == place.pk:
                raise StillInUse(place, "it is the default entity for new locations")
        case _:
            # Terminated people count too: their rows still refer to the place.
            people = place.people.count()
            if people:
                belong = _people(people, "belongs to", "belong to")
                raise StillInUse(place, f"{belong} it, including people who left")


def _mark_people_changed(place: AnyPlace) -> None:
    """Note that the API shows another name of a department, location or role for its people."""
    match place:
        case Role():
            people = Person.objects.filter(pk__in=place.grants.values("person"))
        case Entity():
            return
        case _:
            people = place.people.all()
    # In this order, as `locks.lock_all` does: another operation may lock several of them.
    locked = people.order_by("pk").select_for_update(no_key=True)
    keys = list(locked.values_list("pk", flat=True))
    Person.objects.filter(pk__in=keys).update(changed_at=timezone.now())


def _people(count: int, does: str, do: str) -> str:
    return f"1 person {does}" if count == 1 else f"{count:,} people {do}"


def _facts(place: AnyPlace) -> dict[str, str]:
    match place:
        case Location(name=name, entity=entity):
            return {"name": name, "entity": entity.name}
        case Entity(name=name, currency=currency):
            return {"name": name, "currency": currency}
        case Role(name=name, is_elevated=is_elevated):
            return {"name": name, "elevated": "yes" if is_elevated else "no"}
        case Department(name=name):
            return {"name": name}


def _record(
    place: AnyPlace,
    before: dict[str, str],
    after: dict[str, str],
    *,
    actor: Actor,
) -> None:
    changes = {
        name: {"from": before.get(name), "to": after.get(name)}
        for name in before | after
        if before.get(name) != after.get(name)
    }
    if changes:
        events.record(
            Event.Kind.ORGANIZATION_CHANGED,
            None,
            actor=actor,
            changes=changes,
            what=place._meta.model_name,
            id=place.pk,
        )

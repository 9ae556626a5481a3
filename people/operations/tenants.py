"""A tenant begins with its owner, who is in from the first minute."""

from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction

from people import events, tenancy
from people.models import Entity, Event, Person, Tenant
from people.operations.people import add_person, join_person
from people.values import Actor, PeopleError, Profile, fold


class SlugTaken(PeopleError):
    code = "slug-taken"
    field = "slug"

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is a tenant “{slug}” already. Choose another slug.")


@transaction.atomic
def create_tenant(
    slug: str, name: str, *, owner: Profile, password: str, currency: str, actor: Actor
) -> Tenant:
    """Open a tenant with one entity, which issues in `currency`, and its first Owner.

    :raises SlugTaken: if another tenant has the slug.
    :raises InvalidName, InvalidRole: if the owner's profile cannot be one.
    :raises django.core.exceptions.ValidationError: if the password is too weak, or what
        was said is not a slug, a name, an address or a currency.
    """
    validate_password(password)
    Person._meta.get_field("email").clean(owner.email, None)
    tenant = _insert(slug, name.strip(), domain=owner.email.rpartition("@")[2].lower())
    with tenancy.use(tenant):
        tenant.default_entity = Entity(
            tenant=tenant, name=tenant.name, name_key=fold(tenant.name), currency=currency
        )
        tenant.default_entity.clean_fields()
        tenant.default_entity.save()
        # The owner may have a location, and a new location belongs to this entity.
        tenant.save(update_fields=["default_entity"])
        events.record(Event.Kind.TENANT_CREATED, None, actor=actor, name=tenant.name)
        tenant.owner = _welcome(owner, password, actor=actor)
        tenant.save(update_fields=["owner"])
    return tenant


@transaction.atomic
def set_invite_life(tenant: Tenant, days: int, *, actor: Actor) -> None:
    """Have invites that are sent by hand from now on live so many days, from 1 to 365."""
    if days == tenant.manual_invite_days:
        return
    changes = {"manual_invite_days": {"from": tenant.manual_invite_days, "to": days}}
    tenant.manual_invite_days = days
    tenant.save(update_fields=["manual_invite_days"])
    events.record(
        Event.Kind.ORGANISATION_CHANGED, None, actor=actor, changes=changes, what="invites"
    )


def _insert(slug: str, name: str, *, domain: str) -> Tenant:
    tenant = Tenant(slug=slug, name=name, domain=domain)
    tenant.clean_fields(exclude={"owner", "default_entity"})
    try:
        with transaction.atomic():
            tenant.save(force_insert=True)
    except IntegrityError as error:
        # The slug is the only thing about a tenant that must be unique.
        raise SlugTaken(slug) from error
    return tenant


def _welcome(owner: Profile, password: str, *, actor: Actor) -> Person:
    """Add somebody who needs no invite: they have a password."""
    person = add_person(owner, actor=actor, invitation=None)
    person.set_password(password)
    person.save(update_fields=["password"])
    join_person(person, actor=actor)
    return person

"""A tenant begins with its owner, who is in from the first minute."""

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

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
    :raises django.core.exceptions.ValidationError: if the password is too weak.
    """
    if Tenant.objects.filter(slug=slug).exists():
        raise SlugTaken(slug)
    validate_password(password)
    tenant = Tenant.objects.create(
        slug=slug, name=name, domain=owner.email.rpartition("@")[2].lower()
    )
    with tenancy.use(tenant):
        tenant.default_entity = Entity.objects.create(
            tenant=tenant, name=name, name_key=fold(name), currency=currency
        )
        tenant.save(update_fields=["default_entity"])
        events.record(Event.Kind.TENANT_CREATED, None, actor=actor, name=name)
        tenant.owner = _welcome(owner, password, actor=actor)
        tenant.save(update_fields=["owner"])
    return tenant


def _welcome(owner: Profile, password: str, *, actor: Actor) -> Person:
    """Add somebody who needs no invite: they have a password."""
    person = add_person(owner, actor=actor, invited=False)
    person.set_password(password)
    person.save(update_fields=["password"])
    join_person(person, actor=actor)
    return person

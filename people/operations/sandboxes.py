"""A second tenant beside each that wants one, where connections are tried out.

Nobody signs in there, no mail leaves it, and no list or count knows of it.
"""

from typing import Final

from django.db import transaction

from people import events, tenancy
from people.models import Department, Entity, Event, Grant, Invite, Location, Mail, Person, Tenant
from people.operations.people import activate_person, add_person
from people.values import Actor, Profile, normalize_key

# No mail server of this world has such a name (RFC 2606 section 2).
DOMAIN: Final = "sandbox.invalid"


@transaction.atomic
def open_sandbox(tenant: Tenant, *, actor: Actor) -> Tenant:
    """Return the tenant's sandbox, made when it is first asked for."""
    # Of two who ask at once, the second finds what the first has made.
    Tenant.objects.select_for_update().get(pk=tenant.pk)
    # With a dot it is no slug: no page has such an address, and no company can take it.
    slug = f"sandbox.{tenant.pk}"
    sandbox = Tenant.objects.filter(slug=slug).first()
    return sandbox or _create(slug, tenant, actor=actor)


def _create(slug: str, tenant: Tenant, *, actor: Actor) -> Tenant:
    sandbox = Tenant.objects.create(
        slug=slug, name=f"Sandbox of {tenant.name}"[:200], is_sandbox=True
    )
    entity = tenant.default_entity
    with tenancy.use(sandbox):
        sandbox.default_entity = Entity.objects.create(
            tenant=sandbox,
            name="Sandbox",
            name_key=normalize_key("Sandbox"),
            currency=entity.currency if entity else "EUR",
        )
        sandbox.save(update_fields=["default_entity"])
        events.record(Event.Kind.TENANT_CREATED, None, actor=actor, name=sandbox.name)
        owner = Profile(
            given_name="Sandbox",
            family_name="Owner",
            email=f"owner@{DOMAIN}",
            role=Person.Role.OWNER,
        )
        sandbox.owner = add_person(owner, actor=actor, invitation=None)
        activate_person(sandbox.owner, actor=actor)
        sandbox.save(update_fields=["owner"])
    return sandbox


@transaction.atomic
def empty_sandbox(sandbox: Tenant) -> None:
    """Forget everybody there but the owner, and all that happened to them.

    Elsewhere people are never deleted. These are nobody: the next trial would otherwise
    leave a dozen more of them each time. What other packages keep about them goes first.
    """
    assert sandbox.is_sandbox
    with tenancy.use(sandbox):
        nobody = Person.objects.exclude(pk=sandbox.owner_id)
        Mail.objects.all().delete()
        Invite.objects.all().delete()
        Grant.objects.all().delete()
        Event.objects.exclude(person=sandbox.owner_id).filter(person__isnull=False).delete()
        nobody.update(manager=None)
        nobody.delete()
        Department.objects.all().delete()
        Location.objects.all().delete()

"""Sandboxes: each tenant can have a second tenant in which its connections are tested.

Nobody can sign in to a sandbox, it sends no mail, and lists and counts leave it out.
"""

from typing import Final

from django.db import transaction

from people import events, tenancy
from people.models import Department, Entity, Event, Grant, Invite, Location, Mail, Person, Tenant
from people.operations.people import activate_person, add_person
from people.values import Actor, Profile, normalize_key

# RFC 2606 section 2 reserves .invalid, so no mail can reach such an address.
DOMAIN: Final = "sandbox.invalid"


@transaction.atomic
def open_sandbox(tenant: Tenant, *, actor: Actor) -> Tenant:
    """Return the tenant's sandbox, which is created with the first call."""
    # Two concurrent calls must not create two sandboxes.
    Tenant.objects.select_for_update().get(pk=tenant.pk)
    # Slugs of companies have no dot, so this one cannot collide and no URL matches it.
    slug = f"sandbox.{tenant.pk}"
    sandbox = Tenant.objects.filter(slug=slug).first()
    return sandbox or _create(slug, tenant, actor=actor)


def _create(slug: str, tenant: Tenant, *, actor: Actor) -> Tenant:
    with tenancy.across_tenants():
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
    """Delete everybody in the sandbox except the owner, with their history.

    People are never deleted anywhere else. These are not real people, and each test run adds a
    dozen of them. The caller first deletes the rows of other apps that refer to them.
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

"""Creates, changes and closes tenants."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from people import events, tenancy
from people.db.constraints import constraint_of
from people.models import Entity, Event, Person, Tenant
from people.operations.people import activate_person, add_person
from people.values import Actor, PeopleError, Profile, normalize_key


class DomainTaken(PeopleError):
    code = "domain-taken"
    field = "domain"

    def __init__(self, domain: str) -> None:
        super().__init__(f"Another company uses the domain “{domain}”. Contact your Ramp operator.")


class SlugTaken(PeopleError):
    code = "slug-taken"
    field = "slug"

    def __init__(self, slug: str) -> None:
        super().__init__(f"A tenant “{slug}” already exists. Choose another slug.")


@transaction.atomic
def create_tenant(
    slug: str, name: str, *, owner: Profile, currency: str, actor: Actor, password: str = ""
) -> Tenant:
    """Create a tenant with one entity, which issues in `currency`, and its first Owner.

    Without a password, the Owner is invited by mail.

    :raises SlugTaken: if another tenant has the slug.
    :raises InvalidName, InvalidRole: if the owner's profile is invalid.
    :raises django.core.exceptions.ValidationError: if the password is too weak, or if the slug,
        the name, the address or the currency is invalid.
    """
    if password:
        validate_password(password)
    # Checked before `add_person`, because the domain is taken from the address.
    Person._meta.get_field("email").clean(owner.email, None)
    tenant = _insert(slug, name.strip(), domain=owner.email.rpartition("@")[2].lower())
    with tenancy.use(tenant):
        tenant.default_entity = Entity(
            tenant=tenant, name=tenant.name, name_key=normalize_key(tenant.name), currency=currency
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
    """Set after how many days, from 1 to 365, new manual invites expire."""
    if days == tenant.manual_invite_days:
        return
    changes = {"manual_invite_days": {"from": tenant.manual_invite_days, "to": days}}
    tenant.manual_invite_days = days
    tenant.save(update_fields=["manual_invite_days"])
    events.record(
        Event.Kind.ORGANIZATION_CHANGED, None, actor=actor, changes=changes, what="invites"
    )


@transaction.atomic
def show_setup_checklist(tenant: Tenant, *, is_shown: bool, actor: Actor) -> bool:
    """Show or hide the setup checklist of the overview; return whether that changed anything."""
    if is_shown == (tenant.setup_hidden_at is None):
        return False
    tenant.setup_hidden_at = None if is_shown else timezone.now()
    tenant.save(update_fields=["setup_hidden_at"])
    changes = {"setup_checklist_shown": {"from": not is_shown, "to": is_shown}}
    events.record(
        Event.Kind.ORGANIZATION_CHANGED, None, actor=actor, changes=changes, what="overview"
    )
    return True


@transaction.atomic
def change_tenant(tenant: Tenant, *, actor: Actor, **values: Any) -> bool:
    """Change fields of the tenant: name, slug, domain, status, or the rule about passwords.

    Return whether anything changed.

    :raises SlugTaken, DomainTaken: if another tenant has it.
    :raises django.core.exceptions.ValidationError: if a value is invalid.
    """
    before = {name: getattr(tenant, name) for name in values}
    changes = {
        name: {"from": before[name], "to": value}
        for name, value in values.items()
        if before[name] != value
    }
    if not changes:
        return False
    for name, change in changes.items():
        setattr(tenant, name, change["to"])
    tenant.clean_fields(exclude={"owner", "default_entity"})
    others = Tenant.objects.exclude(pk=tenant.pk).filter(is_sandbox=False)
    if changes.get("domain", {}).get("to") and others.filter(domain__iexact=tenant.domain).exists():
        raise DomainTaken(tenant.domain)
    with _saving_slug(tenant.slug), tenancy.use(tenant):
        tenant.save(update_fields=list(changes))
    _record(tenant, changes, actor=actor)
    return True


@transaction.atomic
def close_tenant(tenant: Tenant, *, actor: Actor) -> None:
    """Close the tenant permanently: sign-in and SCIM end, and its slug and domain become free.

    People are never deleted, so its rows stay for the history. No page shows them.
    """
    changes: dict[str, dict[str, Any]] = {
        "slug": {"from": tenant.slug, "to": f"closed-{tenant.pk}"},
        "domain": {"from": tenant.domain, "to": ""},
        "is_active": {"from": tenant.is_active, "to": False},
    }
    # The new slug and the blank domain make the old ones available for another company.
    tenant.slug, tenant.domain, tenant.is_active = f"closed-{tenant.pk}", "", False
    tenant.closed_at = timezone.now()
    # Row-level security refuses changes of other tenants, and the operator's own is in force.
    with tenancy.use(tenant):
        tenant.save(update_fields=[*changes, "closed_at"])
    _record(tenant, changes, actor=actor)


@contextmanager
def _saving_slug(slug: str) -> Iterator[None]:
    """Convert a taken slug to SlugTaken.

    :raises SlugTaken: if another tenant has the slug.
    """
    try:
        # The savepoint keeps the transaction usable after a refused change.
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if constraint_of(error) != "people_tenant_slug_key":
            raise
        raise SlugTaken(slug) from error


def _record(tenant: Tenant, changes: dict[str, dict[str, Any]], *, actor: Actor) -> None:
    # The tenant in force is the operator's own one, but the event belongs to the changed tenant.
    with tenancy.use(tenant):
        events.record(
            Event.Kind.ORGANIZATION_CHANGED, None, actor=actor, changes=changes, what="company"
        )


def _insert(slug: str, name: str, *, domain: str) -> Tenant:
    tenant = Tenant(slug=slug, name=name, domain=domain)
    # A new tenant has neither yet.
    tenant.clean_fields(exclude={"owner", "default_entity"})
    # The tenant of the operator may be in force.
    with _saving_slug(slug), tenancy.across_tenants():
        tenant.save(force_insert=True)
    return tenant


def _welcome(owner: Profile, password: str, *, actor: Actor) -> Person:
    """Add the first Owner. A password makes an invite unnecessary."""
    if not password:
        return add_person(owner, actor=actor)
    person = add_person(owner, actor=actor, invitation=None)
    person.set_password(password)
    person.save(update_fields=["password"])
    activate_person(person, actor=actor)
    return person

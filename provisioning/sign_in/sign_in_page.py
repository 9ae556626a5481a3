"""The settings of a tenant's sign-in page, and whether passwords are allowed."""

from typing import Any

from django.db import transaction

from people.models import Tenant
from people.operations import connection_events, tenants
from people.values import Actor
from provisioning.models import IdentityProvider, SignInSettings


def settings_of(tenant: Tenant) -> SignInSettings:
    """Return the tenant's settings, or the defaults."""
    known = SignInSettings.objects.select_related("default_provider").filter(tenant=tenant)
    return known.first() or SignInSettings(tenant=tenant)


@transaction.atomic
def change_settings(
    tenant: Tenant,
    *,
    default_provider: IdentityProvider | None,
    redirects: bool,
    allows_passwords: bool,
    second_factor: str,
    actor: Actor,
) -> bool:
    """Change the sign-in settings, and tell whether anything changed."""
    has_changed = tenants.change_tenant(
        tenant, actor=actor, allows_passwords=allows_passwords, second_factor=second_factor
    )
    settings = settings_of(tenant)
    before = _history_values(settings)
    settings.default_provider, settings.redirects = default_provider, redirects
    return _save(settings, before, actor) or has_changed


@transaction.atomic
def limit_sessions(tenant: Tenant, *, session_hours: int, idle_minutes: int, actor: Actor) -> bool:
    """Limit sessions that begin from now on, and tell whether anything changed.

    :param session_hours: after which a session ends; 0 for no limit.
    :param idle_minutes: after which a session ends that was not used; 0 for no limit.
    """
    settings = settings_of(tenant)
    before = _history_values(settings)
    settings.session_hours, settings.idle_minutes = session_hours, idle_minutes
    return _save(settings, before, actor)


def _save(settings: SignInSettings, before: dict[str, Any], actor: Actor) -> bool:
    after = _history_values(settings)
    if before == after:
        return False
    settings.save()
    changes = {
        name: {"from": before[name], "to": value}
        for name, value in after.items()
        if before[name] != value
    }
    connection_events.record_connection_event("the sign-in page", actor=actor, changes=changes)
    return True


def _history_values(settings: SignInSettings) -> dict[str, Any]:
    provider = settings.default_provider
    return {
        "default provider": provider.name if provider else "",
        "redirects to the default provider": settings.redirects,
        "hours until a session ends": settings.session_hours,
        "minutes without use until a session ends": settings.idle_minutes,
    }

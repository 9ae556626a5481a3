"""Changes of a connection by an administrator, each in one transaction with one event."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.models import CustomField, Person
from people.operations import connection_events, custom_fields, ranks
from people.operations.roles import group_mappings
from people.values import Actor
from scim.connections.setup import lock_connection, lock_connection_no_key
from scim.models import Connection, GroupMapping, SetupLink, Token
from scim.models.connection import issue_token, revoke_token

# A token used this recently counts as in use.
IN_USE = timedelta(days=7)


@transaction.atomic
def revise(connection: Connection, values: Mapping[str, Any], *, actor: Actor) -> list[str]:
    """Change settings of the connection, and return the names of those that changed.

    :raises RoleAboveRank: if `may_assign_owner` changes and the actor may not grant the role.
    """
    lock_connection(connection)
    changes = {
        name: {"from": getattr(connection, name), "to": value}
        for name, value in values.items()
        if getattr(connection, name) != value
    }
    if "may_assign_owner" in changes:
        ranks.check_may_grant(actor, Person.Role.OWNER)
    if changes:
        for name, change in changes.items():
            setattr(connection, name, change["to"])
        if "mapping" in changes and connection.is_live:
            # The sync cycle starts to re-apply the stored resources, see `jobs.reapply`.
            connection.reapply_cursor = 0
        connection.save(update_fields=[*changes, "reapply_cursor"])
        _record_event("settings", connection, actor=actor, changes=_readable_changes(changes))
    return list(changes)


def _readable_changes(changes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """List each changed field of the mapping separately, as readable text."""
    readable = {name: change for name, change in changes.items() if name != "mapping"}
    if "mapping" in changes:
        before, after = changes["mapping"]["from"], changes["mapping"]["to"]
        readable |= {
            f"source of {name}": {"from": before.get(name), "to": after.get(name)}
            for name in before | after
            if before.get(name) != after.get(name)
        }
    return readable


@transaction.atomic
def add_token(connection: Connection, *, actor: Actor) -> str:
    """Create another token and return it; it cannot be read again.

    :raises TooManyTokens: if the connection has two already.
    """
    lock_connection(connection)
    token = issue_token(connection)
    _record_event("token added", connection, actor=actor, hint=token[-4:])
    return token


@transaction.atomic
def retire_token(token: Token, *, actor: Actor) -> bool:
    """Revoke the token, and tell whether it was active until now."""
    lock_connection(token.connection)
    token.refresh_from_db()
    if token.revoked_at:
        return False
    revoke_token(token)
    _record_event("token revoked", token.connection, actor=actor, hint=token.hint)
    return True


def revoke_all_tokens() -> int:
    """Revoke the tokens and setup links of all tenants, after a restore; return how many tokens.

    The event of each tenant about the restore says so.
    """
    now = timezone.now()
    with tenancy.across_tenants():
        SetupLink.objects.filter(revoked_at=None).update(revoked_at=now)
        count: int = Token.objects.filter(revoked_at=None).update(revoked_at=now)
    return count


def is_only_one_in_use(token: Token, now: datetime) -> bool:
    """Tell whether the provider uses no other token."""
    tokens = token.connection.tokens.filter(revoked_at=None)
    used = set(tokens.filter(last_used_at__gt=now - IN_USE).values_list("pk", flat=True))
    return used == {token.pk}


@transaction.atomic
def disconnect(connection: Connection, *, actor: Actor) -> bool:
    """Disconnect, so that the next request is refused; tell whether it was connected.

    People stay as they are, and the sync cycle releases their managed fields.
    """
    lock_connection_no_key(connection)
    if connection.disconnected_at:
        return False
    connection.disconnected_at, connection.reapply_cursor = timezone.now(), 0
    connection.save(update_fields=["disconnected_at", "reapply_cursor"])
    # People keep the roles of the mappings, as manual grants.
    group_mappings.detach_mapped_roles(
        origin=connection.mapping_origin, because="which was disconnected", actor=actor
    )
    GroupMapping.objects.filter(connection=connection).delete()
    _record_event("disconnected", connection, actor=actor)
    return True


@transaction.atomic
def delete_custom_field(field: CustomField, *, actor: Actor) -> None:
    """Delete a custom field, and remove it from the mappings of all connections."""
    for connection in Connection.objects.filter(mapping__has_key=field.external_name):
        kept = {
            name: path for name, path in connection.mapping.items() if name != field.external_name
        }
        revise(connection, {"mapping": kept}, actor=actor)
    custom_fields.delete_custom_field(field, actor=actor)


def _record_event(
    what: str,
    connection: Connection,
    *,
    actor: Actor,
    changes: dict[str, dict[str, Any]] | None = None,
    **facts: str,
) -> None:
    connection_events.record_connection_event(
        what,
        actor=actor,
        changes=changes,
        provider=connection.provider,
        connection=str(connection.pk),
        **facts,
    )

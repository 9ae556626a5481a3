"""What an administrator changes on a connection; each change is one transaction and one event."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from people.models import CustomField, Person
from people.operations import connection_events, custom_fields, ranks
from people.operations.roles import group_mappings
from people.values import Actor
from scim.connections.setup import hold, hold_beside_requests
from scim.models import Connection, GroupMapping, Token
from scim.models.connection import issue_token, revoke_token

# A token used this recently counts as in use.
IN_USE = timedelta(days=7)


@transaction.atomic
def revise(connection: Connection, values: Mapping[str, Any], *, actor: Actor) -> list[str]:
    """Change settings of the connection, and return which were something else before.

    :raises RoleAboveRank: if it is whether the connection may assign the role Owner, and the
        actor may not.
    """
    hold(connection)
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
            connection.reapply_cursor = 0
        connection.save(update_fields=[*changes, "reapply_cursor"])
        _note("settings", connection, actor=actor, changes=_spelt_out(changes))
    return list(changes)


def _spelt_out(changes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """List each changed field of the mapping separately, as readable text."""
    told = {name: change for name, change in changes.items() if name != "mapping"}
    if "mapping" in changes:
        before, after = changes["mapping"]["from"], changes["mapping"]["to"]
        told |= {
            f"source of {name}": {"from": before.get(name), "to": after.get(name)}
            for name in before | after
            if before.get(name) != after.get(name)
        }
    return told


@transaction.atomic
def add_token(connection: Connection, *, actor: Actor) -> str:
    """Create another token and return it; it cannot be read again.

    :raises TooManyTokens: if the connection has two already.
    """
    hold(connection)
    token = issue_token(connection)
    _note("token added", connection, actor=actor, hint=token[-4:])
    return token


@transaction.atomic
def retire_token(token: Token, *, actor: Actor) -> bool:
    """Revoke the token, and tell whether it was active until now."""
    hold(token.connection)
    token.refresh_from_db()
    if token.revoked_at:
        return False
    revoke_token(token)
    _note("token revoked", token.connection, actor=actor, hint=token.hint)
    return True


def is_only_one_in_use(token: Token, now: datetime) -> bool:
    """Tell whether the provider uses no other token."""
    tokens = token.connection.tokens.filter(revoked_at=None)
    used = set(tokens.filter(last_used_at__gt=now - IN_USE).values_list("pk", flat=True))
    return used == {token.pk}


@transaction.atomic
def disconnect(connection: Connection, *, actor: Actor) -> bool:
    """Refuse every request from the next one on, and tell whether that is new.

    People stay as they are; the cycle lets go of their fields, so that nobody owns these.
    """
    hold_beside_requests(connection)
    if connection.disconnected_at:
        return False
    connection.disconnected_at, connection.reapply_cursor = timezone.now(), 0
    connection.save(update_fields=["disconnected_at", "reapply_cursor"])
    group_mappings.detach_mapped_roles(
        origin=connection.mapping_origin, because="which was disconnected", actor=actor
    )
    GroupMapping.objects.filter(connection=connection).delete()
    _note("disconnected", connection, actor=actor)
    return True


@transaction.atomic
def forget_field(field: CustomField, *, actor: Actor) -> None:
    """Delete a field of the tenant, and with it what connections were told about it."""
    for connection in Connection.objects.filter(mapping__has_key=field.external_name):
        kept = {
            name: path for name, path in connection.mapping.items() if name != field.external_name
        }
        revise(connection, {"mapping": kept}, actor=actor)
    custom_fields.delete_custom_field(field, actor=actor)


def _note(
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

"""What an administrator does to a provider: each is one transaction and one event."""

import base64
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from people import operations, tenancy
from people.values import Actor, PeopleError, fold
from provisioning import definitions, secrets, turns
from provisioning.definitions import Definition, Pairing
from provisioning.models import GroupMapping, IdentityProvider, SignInSettings
from provisioning.pairing import paired_with

FIELD: Final = "identity-provider"
DIRECTORY_FIELD: Final = "identity-provider-directory"


class ProviderNameTaken(PeopleError):
    code = "provider-name-taken"
    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is an identity provider “{name}” already. Choose another name.")


class NothingToPair(PeopleError):
    code = "nothing-to-pair"
    field = "paired_connection"

    def __init__(self) -> None:
        super().__init__(
            "Pairing takes one SCIM connection that is not disconnected. Connect SCIM first; "
            "where there are several, say which."
        )


class UnreadableKeytab(PeopleError):
    code = "unreadable-keytab"
    field = "keytab"

    def __init__(self) -> None:
        super().__init__("The keytab cannot be read. Give the file that ktutil or ktpass wrote.")


def provider_named(name: str) -> IdentityProvider:
    """Return the provider of the tenant in force.

    :raises IdentityProvider.DoesNotExist: if there is none of that name.
    """
    kept = IdentityProvider.objects.kept().select_related("tenant")
    provider: IdentityProvider = kept.get(name_key=fold(name))
    return provider


def secret_of(provider: IdentityProvider) -> str:
    """Return the client secret, the bind password, or the keytab in base64; blank if none."""
    if not provider.secret:
        return ""
    return secrets.opened(provider.secret, tenant_id=provider.tenant_id, field=FIELD)


def directory_token_of(provider: IdentityProvider) -> str:
    """Return the token for the directory's API; blank if none."""
    if not provider.directory_token:
        return ""
    tenant_id = provider.tenant_id
    return secrets.opened(provider.directory_token, tenant_id=tenant_id, field=DIRECTORY_FIELD)


@transaction.atomic
def add_provider(definition: Definition, *, actor: Actor) -> IdentityProvider:
    """Have the tenant in force sign people in through one more provider.

    :raises ProviderNameTaken: if it has one of that name.
    :raises NothingToPair: if there is no such connection, or more than one.
    :raises UnreadableKeytab: if that is what the keytab is.
    """
    provider = IdentityProvider(tenant_id=tenancy.current_id(), kind=definition.kind)
    _fill(provider, definition)
    _save(provider)
    note("added", provider, actor=actor)
    return provider


@transaction.atomic
def change_provider(
    provider: IdentityProvider, definition: Definition, *, is_enabled: bool, actor: Actor
) -> bool:
    """Make the provider what the definition says, and tell whether that changed anything.

    A blank secret stays what it was.

    :raises ProviderNameTaken, NothingToPair, UnreadableKeytab: as `add_provider`.
    """
    before, secret = _told(provider), (provider.secret, provider.directory_token)
    provider.is_enabled = is_enabled
    _fill(provider, definition)
    changes = {
        name: {"from": before[name], "to": value}
        for name, value in _told(provider).items()
        if before[name] != value
    }
    if (provider.secret, provider.directory_token) != secret:
        changes["secret"] = {"from": "•••", "to": "•••"}
    if changes:
        _save(provider)
        note("changed", provider, actor=actor, changes=changes)
    return bool(changes)


@transaction.atomic
def remove_provider(provider: IdentityProvider, *, actor: Actor) -> None:
    """Sign nobody in through it any more. People, roles and the log stay as they are.

    Roles that its groups brought are hands' to withdraw from now on.
    """
    turns.let_nobody_in(provider)
    provider.removed_at, provider.is_enabled = timezone.now(), False
    provider.secret = provider.directory_token = ""
    provider.save(update_fields=["removed_at", "is_enabled", "secret", "directory_token"])
    SignInSettings.objects.filter(default_provider=provider).update(
        default_provider=None, redirects=False
    )
    operations.keep_mapped_roles(
        origin=provider.mapping_origin, because="which was removed", actor=actor
    )
    GroupMapping.objects.filter(provider=provider).delete()
    note("removed", provider, actor=actor)


def note(what: str, provider: IdentityProvider, *, actor: Actor, **facts: Any) -> None:
    """Record what was done to the provider in the tenant's history."""
    operations.note_connection(
        f"{what} sign-in through {provider.name}", actor=actor, provider=provider.name, **facts
    )


def _fill(provider: IdentityProvider, definition: Definition) -> None:
    provider.name, provider.name_key = definition.name, fold(definition.name)
    provider.settings = definitions.stored(definition.settings)
    provider.provisions_people = definition.provisions_people
    provider.browsing = definition.browsing
    _pair(provider, definition.pairing)
    if definition.secret:
        provider.secret = secrets.sealed(
            _as_kept(provider, definition.secret), tenant_id=provider.tenant_id, field=FIELD
        )
    if definition.directory_token:
        provider.directory_token = secrets.sealed(
            definition.directory_token, tenant_id=provider.tenant_id, field=DIRECTORY_FIELD
        )


def _pair(provider: IdentityProvider, pairing: Pairing | None) -> None:
    connection = claim = attribute = ""
    if pairing:
        keys = list(paired_with().connections())
        if pairing.connection:
            keys = [key for key in keys if key == pairing.connection]
        if len(keys) != 1:
            raise NothingToPair
        connection, claim, attribute = keys[0], pairing.claim, pairing.equals
    provider.paired_connection, provider.paired_claim = connection, claim
    provider.paired_attribute = attribute


def _as_kept(provider: IdentityProvider, secret: str) -> str:
    """Return the secret as text; a keytab comes in base64."""
    if provider.kind == IdentityProvider.Kind.WINDOWS:
        try:
            base64.b64decode(secret, validate=True)
        except ValueError as error:
            raise UnreadableKeytab from error
    return secret


def _save(provider: IdentityProvider) -> None:
    try:
        with transaction.atomic():
            provider.save()
    except IntegrityError as error:
        # The name is the only thing about a provider that must be unique.
        raise ProviderNameTaken(provider.name) from error


def _told(provider: IdentityProvider) -> dict[str, Any]:
    """Return what the history tells of the provider."""
    return {
        "name": provider.name,
        "offered": provider.is_enabled,
        "adds people": provider.provisions_people,
        "directory browsing": provider.browsing,
        "paired by": provider.paired_claim,
        "paired with": provider.paired_attribute,
        **provider.settings,
    }

"""Adds, changes and removes providers. Each operation is one transaction and one event."""

import base64
from dataclasses import asdict
from itertools import count
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import IntegrityError, transaction
from django.utils import timezone

from people import hooks, secrets, tenancy
from people.db.constraints import constraint_of
from people.models import Person
from people.operations import connection_events
from people.operations.roles import group_mappings
from people.provider_facts import Owner
from people.secrets import SecretLost
from people.values import Actor, PeopleError, normalize_key
from provisioning import locks
from provisioning.models import (
    FreshSignIn,
    GroupMapping,
    IdentityProvider,
    SignInSettings,
    TransmitterStream,
)
from provisioning.providers import config, issuers
from provisioning.providers.config import SECRET_OF, Definition

FIELD: Final = "identity-provider"
DIRECTORY_FIELD: Final = "identity-provider-directory"


class SecretForElsewhere(SecretLost):
    """The secret was entered for another address than the one it would be sent to."""

    message = (
        "The address has changed since the secret was entered, so the secret was not sent. "
        "Enter it again on the provider's page."
    )


class ProviderNameTaken(PeopleError):
    code = "provider-name-taken"
    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"An identity provider named “{name}” already exists. Choose another name."
        )


class ProviderAddedAlready(PeopleError):
    code = "provider-added-already"

    def __init__(self) -> None:
        super().__init__(
            "The provider with the redirect URI that you saw has been added already. To add "
            "another one, enter the new redirect URI of this page at the provider."
        )


class NothingToPair(PeopleError):
    code = "nothing-to-pair"
    field = "paired_connection"

    def __init__(self) -> None:
        super().__init__(
            "Pairing needs one SCIM connection that is not disconnected. Connect SCIM first. If "
            "there are several connections, specify which one."
        )


class UnreadableKeytab(PeopleError):
    code = "unreadable-keytab"
    field = "keytab"

    def __init__(self) -> None:
        super().__init__("The keytab cannot be read. Upload the file created by ktutil or ktpass.")


class SecretNeeded(PeopleError):
    code = "secret-needed"

    def __init__(self, field: str) -> None:
        super().__init__(
            "Enter this value again. The address has changed, and the value entered for the "
            "earlier address is not sent to a new one."
        )
        self.field = field


def provider_named(name: str) -> IdentityProvider:
    """Return the provider with this name in the tenant in force.

    :raises IdentityProvider.DoesNotExist: if there is none.
    """
    kept = IdentityProvider.objects.kept().select_related("tenant")
    provider: IdentityProvider = kept.get(name_key=normalize_key(name))
    return provider


def provider_actors() -> list[str]:
    """Return the actors of all providers, including removed ones."""
    return [str(provider.actor) for provider in IdentityProvider.objects.order_by("pk")]


def owner_of_people(actor: str) -> Owner | None:
    """Return the provider behind the actor, and how many active people sign in through it."""
    for provider in IdentityProvider.objects.kept():
        if str(provider.actor) == actor:
            active = [Person.State.INVITED, Person.State.ACTIVE]
            own = provider.identities.filter(retired_at=None, person__state__in=active)
            return Owner(provider.name, own.count())
    return None


def secret_of(provider: IdentityProvider) -> str:
    """Return the client secret, the bind password, or the keytab in base64; blank if none.

    :raises SecretForElsewhere: if it was entered for another address than the present one.
    :raises SecretLost: if no key decrypts it.
    """
    if not provider.secret:
        return ""
    if provider.secret_for != issuers.secret_destination(provider):
        raise SecretForElsewhere
    return secrets.opened(provider.secret, tenant_id=provider.tenant_id, field=FIELD)


def directory_token_of(provider: IdentityProvider) -> str:
    """Return the token for the directory's API; blank if none.

    :raises SecretForElsewhere, SecretLost: as `secret_of`.
    """
    if not provider.directory_token:
        return ""
    if provider.directory_token_for != issuers.directory_token_destination(provider):
        raise SecretForElsewhere
    tenant_id = provider.tenant_id
    return secrets.opened(provider.directory_token, tenant_id=tenant_id, field=DIRECTORY_FIELD)


def next_id(preset: str) -> UUID:
    """Return the id of the provider that an administrator adds next from this preset.

    The redirect URI contains the id, and has to be entered at the provider first. So the id stays
    the same, for every administrator of the tenant, until a provider has it.
    """
    ids = (uuid5(NAMESPACE_URL, f"{tenancy.current_id()}/{preset}/{n}") for n in count())
    return next(one for one in ids if not IdentityProvider.objects.filter(pk=one).exists())


@transaction.atomic
def add_provider(
    definition: Definition, *, actor: Actor, draft_id: UUID | None = None
) -> IdentityProvider:
    """Add a provider to the tenant in force.

    :param draft_id: the id of a provider that the sign-in page does not show until it is tested.
    :raises ProviderNameTaken: if the tenant has a provider with this name.
    :raises ProviderAddedAlready: if there is a provider with this id.
    :raises NothingToPair: if there is no such connection, or more than one.
    :raises UnreadableKeytab: if the keytab is not base64.
    """
    provider = IdentityProvider(tenant_id=tenancy.current_id(), kind=definition.kind)
    if draft_id:
        provider.pk, provider.is_enabled, provider.is_untested = draft_id, False, True
    _fill(provider, definition)
    provider.authority = issuers.authority_of(provider)
    _save(provider)
    record_provider_event("added", provider, actor=actor)
    return provider


@transaction.atomic
def pass_test(provider: IdentityProvider, *, is_offered: bool, actor: Actor) -> None:
    """Record that a test of the provider succeeded, and offer it on the sign-in page if asked to.

    Nothing happens if the provider was tested before.
    """
    rows = IdentityProvider.objects.select_for_update()
    provider.refresh_from_db(fields=["is_untested", "is_enabled"], from_queryset=rows)
    if not provider.is_untested:
        return
    provider.is_untested, provider.is_enabled = False, provider.is_enabled or is_offered
    provider.save(update_fields=["is_untested", "is_enabled"])
    record_provider_event("tested", provider, actor=actor, offered=provider.is_enabled)


@transaction.atomic
def change_provider(
    provider: IdentityProvider, definition: Definition, *, is_enabled: bool, actor: Actor
) -> bool:
    """Change the provider to match the definition; return whether anything changed.

    A blank secret keeps the stored one. If the issuer or directory changes, nobody can sign in
    until an administrator confirms it, unless the provider has no identities and no mappings.

    :raises ProviderNameTaken, NothingToPair, UnreadableKeytab: as `add_provider`.
    :raises SecretNeeded: if a stored secret would be sent to another address.
    """
    before, secret = _history_values(provider), (provider.secret, provider.directory_token)
    provider.is_enabled = is_enabled
    _fill(provider, definition)
    changes = {
        name: {"from": before[name], "to": value}
        for name, value in _history_values(provider).items()
        if before[name] != value
    }
    if (provider.secret, provider.directory_token) != secret:
        changes["secret"] = {"from": "•••", "to": "•••"}
    identities = provider.identities.filter(retired_at=None)
    if not identities.exists() and not provider.mappings.exists():
        provider.authority = issuers.authority_of(provider)
    if changes:
        _save(provider)
        record_provider_event("changed", provider, actor=actor, changes=changes)
    return bool(changes)


@transaction.atomic
def remove_provider(provider: IdentityProvider, *, actor: Actor) -> None:
    """Remove the provider, so that nobody can sign in through it. People and the log stay.

    Roles that its groups have granted become manual grants.
    """
    locks.lock_provider_exclusive(provider)
    provider.removed_at, provider.is_enabled = timezone.now(), False
    provider.secret = provider.directory_token = ""
    provider.save(update_fields=["removed_at", "is_enabled", "secret", "directory_token"])
    SignInSettings.objects.filter(default_provider=provider).update(
        default_provider=None, redirects=False
    )
    group_mappings.detach_mapped_roles(
        origin=provider.mapping_origin, because="which was removed", actor=actor
    )
    GroupMapping.objects.filter(provider=provider).delete()
    # The transmitter is refused from now on, and nobody has to sign in here any more.
    TransmitterStream.objects.filter(provider=provider).delete()
    FreshSignIn.objects.filter(provider=provider).delete()
    record_provider_event("removed", provider, actor=actor)


def record_provider_event(
    what: str, provider: IdentityProvider, *, actor: Actor, **facts: Any
) -> None:
    """Record what was done to the provider in the tenant's history."""
    connection_events.record_connection_event(
        f"{what} sign-in through {provider.name}", actor=actor, provider=provider.name, **facts
    )


def _fill(provider: IdentityProvider, definition: Definition) -> None:
    provider.name, provider.name_key = definition.name, normalize_key(definition.name)
    provider.settings = config.stored(definition.settings)
    provider.provisions_people = definition.provisions_people
    provider.browsing = definition.browsing
    provider.adds_unverified = definition.adds_unverified
    provider.admission = asdict(definition.admission)
    connection = claim = attribute = ""
    if pairing := definition.pairing:
        keys = list(hooks.pairing().connections())
        if pairing.connection:
            keys = [key for key in keys if key == pairing.connection]
        if len(keys) != 1:
            raise NothingToPair
        connection, claim, attribute = keys[0], pairing.claim, pairing.equals
    provider.paired_connection, provider.paired_claim = connection, claim
    provider.paired_attribute = attribute
    _set_secret(provider, definition.secret)
    _set_directory_token(provider, definition.directory_token)


def _set_secret(provider: IdentityProvider, secret: str) -> None:
    destination = issuers.secret_destination(provider)
    if secret:
        if provider.kind == IdentityProvider.Kind.WINDOWS:
            # A keytab is binary, so it comes in base64.
            try:
                base64.b64decode(secret, validate=True)
            except ValueError as error:
                raise UnreadableKeytab from error
        provider.secret = secrets.sealed(secret, tenant_id=provider.tenant_id, field=FIELD)
        provider.secret_for = destination
    elif provider.secret and provider.secret_for != destination:
        raise SecretNeeded(SECRET_OF[provider.kind])


def _set_directory_token(provider: IdentityProvider, token: str) -> None:
    destination = issuers.directory_token_destination(provider)
    if token:
        provider.directory_token = secrets.sealed(
            token, tenant_id=provider.tenant_id, field=DIRECTORY_FIELD
        )
        provider.directory_token_for = destination
    elif not destination:
        # The directory's API has changed to one without its own token.
        provider.directory_token = provider.directory_token_for = ""
    elif provider.directory_token and provider.directory_token_for != destination:
        raise SecretNeeded("directory_token")


def _save(provider: IdentityProvider) -> None:
    try:
        # A savepoint: the transaction of the caller must survive a violation.
        with transaction.atomic():
            provider.save()
    except IntegrityError as error:
        match constraint_of(error):
            case "provider_name_taken":
                raise ProviderNameTaken(provider.name) from error
            case "provisioning_identityprovider_pkey":
                raise ProviderAddedAlready from error
        raise


def _history_values(provider: IdentityProvider) -> dict[str, Any]:
    """Return the values of the provider that the history records."""
    return {
        "name": provider.name,
        "offered": provider.is_enabled,
        "adds people": provider.provisions_people,
        "adds unverified people": provider.adds_unverified,
        "restricted to": provider.admission,
        "directory browsing": provider.browsing,
        "paired by": provider.paired_claim,
        "paired with": provider.paired_attribute,
        **provider.settings,
    }

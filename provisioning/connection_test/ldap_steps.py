"""Tests an LDAP directory: each server, the service account, and the entry of a person."""

from collections.abc import Iterator
from dataclasses import replace

from people.net import circuit_breaker
from people.net.safe_http import OutboundError
from provisioning.connection_test.step import Step, address_step, failed, passed
from provisioning.ldap import client, login_names
from provisioning.ldap.connection import LdapFailed
from provisioning.ldap.entry import Entry
from provisioning.models import GroupMapping, IdentityProvider
from provisioning.providers import manage
from provisioning.providers.config import LdapSettings, settings_of

GROUPS_SHOWN = 10


def directory_steps(provider: IdentityProvider, login: str = "") -> Iterator[Step]:
    """Yield the steps of a sign-in as the person with this login name, or as anybody.

    :raises LdapFailed, OutboundError, SecretLost: at the step that fails.
    """
    settings: LdapSettings = settings_of(provider)
    password = manage.secret_of(provider)
    for server in settings.servers:
        # The test must not depend on earlier failures.
        circuit_breaker.reset(server)
        alone = replace(settings, uri=server)
        if len(settings.servers) == 1:
            yield from _server(alone, password)
            continue
        # Sign-in works as long as one of the servers does, so the others are tested too.
        try:
            yield from _server(alone, password)
        except (LdapFailed, OutboundError) as error:
            yield failed(f"Server {server}", str(error))
    with client.opened(settings, password) as directory:
        if not login:
            yield from _anybody(provider, directory)
            return
        found = login_names.find_one(directory, login)
        yield passed("Search", f"“{login}” is {found.dn}.")
        directory.check_enabled(found)
        yield passed("Account", "The account is neither disabled nor expired.")
        yield from _entry(provider, directory, found)


def _server(settings: LdapSettings, password: str) -> Iterator[Step]:
    yield address_step(settings.uri)
    with client.opened(settings, password):
        yield passed("Connection", f"{settings.uri} responded.")
        if settings.start_tls or settings.uri.startswith("ldaps:"):
            yield passed("TLS", "The certificate is valid.")
        else:
            yield failed("TLS", "No TLS. Passwords are sent unencrypted.")
        yield passed("Bind", f"Bound as {settings.bind_dn or 'anonymous'}.")


def _anybody(provider: IdentityProvider, directory: client.Directory) -> Iterator[Step]:
    sought = directory.settings.anybody
    found = directory.sample(sought)
    if found is None:
        yield failed(
            "Search",
            f"No entry matches {sought} below “{directory.settings.base_dn}”. Check the base DN "
            "and the filter.",
        )
        return
    yield passed("Search", f"Found an entry, for example {found.dn}.")
    yield from _entry(provider, directory, found)


def _entry(provider: IdentityProvider, directory: client.Directory, entry: Entry) -> Iterator[Step]:
    claims = directory.claims(entry)
    missing = [name for name in ("subject", "email") if not getattr(claims, name)]
    if missing:
        yield failed(
            "Claims",
            f"The entry has no {' and no '.join(missing)}. Set the attribute in the provider "
            "settings.",
        )
    else:
        sentence = f"{claims.given_name} {claims.family_name}, {claims.email}".strip(", ")
        yield passed("Claims", sentence)
    if claims.groups.known is None:
        yield failed("Groups", claims.groups.because)
        return
    names = sorted(group.name for group in claims.groups.known)
    more = ", …" if len(names) > GROUPS_SHOWN else ""
    listed = f": {', '.join(names[:GROUPS_SHOWN])}{more}" if names else ""
    yield passed("Groups", f"This person is in {len(names)} groups{listed}.")
    keys = {group.id for group in claims.groups.known}
    granting = GroupMapping.objects.in_force().filter(provider=provider, external_id__in=keys)
    roles = sorted({one.role_name for one in granting.select_related("role")})
    yield passed("Roles", f"Their groups grant {' and '.join(roles) if roles else 'no role'}.")

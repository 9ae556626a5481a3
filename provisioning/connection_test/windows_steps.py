"""Tests Windows sign-in: the keytab, the realms, and the account of the service."""

import base64
from collections.abc import Iterator
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from people.net import safe_http
from people.net.safe_http import OutboundError
from provisioning import kerberos
from provisioning.connection_test.key_step import key_step, not_tested
from provisioning.connection_test.ldap_steps import directory_steps
from provisioning.connection_test.step import Step, failed, passed
from provisioning.kerberos import KeytabEntry, spn
from provisioning.ldap import client
from provisioning.ldap.connection import is_available
from provisioning.models import IdentityProvider
from provisioning.providers import manage
from provisioning.providers.config import LdapSettings, WindowsSettings, settings_of

if is_available():
    from ldap.filter import escape_filter_chars

KERBEROS_PORT: Final = 88
LOGIN: Final = "sAMAccountName"


def windows_steps(provider: IdentityProvider, login: str = "") -> Iterator[Step]:
    """Yield the steps up to the first that fails.

    :raises KerberosFailed, LdapFailed, OutboundError, SecretLost: at the step that fails.
    """
    if not kerberos.is_available():
        yield failed("Installation", "Kerberos is not installed on this server.")
        return
    settings: WindowsSettings = settings_of(provider)
    keytab = base64.b64decode(manage.secret_of(provider))
    kerberos.check_keytab(keytab)
    entries = kerberos.keytab_entries(keytab)
    own = [entry for entry in entries if entry.name.casefold() == spn().casefold()]
    if not own:
        names = ", ".join(sorted({entry.name for entry in entries}))
        yield failed(
            "Keytab",
            f"The keytab is for another service: it has keys of {names or 'nothing'}. Browsers "
            f"request a ticket for {spn()}, the host of PUBLIC_BASE_URL. Create a keytab for it.",
        )
        return
    yield passed("Keytab", f"The keytab has a key of {spn()}.")
    if problem := _realm_problem({entry.realm for entry in own}, settings):
        yield failed("Realm", problem)
        return
    yield passed("Realm", f"Tickets from {', '.join(settings.realms)} are accepted.")
    yield from _steps_in_directory(settings, keytab, entries, login)


def _steps_in_directory(
    settings: WindowsSettings, keytab: bytes, entries: list[KeytabEntry], login: str
) -> Iterator[Step]:
    """Yield the steps of the LDAP directory, and of the service's account in it."""
    if not settings.directory:
        yield failed(
            "Directory",
            "No directory is set. New people cannot be added, because a ticket contains no email "
            "address.",
        )
        return
    try:
        directory = manage.provider_named(settings.directory)
    except IdentityProvider.DoesNotExist:
        sentence = f"There is no provider “{settings.directory}”. Select an LDAP provider."
        yield failed("Directory", sentence)
        return
    yield passed("Directory", f"{directory} supplies names and groups.")
    yield from directory_steps(directory, login)
    if not settings_of(directory).is_active_directory:
        [principal, *_] = [
            f"{entry.name}@{entry.realm}"
            for entry in entries
            if entry.name.casefold() == spn().casefold() and entry.realm in settings.realms
        ]
        yield key_step(keytab, principal)
        return
    step = _account_step(directory, settings, entries)
    yield step
    if step.is_ok:
        yield _domain_key_step(directory, keytab)


def _realm_problem(realms: set[str], settings: WindowsSettings) -> str:
    """Return what is wrong with the realms of the keytab; blank if nothing is."""
    if realms & set(settings.realms):
        return ""
    keytab, accepted = ", ".join(sorted(realms)), ", ".join(settings.realms)
    if {one.casefold() for one in realms} & {one.casefold() for one in settings.realms}:
        return f"Realms are case-sensitive. Enter {keytab} instead of {accepted}."
    return (
        f"The keytab is of the realm {keytab}, but only people of {accepted} can sign in. Correct "
        "the realms, or create a keytab in the right domain."
    )


def _account_step(
    provider: IdentityProvider, windows: WindowsSettings, entries: list[KeytabEntry]
) -> Step:
    """Check that one account of the domain has the service principal name, with this key."""
    settings: LdapSettings = settings_of(provider)
    realm = settings.dns_domain.upper()
    if realm not in windows.realms:
        return failed(
            "Realm",
            f"The people of {provider} are in the realm {realm}, but tickets are accepted from "
            f"{', '.join(windows.realms)}.",
        )
    sought = f"(servicePrincipalName={escape_filter_chars(spn())})"
    names = [LOGIN, "msDS-KeyVersionNumber"]
    with client.opened(settings, manage.secret_of(provider)) as directory:
        found = list(directory.pages(sought, base=settings.domain, names=names))
    accounts = [one.text([LOGIN]) for one in found]
    if not found:
        return failed(
            "Service account",
            f"No account of the domain has the service principal name {spn()}, so browsers "
            f"get no ticket. Run “setspn -S {spn()} <service account>”.",
        )
    if len(found) > 1:
        return failed(
            "Service account",
            f"Several accounts have the service principal name {spn()}: "
            f"{', '.join(accounts)}. The domain issues no ticket until only one has it.",
        )
    version = found[0].text(["msDS-KeyVersionNumber"])
    versions = {entry.version for entry in entries if entry.realm == realm}
    if version.isdecimal() and versions and int(version) not in versions:
        kept = ", ".join(str(one) for one in sorted(versions))
        return failed(
            "Service account",
            f"The keytab has the key version {kept}, but {accounts[0]} has version {version}: its "
            "password has changed, or the keytab is of another account. Create the keytab again.",
        )
    return passed("Service account", f"{accounts[0]} has the service principal name {spn()}.")


def _domain_key_step(provider: IdentityProvider, keytab: bytes) -> Step:
    """Test the key with a ticket that the bind account gets from the server of the directory.

    The service account cannot get one by itself: with a wrong key, each test would count as a wrong
    password, which locks the account.
    """
    settings: LdapSettings = settings_of(provider)
    password, realm = manage.secret_of(provider), settings.dns_domain.upper()
    bind_name = settings.bind_dn
    # An account binds by its DN, as `name@realm`, or as `DOMAIN\name`.
    name = bind_name.rpartition("\\")[2].partition("@")[0]
    forms = (("distinguishedName", bind_name), ("userPrincipalName", bind_name), (LOGIN, name))
    sought = "".join(f"({key}={escape_filter_chars(value)})" for key, value in forms)
    with client.opened(settings, password) as directory:
        found = list(directory.pages(f"(|{sought})", base=settings.domain, names=[LOGIN]))
    if len(found) != 1:
        return not_tested(f"The bind account {bind_name} is not an account of the domain.")
    kdcs = []
    for server in settings.servers:
        # A server that is away has failed in an earlier step.
        with suppress(OutboundError):
            kdcs += safe_http.resolve(urlsplit(server).hostname or "", KERBEROS_PORT)
    return key_step(
        keytab,
        f"{spn()}@{realm}",
        name=f"{found[0].text([LOGIN])}@{realm}",
        password=password,
        kdcs=kdcs,
    )

"""Tests Windows sign-in: the keytab, the realms, and the account of the service."""

import base64
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings as django_settings

from provisioning import kerberos
from provisioning.connection_test.ldap_steps import directory_steps
from provisioning.connection_test.step import Step, failed, passed
from provisioning.kerberos import KeytabEntry
from provisioning.ldap import client
from provisioning.ldap.connection import is_available
from provisioning.models import IdentityProvider
from provisioning.providers import manage
from provisioning.providers.config import LdapSettings, WindowsSettings, settings_of

if is_available():
    from ldap.filter import escape_filter_chars


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
    step = _keytab(entries)
    yield step
    if not step.is_ok:
        return
    if problem := _realm_problem(entries, settings):
        yield failed("Realm", problem)
        return
    yield passed("Realm", f"Tickets from {', '.join(settings.realms)} are accepted.")
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
    if settings_of(directory).is_active_directory:
        yield _account_step(directory, settings, entries)


def _service() -> str:
    """Return the service principal name for which browsers request a ticket."""
    return f"{kerberos.SERVICE}/{urlsplit(django_settings.PUBLIC_BASE_URL).hostname}"


def _keytab(entries: list[KeytabEntry]) -> Step:
    names = sorted({entry.name for entry in entries})
    if _service().casefold() in {name.casefold() for name in names}:
        return passed("Keytab", f"The keytab has a key of {_service()}.")
    return failed(
        "Keytab",
        f"The keytab is for another service: it has keys of {', '.join(names) or 'nothing'}. "
        f"Browsers request a ticket for {_service()}, the host of PUBLIC_BASE_URL. Create a keytab "
        "for it.",
    )


def _realm_problem(entries: list[KeytabEntry], settings: WindowsSettings) -> str:
    """Return what is wrong with the realms; blank if nothing is."""
    realms = {entry.realm for entry in entries if entry.name.casefold() == _service().casefold()}
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
    sought = f"(servicePrincipalName={escape_filter_chars(_service())})"
    names = ["sAMAccountName", "msDS-KeyVersionNumber"]
    with client.opened(settings, manage.secret_of(provider)) as directory:
        found = list(directory.pages(sought, base=settings.domain, names=names))
    accounts = [one.text(["sAMAccountName"]) for one in found]
    if not found:
        return failed(
            "Service account",
            f"No account of the domain has the service principal name {_service()}, so browsers "
            f"get no ticket. Run “setspn -S {_service()} <service account>”.",
        )
    if len(found) > 1:
        return failed(
            "Service account",
            f"Several accounts have the service principal name {_service()}: "
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
    return passed("Service account", f"{accounts[0]} has the service principal name {_service()}.")

"""Signing in with a real Active Directory: providers, tickets, and ways to leave."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from people.values import Actor
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.providers import config, manage
from tests.services.active_directory import PASSWORD, ActiveDirectory, windows_time

# Prints a token for our service, made from the ticket of whoever runs it.
CLIENT: Final = """
import base64, gssapi, sys
name = gssapi.Name(f"{sys.argv[1]}@localhost", gssapi.NameType.hostbased_service)
spnego = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
context = gssapi.SecurityContext(name=name, mech=spnego, usage="initiate")
print(base64.b64encode(context.step()).decode())
"""
# Each way in which an account leaves, and what the provider log says of it.
LEAVING: Final = {
    "deleted": "account-unknown",
    "disabled": "account-disabled",
    "expired": "account-expired",
    "outside the base DN": "account-outside",
    "outside the filter": "account-outside",
}
_numbers = count(1)


def unused_name() -> str:
    """Return an account name that nobody has."""
    return f"worker{next(_numbers)}"


def added(tenant: Tenant, document: dict[str, Any]) -> IdentityProvider:
    with tenancy.use(tenant):
        return manage.add_provider(config.read(document), actor=Actor("command", "tests"))


def leave(samba: ActiveDirectory, dn: str, how: str) -> None:
    """Have the account leave the directory in one of the ways."""
    match how:
        case "deleted":
            samba.delete(dn)
        case "disabled":
            samba.change(dn, userAccountControl="514")
        case "expired":
            samba.change(dn, accountExpires=windows_time(datetime.now(UTC) - timedelta(days=1)))
        case "outside the base DN":
            samba.move(dn, dn[3 : dn.index(",")], ou="Elsewhere")
        case "outside the filter":
            samba.change(dn, employeeType="external")


def token(ticket: dict[str, str], service: str = "HTTP") -> str:
    """Make the token that the browser of somebody with this ticket sends; each counts once."""
    command = [sys.executable, "-c", CLIENT, service]
    asked = subprocess.run(command, env=ticket, check=True, capture_output=True, text=True)
    return asked.stdout.strip()


def sign_in_with(ticket: dict[str, str], windows: IdentityProvider, client: Client) -> Any:
    return present(token(ticket), windows, client)


def present(text: str, windows: IdentityProvider, client: Client) -> Any:
    """Send the token as a browser does."""
    address = f"/sign-in/acme/{windows.pk}/"
    return client.get(address, headers={"Authorization": f"Negotiate {text}"})


def sign_in_as(
    name: str, directory: IdentityProvider, client: Client, password: str = PASSWORD, **more: Any
) -> Any:
    address = f"/sign-in/acme/{directory.pk}/"
    return client.post(address, {"login": name, "password": password}, **more)


def person_in(client: Client) -> Person | None:
    """Return who is signed in, if somebody is."""
    user = client.get("/home/").wsgi_request.user
    return user if isinstance(user, Person) else None


def the_attempt() -> SignInAttempt:
    with tenancy.across_tenants():
        return SignInAttempt.objects.select_related("person").latest("pk")

"""A login name that means two accounts of Active Directory.

`name@corp.example.com` is the explicit userPrincipalName of Bob, and the implicit one of Ada, whose
sAMAccountName is `name`. Active Directory takes it for Bob's, in a bind (MS-ADTS 5.1.1.1.1) and in
Kerberos, where Bob's ticket then has Ada's principal.
"""

from dataclasses import dataclass

import pytest
from django.test import Client

from people.models import Tenant
from provisioning.models import IdentityProvider
from tests.clients.pages import text_of
from tests.services.active_directory import BASE, PASSWORD, REALM, ActiveDirectory
from tests.support.active_directory import (
    added,
    person_in,
    sign_in_as,
    sign_in_with,
    the_attempt,
    unused_name,
)

pytestmark = pytest.mark.django_db

BOBS_PASSWORD = "B0bs-Pass!26"


@dataclass(frozen=True)
class Pair:
    name: str
    bobs_dn: str

    @property
    def ada(self) -> str:
        return f"{self.name}@example.com"

    @property
    def bob(self) -> str:
        return f"{self.bobs_dn[3:].partition(',')[0]}@example.com"


@pytest.fixture
def pair(active_directory: ActiveDirectory) -> Pair:
    name = unused_name()
    active_directory.add_person(name, userPrincipalName=f"{name}.long@mail.example")
    bobs_dn = active_directory.add_person(
        unused_name(), unicodePwd=f'"{BOBS_PASSWORD}"'.encode("utf-16-le")
    )
    active_directory.force(bobs_dn, "userPrincipalName", f"{name}@{REALM.lower()}")
    return Pair(name, bobs_dn)


@pytest.fixture
def directory(acme: Tenant, active_directory: ActiveDirectory) -> IdentityProvider:
    return added(acme, active_directory.document())


@pytest.fixture
def windows(
    acme: Tenant, active_directory: ActiveDirectory, directory: IdentityProvider
) -> IdentityProvider:
    return added(acme, active_directory.windows_document())


def email_in(client: Client) -> str:
    person = person_in(client)
    return person.email if person else ""


@pytest.mark.parametrize("form", ["{0}", "CORP\\{0}", "corp.example.com\\{0}"])
def test_login_name_without_domain_is_the_sam_account_name(
    client: Client, directory: IdentityProvider, pair: Pair, form: str
) -> None:
    sign_in_as(form.format(pair.name), directory, client, BOBS_PASSWORD)
    assert email_in(client) == ""

    sign_in_as(form.format(pair.name), directory, client, PASSWORD)
    assert email_in(client) == pair.ada


def test_login_name_with_domain_is_the_explicit_upn(
    client: Client, directory: IdentityProvider, pair: Pair
) -> None:
    login = f"{pair.name}@corp.example.com"

    sign_in_as(login, directory, client, PASSWORD)
    assert email_in(client) == ""

    sign_in_as(login, directory, client, BOBS_PASSWORD)
    assert email_in(client) == pair.bob


@pytest.mark.parametrize("user_filter", ["(userPrincipalName={0})", "(mail={0})"])
def test_login_name_with_domain_is_the_explicit_upn_for_any_user_filter(
    client: Client,
    acme: Tenant,
    active_directory: ActiveDirectory,
    pair: Pair,
    user_filter: str,
) -> None:
    directory = added(acme, active_directory.document(user_filter=user_filter))
    login = f"{pair.name}@corp.example.com"

    sign_in_as(login, directory, client, PASSWORD)
    assert email_in(client) == ""

    sign_in_as(login, directory, client, BOBS_PASSWORD)
    assert email_in(client) == pair.bob


def test_ticket_signs_in_the_account_it_was_issued_for(
    client: Client, active_directory: ActiveDirectory, windows: IdentityProvider, pair: Pair
) -> None:
    ticket = active_directory.ticket(pair.name, BOBS_PASSWORD)

    sign_in_with(ticket, windows, client)

    assert email_in(client) == pair.bob


@pytest.mark.parametrize("how", ["outside of the filter", "without the domain's filter"])
def test_ticket_is_refused_if_its_account_is_not_found(
    client: Client, acme: Tenant, active_directory: ActiveDirectory, pair: Pair, how: str
) -> None:
    document = active_directory.document()
    if how == "outside of the filter":
        active_directory.change(pair.bobs_dn, employeeType="external")
    else:
        # Such a filter does not show that this is Active Directory, so no relative id is looked up.
        document |= {"user_filter": "(cn={0})", "base_dn": f"OU=Staff,{BASE}"}
    added(acme, document)
    windows = added(acme, active_directory.windows_document())

    response = sign_in_with(active_directory.ticket(pair.name, BOBS_PASSWORD), windows, client)

    assert email_in(client) == ""
    assert "now belongs to a different account" in text_of(response)
    assert the_attempt().reason == "account-replaced"
    assert f"but {pair.name} is now account" in the_attempt().detail


@pytest.mark.parametrize("first", ["ada", "bob"])
def test_two_accounts_with_one_name_stay_two_people(
    active_directory: ActiveDirectory,
    directory: IdentityProvider,
    windows: IdentityProvider,
    pair: Pair,
    first: str,
) -> None:
    ada, bob = Client(), Client()
    ways = [
        lambda: sign_in_as(pair.name, directory, ada),
        lambda: sign_in_with(active_directory.ticket(pair.name, BOBS_PASSWORD), windows, bob),
    ]
    for way in ways if first == "ada" else reversed(ways):
        way()

    assert (email_in(ada), email_in(bob)) == (pair.ada, pair.bob)

"""Windows sign-in with a real Active Directory."""

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import Identity, IdentityProvider
from tests.clients.pages import text_of
from tests.services.active_directory import BASE, PASSWORD, REALM, ActiveDirectory
from tests.services.postgres_redis_smtp import free_port
from tests.support.active_directory import (
    LEAVING,
    added,
    leave,
    person_in,
    present,
    sign_in_as,
    sign_in_with,
    the_attempt,
    token,
    unused_name,
)
from tests.support.sign_in_flow import again

pytestmark = pytest.mark.django_db

WORDS = {
    "account-unknown": "Your account no longer exists",
    "account-disabled": "has disabled your account",
    "account-expired": "has expired",
    "account-outside": "is not allowed to sign in here",
}


@pytest.fixture
def directory(acme: Tenant, active_directory: ActiveDirectory) -> IdentityProvider:
    return added(acme, active_directory.document())


@pytest.fixture
def windows(
    acme: Tenant, active_directory: ActiveDirectory, directory: IdentityProvider
) -> IdentityProvider:
    return added(acme, active_directory.windows_document())


@pytest.fixture
def name() -> str:
    return unused_name()


def restore_principal_subject(identity: Identity, principal: str, **fields: Any) -> None:
    """Change the identity to the earlier form, in which the principal was the subject."""
    before = {"subject": principal, "account": "", **fields}
    values = {one.attname: getattr(identity, one.attname) for one in Identity._meta.concrete_fields}
    identity.delete()
    Identity.objects.create(**values | before)


class TestAccountThatLeftTheDirectory:
    @pytest.mark.parametrize("how", LEAVING)
    def test_valid_ticket_is_refused(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        windows: IdentityProvider,
        name: str,
        how: str,
    ) -> None:
        dn, known = active_directory.add_person(name), Client()
        ticket = active_directory.ticket(name)
        sign_in_with(ticket, windows, known)
        leave(active_directory, dn, how)

        response = sign_in_with(ticket, windows, client)

        assert person_in(client) is None
        assert WORDS[LEAVING[how]] in text_of(response)
        attempt = the_attempt()
        assert (attempt.outcome, attempt.reason) == ("refused", LEAVING[how])
        assert attempt.subject == f"{name}@{REALM}"
        if how != "deleted":
            assert (attempt.email, attempt.person) == (f"{name}@example.com", person_in(known))

    def test_ticket_is_refused_if_a_new_account_has_the_name(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        windows: IdentityProvider,
        name: str,
    ) -> None:
        dn = active_directory.add_person(name)
        result = token(active_directory.ticket(name))
        active_directory.delete(dn)
        active_directory.add_person(name)

        response = present(result, windows, client)

        assert person_in(client) is None
        assert "now belongs to a different account" in text_of(response)
        assert the_attempt().reason == "account-replaced"


class TestDirectoryUnavailable:
    @pytest.fixture
    def forwarder(self, active_directory: ActiveDirectory) -> Iterator[subprocess.Popen[bytes]]:
        """Forward another port to the directory; killing this makes the directory unreachable."""
        self.port = free_port()
        forwarder = active_directory.forward(636, self.port)
        yield forwarder
        forwarder.kill()
        forwarder.wait()

    @pytest.fixture
    def windows(
        self, acme: Tenant, active_directory: ActiveDirectory, forwarder: subprocess.Popen[bytes]
    ) -> IdentityProvider:
        uri = f"ldaps://127.0.0.1:{self.port}"
        added(acme, active_directory.document(uri=uri))
        return added(acme, active_directory.windows_document())

    def test_known_person_can_sign_in(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        windows: IdentityProvider,
        forwarder: subprocess.Popen[bytes],
        name: str,
    ) -> None:
        active_directory.add_person(name)
        ticket, first = active_directory.ticket(name), Client()
        sign_in_with(ticket, windows, first)
        forwarder.kill()

        sign_in_with(ticket, windows, client)

        assert person_in(client) is not None
        assert person_in(client) == person_in(first)
        assert "Roles from groups did not change" in json.dumps(the_attempt().warnings)

    def test_unknown_account_is_neither_added_nor_linked(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        windows: IdentityProvider,
        forwarder: subprocess.Popen[bytes],
        name: str,
    ) -> None:
        active_directory.add_person(name)
        forwarder.kill()

        response = sign_in_with(active_directory.ticket(name), windows, client)

        assert person_in(client) is None
        assert "is not available right now" in text_of(response)
        assert the_attempt().reason == "directory-unavailable"
        with tenancy.use(windows.tenant):
            assert not Identity.objects.exists()

    def test_refuses_a_new_account_with_the_name_of_a_deleted_one(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        windows: IdentityProvider,
        forwarder: subprocess.Popen[bytes],
        name: str,
    ) -> None:
        dn = active_directory.add_person(name)
        sign_in_with(active_directory.ticket(name), windows, Client())
        active_directory.delete(dn)
        active_directory.add_person(name)
        forwarder.kill()

        sign_in_with(active_directory.ticket(name), windows, client)

        assert person_in(client) is None


class TestAccountIdentity:
    @pytest.mark.parametrize("change", ["renamed", "in capitals", "another UPN"])
    def test_renamed_account_is_the_same_person(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        windows: IdentityProvider,
        name: str,
        change: str,
    ) -> None:
        dn, first = active_directory.add_person(name), Client()
        sign_in_with(active_directory.ticket(name), windows, first)
        login = name.upper() if change == "in capitals" else name
        if change == "renamed":
            login = f"{name}-renamed"
            active_directory.change(dn, sAMAccountName=login)
        if change == "another UPN":
            active_directory.change(dn, userPrincipalName=f"{name}.new@mail.example.com")

        sign_in_with(active_directory.ticket(login), windows, client)

        assert person_in(client) == person_in(first)
        assert person_in(client) is not None

    @pytest.mark.parametrize("first", ["ldap", "windows"])
    def test_ldap_and_windows_sign_in_are_the_same_person(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        directory: IdentityProvider,
        windows: IdentityProvider,
        name: str,
        first: str,
    ) -> None:
        active_directory.add_person(name)
        ways: list[Callable[[Client], Any]] = [
            lambda visitor: sign_in_as(name, directory, visitor),
            lambda visitor: sign_in_with(active_directory.ticket(name), windows, visitor),
        ]
        if first == "windows":
            ways.reverse()
        earlier = Client()
        ways[0](earlier)

        ways[1](client)

        assert person_in(client) == person_in(earlier)
        assert person_in(client) is not None
        assert the_attempt().outcome == "linked"

    def test_new_account_with_the_name_of_a_deleted_one_is_another_person(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        windows: IdentityProvider,
        name: str,
    ) -> None:
        dn, earlier = active_directory.add_person(name), Client()
        sign_in_with(active_directory.ticket(name), windows, earlier)
        active_directory.delete(dn)
        active_directory.add_person(name, mail=f"{name}.new@example.com")

        sign_in_with(active_directory.ticket(name), windows, client)

        assert person_in(client) not in (None, person_in(earlier))


class TestTicketOfARenamedAccount:
    def test_signs_in_the_renamed_account(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        windows: IdentityProvider,
        name: str,
    ) -> None:
        dn, first = active_directory.add_person(name), Client()
        ticket = active_directory.ticket(name)
        sign_in_with(ticket, windows, first)
        result = token(ticket)
        active_directory.change(dn, sAMAccountName=f"{name}-renamed")

        present(result, windows, client)

        assert person_in(client) is not None
        assert person_in(client) == person_in(first)

    def test_does_not_sign_in_the_new_account_with_the_name(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        windows: IdentityProvider,
        name: str,
    ) -> None:
        dn = active_directory.add_person(name)
        result = token(active_directory.ticket(name))
        active_directory.change(
            dn, sAMAccountName=f"{name}-x", userPrincipalName=f"{name}-x@corp.example.com"
        )
        active_directory.move(dn, f"{name}-x")
        active_directory.add_person(name, mail=f"{name}.new@example.com")

        present(result, windows, client)

        person = person_in(client)
        assert person
        assert person.email == f"{name}@example.com"

    def test_is_refused_if_the_account_is_disabled(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        windows: IdentityProvider,
        name: str,
    ) -> None:
        dn = active_directory.add_person(name)
        result = token(active_directory.ticket(name))
        active_directory.change(dn, sAMAccountName=f"{name}-x", userAccountControl="514")

        response = present(result, windows, client)

        assert person_in(client) is None
        assert the_attempt().reason == "account-disabled"
        assert WORDS["account-disabled"] in text_of(response)


def test_refuses_a_ticket_for_another_service_of_the_same_account(
    client: Client, active_directory: ActiveDirectory, windows: IdentityProvider, name: str
) -> None:
    active_directory.add_person(name)
    service = f"CN=http-svc,OU=Services,{BASE}"
    active_directory.change(service, servicePrincipalName=["HTTP/localhost", "cifs/localhost"])
    result = token(active_directory.ticket(name), "cifs")

    response = present(result, windows, client)

    assert response.status_code == 401
    assert person_in(client) is None
    assert the_attempt().reason == "other-service"


class TestIdentityWithThePrincipalAsSubject:
    def test_subject_becomes_the_guid_if_the_account_is_older(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        windows: IdentityProvider,
        name: str,
    ) -> None:
        dn, earlier = active_directory.add_person(name), Client()
        sign_in_with(active_directory.ticket(name), windows, earlier)
        person = person_in(earlier)
        assert person
        with tenancy.use(windows.tenant):
            restore_principal_subject(Identity.objects.get(), f"{name}@{REALM}")

        sign_in_with(active_directory.ticket(name), windows, client)

        assert person_in(client) == person
        with tenancy.use(windows.tenant):
            identity = Identity.objects.get(retired_at=None)
        assert identity.subject == active_directory.guid(dn)

    @pytest.mark.parametrize("evidence", ["younger", "another address"])
    def test_is_retired_if_the_account_may_be_another_person(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        windows: IdentityProvider,
        name: str,
        evidence: str,
    ) -> None:
        active_directory.add_person(name)
        earlier = Client()
        sign_in_with(active_directory.ticket(name), windows, earlier)
        person = person_in(earlier)
        assert person
        with tenancy.use(windows.tenant):
            identity = Identity.objects.get()
            values = identity.stated_values | {"email": "somebody@example.com"}
            other = {"first_seen_at": timezone.now() - timedelta(days=30)}
            fields = other if evidence == "younger" else {"stated_values": values}
            restore_principal_subject(identity, f"{name}@{REALM}", **fields)
            Person.objects.filter(pk=person.pk).update(
                email="somebody@example.com", email_key="somebody@example.com"
            )

        sign_in_with(active_directory.ticket(name), windows, client)

        assert person_in(client) not in (None, person)
        assert "a different person" in json.dumps(the_attempt().warnings)
        with tenancy.use(windows.tenant):
            assert Identity.objects.get(person=person).retired_at
            assert again(person).is_active

    def test_subject_stays_the_principal_without_a_directory(
        self, client: Client, acme: Tenant, active_directory: ActiveDirectory, name: str
    ) -> None:
        active_directory.add_person(name)
        alone = added(acme, active_directory.windows_document(directory=""))

        response = sign_in_with(active_directory.ticket(name), alone, client)

        assert response.status_code == 403
        assert the_attempt().subject == f"{name}@{REALM}"


def test_ldap_sign_in_with_the_active_directory_password(
    client: Client, active_directory: ActiveDirectory, directory: IdentityProvider, name: str
) -> None:
    active_directory.add_person(name, "Ada", "Lovelace")

    sign_in_as(name, directory, client, PASSWORD)

    person = person_in(client)
    assert person
    assert person.full_name == "Ada Lovelace"

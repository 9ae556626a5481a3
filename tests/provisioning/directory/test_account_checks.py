"""The regular check of the accounts in live directories."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import Event, Person, Tenant
from people.net import circuit_breaker
from provisioning.directory import account_checks
from provisioning.models import DirectoryCheck, Identity, IdentityProvider, SignInAttempt
from tests.factories import core
from tests.services.active_directory import ActiveDirectory
from tests.services.ldap import SERVICE, Slapd, dn_of, person
from tests.support.active_directory import (
    LEAVING,
    added,
    leave,
    person_in,
    sign_in_as,
    sign_in_with,
    unused_name,
)

pytestmark = pytest.mark.django_db

PEOPLE = [f"member{number}" for number in range(12)]


@pytest.fixture
def slapd() -> Iterator[Slapd]:
    """Run a separate directory, because these tests remove people from it."""
    service = Slapd(more_entries=[person(name) for name in PEOPLE])
    circuit_breaker.reset(service.uri)
    yield service
    service.stop()


@pytest.fixture
def corp(acme: Tenant, slapd: Slapd) -> IdentityProvider:
    return added(acme, slapd.document())


def signed_in(provider: IdentityProvider, *names: str) -> dict[str, Client]:
    clients = {name: Client() for name in names}
    for name, client in clients.items():
        sign_in_as(name, provider, client, f"pw-{name}")
        assert person_in(client)
    return clients


def check() -> int:
    return account_checks.check_due(as_of=timezone.now())


def are_in(clients: dict[str, Client]) -> set[str]:
    return {name for name, client in clients.items() if person_in(client)}


def log_of(tenant: Tenant) -> list[tuple[str, str]]:
    with tenancy.use(tenant):
        attempts = SignInAttempt.objects.order_by("pk")
        return list(attempts.values_list("outcome", "reason"))


class TestEndingSessions:
    @pytest.mark.parametrize("how", LEAVING)
    @pytest.mark.parametrize("way", ["ldap", "windows"])
    def test_leaving_active_directory_ends_the_sessions(
        self, acme: Tenant, active_directory: ActiveDirectory, way: str, how: str
    ) -> None:
        directory = added(acme, active_directory.document())
        windows = added(acme, active_directory.windows_document())
        gone, stays = unused_name(), unused_name()
        dns = [active_directory.add_person(name) for name in (gone, stays)]
        clients = {gone: Client(), stays: Client()}
        for name, client in clients.items():
            if way == "ldap":
                sign_in_as(name, directory, client)
            else:
                sign_in_with(active_directory.ticket(name), windows, client)
        somebody = person_in(clients[gone])
        assert somebody
        assert check() == 0
        leave(active_directory, dns[0], how)

        assert check() == 1

        assert are_in(clients) == {stays}
        assert log_of(acme)[-1] == ("signed-out", LEAVING[how])
        with tenancy.use(acme):
            event = Event.objects.filter(person=somebody).latest("pk")
            assert event.kind == Event.Kind.SESSIONS_ENDED
            assert "AD" in event.facts["reason"]
            assert Person.objects.get(pk=somebody.pk).is_active
        assert check() == 0

    def test_deletion_from_an_ldap_directory_ends_the_sessions(
        self, acme: Tenant, slapd: Slapd, corp: IdentityProvider
    ) -> None:
        clients = signed_in(corp, "ada", "bob")
        slapd.delete(dn_of("ada"))

        call_command("run_due")

        assert are_in(clients) == {"bob"}
        assert log_of(acme)[-1] == ("signed-out", "account-unknown")

    def test_second_lock_of_an_account_ends_the_new_sessions(
        self, slapd: Slapd, corp: IdentityProvider
    ) -> None:
        lock = f"dn: {dn_of('ada')}\nchangetype: modify\n"
        slapd.modify(f"{lock}add: objectClass\nobjectClass: windowsAccount\n")
        for _ in range(2):
            clients = signed_in(corp, "ada")
            slapd.modify(f"{lock}replace: nsAccountLock\nnsAccountLock: TRUE\n")
            assert check() == 1
            assert are_in(clients) == set()
            slapd.modify(f"{lock}delete: nsAccountLock\n")

    def test_deletion_of_the_only_known_account_ends_its_sessions(
        self, slapd: Slapd, corp: IdentityProvider
    ) -> None:
        clients = signed_in(corp, "ada")
        slapd.delete(dn_of("ada"))

        check()

        assert are_in(clients) == set()


class TestImplausibleAnswers:
    """An incomplete answer, or one without any people, ends no session."""

    def settings(self, corp: IdentityProvider, **changed: Any) -> None:
        corp.settings |= changed
        IdentityProvider._base_manager.filter(pk=corp.pk).update(settings=corp.settings)

    @pytest.mark.parametrize(
        ("how", "code"),
        [
            ("no people match", "no-people"),
            ("the filter is broken", "bad-filter"),
            ("the filter admits others", "directory-incomplete"),
            ("the service account is refused", "bind-refused"),
            ("nothing answers", "unreachable"),
        ],
    )
    def test_implausible_answer_ends_no_session(
        self, acme: Tenant, slapd: Slapd, corp: IdentityProvider, how: str, code: str
    ) -> None:
        clients = signed_in(corp, "ada", "bob")
        match how:
            case "no people match":
                self.settings(corp, user_filter="(&(uid={0})(ou=nowhere))")
            case "the filter is broken":
                self.settings(corp, user_filter="(uid={0}")
            case "the filter admits others":
                self.settings(corp, user_filter="(&(uid={0})(uid=member9))")
            case "the service account is refused":
                change = "changetype: modify\nreplace: userPassword\nuserPassword: another\n"
                slapd.modify(f"dn: {SERVICE}\n{change}")
            case "nothing answers":
                slapd.stop()

        assert check() == 0
        assert check() == 0

        assert are_in(clients) == {"ada", "bob"}
        assert log_of(acme).count(("failed", code)) == 1
        with tenancy.use(acme):
            assert DirectoryCheck.objects.get().problem == code

    def test_many_missing_accounts_end_no_session(
        self, acme: Tenant, corp: IdentityProvider
    ) -> None:
        clients = signed_in(corp, *PEOPLE)
        self.settings(corp, user_filter="(&(uid={0})(|(uid=member0)(uid=ada)))")

        assert check() == 0

        assert are_in(clients) == set(PEOPLE)
        assert log_of(acme)[-1] == ("failed", "directory-incomplete")

    def test_size_limit_of_the_server_ends_no_session(
        self, slapd: Slapd, corp: IdentityProvider
    ) -> None:
        clients = signed_in(corp, *PEOPLE[:8])
        slapd.start_with("sizelimit size.soft=3 size.hard=3 size.prtotal=3")

        assert check() == 0

        assert are_in(clients) == set(PEOPLE[:8])


class TestFairness:
    def test_broken_directories_of_another_tenant_do_not_stop_the_check(
        self, acme: Tenant, slapd: Slapd, corp: IdentityProvider
    ) -> None:
        clients = signed_in(corp, "ada", "bob")
        slapd.delete(dn_of("ada"))
        other = core.tenant()
        for number in range(3):
            added(other, slapd.document(name=f"Broken {number}", uri="ldap://127.0.0.1:1"))

        check()

        assert are_in(clients) == {"bob"}

    def test_large_directory_is_checked_in_several_batches(
        self, acme: Tenant, slapd: Slapd, corp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(account_checks, "CHUNK", 2)
        clients = signed_in(corp, "ada", "bob", *PEOPLE[:3])
        slapd.delete(dn_of(PEOPLE[2]))
        asked = 0
        since = timezone.now()
        while not account_checks.run_batch(since=since, seconds=0.001)[1]:
            asked += 1
            assert asked < 20

        assert are_in(clients) == {"ada", "bob", *PEOPLE[:2]}
        with tenancy.use(acme):
            assert DirectoryCheck.objects.get().finished_at

    def test_inactive_people_are_not_checked(
        self, acme: Tenant, slapd: Slapd, corp: IdentityProvider
    ) -> None:
        clients = signed_in(corp, "ada", "bob")
        ada = person_in(clients["ada"])
        assert ada
        Person._base_manager.filter(pk=ada.pk).update(
            state=Person.State.INACTIVE, deactivated_at=timezone.now()
        )
        slapd.delete(dn_of("ada"))

        assert check() == 0
        with tenancy.use(acme):
            assert Identity.objects.get(person=ada).status == ""

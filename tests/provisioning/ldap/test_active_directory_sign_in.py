"""Sign-in with a name and a password of Active Directory."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from people import tenancy
from people.models import Tenant
from provisioning.models import IdentityProvider
from tests.clients.pages import text_of
from tests.factories import core
from tests.services.active_directory import BASE, ActiveDirectory, windows_time
from tests.support.active_directory import added, person_in, sign_in_as, the_attempt, unused_name

pytestmark = pytest.mark.django_db

# A user filter that excludes disabled accounts.
ENABLED = "(&(sAMAccountName={0})(!(userAccountControl:1.2.840.113556.1.4.803:=2)))"
UNKNOWN = "Incorrect user name or password."
FOREVER = str(-(2**63))


@pytest.fixture
def corp(acme: Tenant, active_directory: ActiveDirectory) -> IdentityProvider:
    return added(acme, active_directory.document())


@pytest.fixture
def name() -> str:
    return unused_name()


def lock(samba: ActiveDirectory, dn: str) -> None:
    for _ in range(6):
        samba.binds(dn, "wrong")


class TestLoginNames:
    @pytest.mark.parametrize(
        "form",
        [
            *("{0}", "CORP\\{0}", "corp.example.com\\{0}"),
            *("{0}@corp.example.com", "{0}@CORP", "{0}.long@mail.example"),
        ],
    )
    def test_every_form_of_the_login_name_works(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        corp: IdentityProvider,
        name: str,
        form: str,
    ) -> None:
        active_directory.add_person(name, userPrincipalName=f"{name}.long@mail.example")

        sign_in_as(form.format(name), corp, client)

        person = person_in(client)
        assert person
        assert person.email == f"{name}@example.com"

    @pytest.mark.parametrize("user_filter", ["(userPrincipalName={0})", "(mail={0})"])
    @pytest.mark.parametrize("form", ["CORP\\{0}", "{0}@corp.example.com"])
    def test_forms_with_a_domain_work_for_any_user_filter(
        self,
        client: Client,
        acme: Tenant,
        active_directory: ActiveDirectory,
        name: str,
        form: str,
        user_filter: str,
    ) -> None:
        active_directory.add_person(name, userPrincipalName=f"{name}.long@mail.example")
        corp = added(acme, active_directory.document(user_filter=user_filter))

        sign_in_as(form.format(name), corp, client)

        assert person_in(client)

    @pytest.mark.parametrize("form", ["{0}", "CORP\\{0}"])
    @pytest.mark.parametrize("is_kept_composed", [True, False])
    def test_composed_and_decomposed_letters_are_equal(
        self,
        active_directory: ActiveDirectory,
        corp: IdentityProvider,
        name: str,
        *,
        is_kept_composed: bool,
        form: str,
    ) -> None:
        composed, decomposed = f"m\u00fcller{name}", f"mu\u0308ller{name}"
        kept = composed if is_kept_composed else decomposed
        active_directory.add_person(kept, mail=f"{name}@example.com")

        for typed in (composed, decomposed):
            client = Client()
            sign_in_as(form.format(typed), corp, client)
            assert person_in(client)


class TestUnknownLoginNames:
    @pytest.mark.parametrize(
        "form",
        [
            *("OTHER\\{0}", "{0}@example.com", "\\{0}", "CORP\\*", "*@corp.example.com"),
            "CORP\\{0}@corp.example.com",
        ],
    )
    def test_another_domain_or_a_pattern_is_refused(
        self,
        client: Client,
        active_directory: ActiveDirectory,
        corp: IdentityProvider,
        name: str,
        form: str,
    ) -> None:
        active_directory.add_person(name)

        response = sign_in_as(form.format(name), corp, client)

        assert person_in(client) is None
        assert UNKNOWN in text_of(response)


class TestRefusedAccount:
    @pytest.mark.parametrize(
        ("change", "code", "words"),
        [
            ({"logonHours": bytes(21)}, "logon-hours", "may not sign in at this time"),
            ({"userWorkstations": "PC1"}, "workstation-refused", "only on certain computers"),
            ({"userAccountControl": "514"}, "account-disabled", "is disabled"),
            ({"pwdLastSet": "0"}, "password-must-change", "Choose a new password"),
        ],
    )
    def test_only_the_correct_password_gets_the_specific_message(
        self,
        active_directory: ActiveDirectory,
        corp: IdentityProvider,
        name: str,
        change: dict[str, Any],
        code: str,
        words: str,
    ) -> None:
        dn = active_directory.add_person(name)
        active_directory.change(dn, **change)

        assert words in text_of(sign_in_as(name, corp, Client()))
        assert (the_attempt().outcome, the_attempt().reason) == ("refused", code)
        assert UNKNOWN in text_of(sign_in_as(name, corp, Client(), "wrong"))

    @pytest.mark.parametrize("state", ["disabled", "expired"])
    def test_excluded_account_gets_the_specific_message(
        self, acme: Tenant, active_directory: ActiveDirectory, name: str, state: str
    ) -> None:
        corp = added(acme, active_directory.document(user_filter=ENABLED))
        dn = active_directory.add_person(name)
        yesterday = windows_time(datetime.now(UTC) - timedelta(days=1))
        change: dict[str, dict[str, Any]] = {
            "disabled": {"userAccountControl": "514"},
            "expired": {"accountExpires": yesterday},
        }
        active_directory.change(dn, **change[state])

        assert state in text_of(sign_in_as(name, corp, Client()))
        assert the_attempt().reason == f"account-{state}"
        assert UNKNOWN in text_of(sign_in_as(name, corp, Client(), "wrong"))

    def test_only_a_known_device_is_told_that_the_account_is_locked(
        self, client: Client, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        dn = active_directory.add_person(name)
        sign_in_as(name, corp, client)
        client.post("/sign-out/")
        lock(active_directory, dn)

        known = text_of(sign_in_as(name, corp, client))
        stranger = text_of(sign_in_as(name, corp, Client()))

        assert "is locked" in known
        assert "unlocked automatically at" in known
        assert "Too many incorrect passwords were entered for this name" in stranger
        assert "is locked" not in stranger
        assert (the_attempt().outcome, the_attempt().reason) == ("refused", "account-locked")
        assert f"{dn} is locked in the directory" in the_attempt().detail

    def test_permanent_lock_lasts_until_an_administrator_unlocks(
        self, client: Client, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        dn = active_directory.add_person(name)
        sign_in_as(name, corp, client)
        client.post("/sign-out/")
        lock(active_directory, dn)
        before = active_directory.value(BASE, "lockoutDuration")
        active_directory.change(BASE, lockoutDuration=FOREVER)
        try:
            response = sign_in_as(name, corp, client)
        finally:
            active_directory.change(BASE, lockoutDuration=before)

        assert "has to unlock it" in text_of(response)
        active_directory.change(dn, lockoutTime="0")
        sign_in_as(name, corp, client)
        assert person_in(client)


class TestFailedSignInInTheLog:
    @pytest.mark.parametrize("form", ["{0}", "CORP\\{0}", "{0}@corp.example.com"])
    def test_log_has_the_account_for_each_form_of_the_login_name(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str, form: str
    ) -> None:
        dn = active_directory.add_person(name)
        first = Client()
        sign_in_as(name, corp, first)
        typed = form.format(name)

        sign_in_as(typed, corp, Client(), "wrong")

        attempt = the_attempt()
        assert (attempt.reason, attempt.email) == ("wrong-password", f"{name}@example.com")
        assert attempt.subject == active_directory.guid(dn)
        assert attempt.person == person_in(first)
        assert dn in attempt.detail
        assert f"“{typed}”" in attempt.detail

    def test_log_search_finds_the_entered_name(
        self, acme: Tenant, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        active_directory.add_person(name)
        sign_in_as(f"CORP\\{name}", corp, Client(), "wrong")
        with tenancy.use(acme):
            admin = core.owner()
        client = Client()
        client.force_login(admin)

        for text in (f"CORP\\{name}", f"{name}@example.com", f"CN={name}"):
            page = client.get("/tenants/acme/log/", {"q": text})
            assert f"{name}@example.com" in text_of(page)

    def test_log_has_the_account_outside_of_the_base_dn(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        dn = active_directory.add_person(name, ou="Elsewhere")

        response = sign_in_as(name, corp, Client())

        assert UNKNOWN in text_of(response)
        assert (the_attempt().reason, the_attempt().email) == ("no-entry", f"{name}@example.com")
        assert f"{dn} is not below" in the_attempt().detail

    def test_log_has_the_entered_name_if_no_account_has_it(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        sign_in_as(f"CORP\\{name}", corp, Client())

        assert (the_attempt().reason, the_attempt().email) == ("no-entry", f"CORP\\{name}")

    def test_log_has_no_person_of_another_directory(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        active_directory.add_person(name)
        sign_in_as(name, corp, Client())
        with tenancy.use(corp.tenant):
            corp.identities.update(authority="ldaps://other.example/dc=other")

        sign_in_as(name, corp, Client(), "wrong")

        assert the_attempt().person is None

"""What a signal does is a policy of the company …"""

import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import BulkChange, Event, Person
from people.operations.bulk import alerts
from people.operations.people import deactivate_person
from provisioning.models import FreshSignIn, SignInAttempt, TransmitterStream
from provisioning.shared_signals.event_types import POLICIES
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.provisioning.shared_signals.conftest import REVOKED, Sender, choose
from tests.services.fake_openid import OpenIdProvider
from tests.services.signal_transmitter import CAEP, RISC
from tests.support.openid_flow import begun, connected, is_in, sign_in, the_attempt

pytestmark = pytest.mark.django_db

DISABLED, ENABLED = f"{RISC}account-disabled", f"{RISC}account-enabled"
PASSWORD = "correct horse battery"


def stored(person: Person) -> Person:
    with tenancy.use(person.tenant_id):
        now: Person = Person.objects.select_related("tenant").get(pk=person.pk)
    return now


DEFAULTS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "a revoked session": (REVOKED, {}, True),
    "a revoked credential": (f"{CAEP}credential-change", {"change_type": "revoke"}, True),
    "a new credential": (f"{CAEP}credential-change", {"change_type": "create"}, False),
    "a changed credential": (f"{CAEP}credential-change", {"change_type": "update"}, False),
    "a compromised credential": (f"{RISC}credential-compromise", {}, True),
    "a disabled account": (DISABLED, {"reason": "hijacking"}, True),
    "an enabled account": (ENABLED, {}, False),
    "a deleted account": (f"{RISC}account-purged", {}, False),
    "a changed address": (f"{RISC}identifier-changed", {"new-value": "a@b.example"}, False),
    "a lower assurance": (
        f"{CAEP}assurance-level-change",
        {"change_direction": "decrease"},
        False,
    ),
    "a device": (
        f"{CAEP}device-compliance-change",
        {"previous_status": "compliant", "current_status": "not-compliant"},
        False,
    ),
}


@pytest.mark.parametrize(("event", "payload", "ends"), DEFAULTS.values(), ids=DEFAULTS)
def test_which_by_default_ends_sessions_or_not_for(
    client: Client, ada: Person, sender: Sender, event: str, payload: dict[str, Any], *, ends: bool
) -> None:
    assert sender.send(event, **payload)[0] == 202

    assert is_in(client) is not ends
    assert stored(ada).is_active
    assert the_attempt().outcome == ("signed-out" if ends else "signal")


def test_that_an_administrator_changes(
    client: Client, owner: Client, page: str, sender: Sender
) -> None:
    choose(owner, page, device_compliance_change="end")

    device = f"{CAEP}device-compliance-change"
    sender.send(device, current_status="compliant", previous_status="not-compliant")
    assert is_in(client)
    sender.send(device, current_status="not-compliant", previous_status="compliant")
    assert not is_in(client)


def test_that_is_in_the_history(owner: Client, page: str, sender: Sender) -> None:
    choose(owner, page, session_revoked="deactivate")

    with tenancy.use(sender.provider.tenant_id):
        event = Event.objects.filter(kind=Event.Kind.CONNECTION_CHANGED).latest("pk")
    assert event.changes == {"session-revoked": {"from": "end", "to": "deactivate"}}


@pytest.mark.parametrize("policy", ["", "undo", "everything"])
def test_that_must_exist(
    client: Client, owner: Client, page: str, sender: Sender, policy: str
) -> None:
    answer = owner.post(
        f"{page}policies/",
        {line.name: line.default for line in POLICIES} | {"session-revoked": policy},
    )

    assert answer.status_code == 302
    assert "Nothing was saved." in text_of(owner.get(page))
    sender.send()
    assert not is_in(client)


class TestToDeactivate:
    def test_deactivates_with_the_provider_in_the_history(
        self, client: Client, owner: Client, page: str, ada: Person, sender: Sender
    ) -> None:
        choose(owner, page, account_disabled="deactivate")

        sender.send(DISABLED)

        assert stored(ada).state == Person.State.INACTIVE
        assert stored(ada).deactivated_by == "oidc:Corp"
        assert not is_in(client)

    def test_is_undone_by_an_enabled_account_if_the_company_wants_that(
        self, owner: Client, page: str, ada: Person, sender: Sender
    ) -> None:
        choose(owner, page, account_disabled="deactivate")
        sender.send(DISABLED)
        sender.send(ENABLED)
        assert not stored(ada).is_active

        choose(owner, page, account_disabled="deactivate", account_enabled="undo")
        sender.send(ENABLED)

        assert stored(ada).is_active

    def test_never_brings_back_whom_somebody_else_deactivated(
        self, owner: Client, page: str, ada: Person, olga: Person, sender: Sender
    ) -> None:
        choose(owner, page, account_disabled="deactivate", account_enabled="undo")
        sender.send(DISABLED)
        sender.send(ENABLED)
        with tenancy.use(ada.tenant):
            deactivate_person(stored(ada), actor=olga.actor)

        sender.send(ENABLED)

        assert not stored(ada).is_active
        assert "Nothing was changed." in the_attempt().detail

    def test_is_passed_over_when_a_later_signal_came_first(
        self, client: Client, owner: Client, page: str, ada: Person, sender: Sender
    ) -> None:
        choose(owner, page, account_disabled="deactivate", account_enabled="undo")
        earlier = int(time.time()) - 60
        sender.send(ENABLED)

        sender.send(DISABLED, event_timestamp=earlier)

        assert stored(ada).is_active
        # Their sessions from before had to end.
        assert not is_in(client)

    def test_spares_the_last_owner_whose_sessions_end(
        self, owner: Client, page: str, olga: Person, sender: Sender, openid: OpenIdProvider
    ) -> None:
        choose(owner, page, account_disabled="deactivate")
        openid.user = {**openid.user, "sub": "olga", "email": "olga@acme.example"}
        linking = signed_in(olga)
        linking.post(f"/sign-in/acme/{sender.provider.pk}/link/")
        sign_in(linking, sender.provider, openid)

        sender.about(sender.subject | {"sub": "olga"}, DISABLED)

        assert stored(olga).is_active
        assert not is_in(owner)
        assert "is the last active Owner" in the_attempt().detail

    def test_spares_who_is_above_the_rank_of_whoever_set_it_up(
        self, page: str, ada: Person, sender: Sender
    ) -> None:
        with tenancy.use(ada.tenant):
            it_admin = core.person(email="ida@acme.example", role=Person.Role.IT_ADMIN)
            Person.objects.filter(pk=ada.pk).update(role=Person.Role.OWNER)
        choose(signed_in(it_admin), page, account_disabled="deactivate")

        sender.send(DISABLED)

        assert stored(ada).is_active
        assert "only an Owner can change this account" in the_attempt().detail

    def test_counts_for_the_guard_against_mass_changes(
        self, owner: Client, page: str, ada: Person, sender: Sender, openid: OpenIdProvider
    ) -> None:
        choose(owner, page, account_disabled="deactivate")
        with tenancy.use(ada.tenant):
            alerts.set_alert_thresholds(
                ada.tenant, people=1, percent=1, minute_people=1, actor=ada.actor
            )
        for name in ("ben", "cleo"):
            openid.user = {**openid.user, "sub": name, "email": f"{name}@acme.example"}
            sign_in(Client(), sender.provider, openid)
            sender.about(sender.subject | {"sub": name}, DISABLED)

        with tenancy.use(ada.tenant):
            for event in Event.objects.filter(kind=Event.Kind.PERSON_DEACTIVATED):
                alerts.check_after_deactivation(event)
            change = BulkChange.objects.get()
            assert change.items.count() == 2
        assert change.actor == "oidc:Corp"


class TestToRequireAFreshSignIn:
    @pytest.fixture
    def ada(self, ada: Person) -> Person:
        ada.set_password(PASSWORD)
        ada.save()
        return ada

    def test_lets_no_password_in_until_the_provider_has_asked_for_credentials(
        self, ada: Person, sender: Sender, openid: OpenIdProvider
    ) -> None:
        assert is_in(self.with_password())
        sender.send(DISABLED)
        refused = self.with_password()
        assert not is_in(refused)
        line = the_attempt()
        assert (line.outcome, line.reason) == ("refused", "fresh-sign-in-needed")
        with tenancy.use(ada.tenant):
            # The log does not say that they signed in.
            assert SignInAttempt.objects.filter(request_id=line.request_id).count() == 1

        # The provider remembers an earlier sign-in.
        openid.claims = {"auth_time": int(time.time()) - 3600}
        browser = Client()
        answer = sign_in(browser, sender.provider, openid)
        assert answer.status_code == 403
        shown = text_of(answer)
        assert "Corp reported about your account: account disabled." in shown
        assert "Sign in with Corp" in shown
        assert not is_in(browser)
        assert the_attempt().reason == "fresh-sign-in-needed"

        address = begun(browser, sender.provider)
        assert "prompt=login" in address
        assert "max_age=0" in address
        openid.claims = {"auth_time": int(time.time()) + 1}
        back = openid.authorize(address)
        browser.get(back.removeprefix("http://127.0.0.1:8000"))
        assert is_in(browser)
        assert is_in(self.with_password())

    def test_is_not_met_by_another_provider(
        self, ada: Person, sender: Sender, openid: OpenIdProvider
    ) -> None:
        sender.send(DISABLED)
        with tenancy.use(ada.tenant):
            FreshSignIn.objects.update(provider=connected(ada.tenant, openid, name="Other"))

        browser = Client()
        sign_in(browser, sender.provider, openid)

        assert not is_in(browser)

    def test_ends_when_the_provider_is_not_offered_any_more(
        self, ada: Person, sender: Sender
    ) -> None:
        sender.send(DISABLED)
        with tenancy.use(ada.tenant):
            sender.provider.is_enabled = False
            sender.provider.save()

        assert is_in(self.with_password())

    def test_keeps_the_latest_signal(self, ada: Person, sender: Sender) -> None:
        sender.send(DISABLED)
        with tenancy.use(ada.tenant):
            since = FreshSignIn.objects.get().since
        sender.send(f"{RISC}account-disabled", event_timestamp=int(time.time()) - 600)

        with tenancy.use(ada.tenant):
            assert FreshSignIn.objects.get().since == since

    def test_can_be_lifted_by_an_administrator(
        self, owner: Client, page: str, ada: Person, sender: Sender
    ) -> None:
        sender.send(DISABLED)
        shown = text_of(owner.get(page))
        assert "must enter their credentials at Corp" in shown

        assert owner.post(f"{page}people/{ada.pk}/lift/").status_code == 302

        assert is_in(self.with_password())
        assert "no longer requires a fresh sign-in of Ada Lovelace through Corp" in text_of(
            owner.get("/audit-log/")
        )

    def with_password(self) -> Client:
        browser = Client()
        browser.post("/sign-in/", {"email": "ada@acme.example", "password": PASSWORD})
        return browser


def test_for_a_person_who_left_is_only_noted(ada: Person, olga: Person, sender: Sender) -> None:
    with tenancy.use(ada.tenant):
        deactivate_person(ada, actor=olga.actor)

    assert sender.send()[0] == 202
    assert not stored(ada).is_active


def test_forgets_old_signals(sender: Sender, pushed: TransmitterStream) -> None:
    sender.send()
    with time_machine.travel(timezone.now() + timedelta(days=61)):
        claims = sender.claims() | {"iat": int(time.time())}
        assert sender.push(claims)[0] == 202
    with tenancy.use(pushed.tenant_id):
        assert pushed.provider.signals.count() == 1

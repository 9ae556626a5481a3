"""Every way to deactivate a person ends every kind of access with the next request."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client, override_settings
from django.utils import timezone

from people import tenancy
from people.mail.confirmation_links import confirmation_link
from people.mail.invite_links import invite_link
from people.mail.reset_links import reset_link
from people.models import Mail, Person, ScheduledTermination, Tenant
from people.operations import guests, passwords
from people.operations.offboarding.job import terminate_if_due
from people.operations.people import activate_person
from people.values import Actor
from provisioning.models import IdentityProvider
from tests.clients.pages import signed_in
from tests.clients.scim import USER, Provider, someone
from tests.clients.spend import Api
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.services.fake_openid import OpenIdProvider
from tests.support import offboarding
from tests.support.openid_flow import connected
from tests.support.passkeys import ORIGIN, USE, Authenticator, add_passkey, options_on
from tests.support.second_factors import set_up

pytestmark = pytest.mark.django_db

PASSWORD = "a horse that is correct"
NEW_ADDRESS = "ada.new@example.com"
JOB = Actor("job", "auto-termination")


@pytest.fixture
def company(db: None) -> Iterator[Tenant]:
    cache.clear()
    company = core.tenant(slug="acme")
    with tenancy.use(company):
        core.owner(email="owner@example.com")
        yield company


@pytest.fixture(scope="module")
def openid() -> Iterator[OpenIdProvider]:
    service = OpenIdProvider(
        user={"sub": "ada", "email": "ada@example.com", "upn": "ada@example.com"}
    )
    yield service
    service.stop()


@dataclass
class Scenario:
    """A person from Okta, or an internal user, and an owner who stays."""

    openid: OpenIdProvider
    has_joined: bool = True
    is_internal: bool = False
    okta: Provider = field(default_factory=lambda: Provider(scim_connection("okta")))

    def __post_init__(self) -> None:
        self.scim_id = "" if self.is_internal else self.okta.add("ada")
        if self.is_internal:
            core.person(email="ada@example.com")
        self.owner = Person.objects.active_owners().get()
        self.api = Api(self.owner)
        self.person = self.stored
        if self.has_joined:
            activate_person(self.person, actor=self.person.actor)
            self.person.set_password(PASSWORD)
            self.person.save()

    @property
    def stored(self) -> Person:
        person: Person = Person.objects.get(email="ada@example.com")
        return person

    def sign_in(self) -> Client | None:
        client = Client()
        values = {"email": "ada@example.com", "password": PASSWORD}
        return client if client.post("/sign-in/", values).status_code == 302 else None

    def sign_in_through(self, provider: IdentityProvider) -> Client:
        """Sign in at the provider, and return to Ramp with its response."""
        client = Client()
        begun = client.get(f"/sign-in/acme/{provider.pk}/")
        if begun.status_code == 302:
            client.get(_path(self.openid.authorize(begun["Location"])))
        return client


# Kinds of access: each function gains access, and returns a check whether the access still works.
IsIn = Callable[[], bool]


def with_a_session(scenario: Scenario) -> IsIn:
    client = scenario.sign_in()
    assert client
    get = client.get
    return lambda: bool(get("/home/").status_code == 200)


def in_another_tab(scenario: Scenario) -> IsIn:
    scenario.sign_in()
    other = Client()
    other.force_login(scenario.stored)
    return lambda: other.get("/home/").status_code == 200


def with_a_password(scenario: Scenario) -> IsIn:
    return lambda: scenario.sign_in() is not None


def after_password_before_second_factor(scenario: Scenario) -> IsIn:
    first = scenario.sign_in()
    assert first
    _, codes = set_up(first)
    waiting = [scenario.sign_in() for _ in codes]

    def is_in() -> bool:
        client = waiting.pop()
        assert client
        client.post("/second-factor/", {"code": codes.pop()})
        return bool(client.get("/home/").status_code == 200)

    return is_in


def after_password_before_passkey(scenario: Scenario) -> IsIn:
    first = scenario.sign_in()
    assert first
    set_up(first)
    phone = Authenticator()
    waiting = [scenario.sign_in(), scenario.sign_in()]
    with override_settings(PUBLIC_BASE_URL=ORIGIN):
        add_passkey(first, phone)
        pages = [client.get("/second-factor/") for client in waiting if client]

    def is_in() -> bool:
        client = waiting.pop(0)
        assert client
        with override_settings(PUBLIC_BASE_URL=ORIGIN):
            client.post(USE, {"credential": phone.use(options_on(pages.pop(0)))})
        return bool(client.get("/home/").status_code == 200)

    return is_in


def with_an_invite(scenario: Scenario) -> IsIn:
    path = _path(invite_link(scenario.person.invites.get()))

    def is_in() -> bool:
        visible = Client().get(path).status_code == 200
        if not visible:
            client = Client()
            client.post(path, {"password": PASSWORD, "again": PASSWORD})
            assert client.get("/home/").status_code == 302
            assert scenario.stored.joined_at is None
        return visible

    return is_in


def with_an_address_to_confirm(scenario: Scenario) -> IsIn:
    scenario.person.pending_email = NEW_ADDRESS
    scenario.person.save()
    now = timezone.now()
    asking = Mail.objects.create(
        tenant_id=scenario.person.tenant_id,
        kind=Mail.Kind.CONFIRM_ADDRESS,
        person=scenario.person,
        to=NEW_ADDRESS,
        created_at=now,
        due_at=now,
    )
    path = _path(confirmation_link(asking))

    def is_in() -> bool:
        visible = Client().get(path).status_code == 200
        if not visible:
            Client().post(path)
            assert scenario.stored.email == "ada@example.com"
        return visible

    return is_in


def through_a_provider(scenario: Scenario) -> IsIn:
    """Sign in through a provider, in a new browser each time."""
    provider = _paired(scenario)
    return lambda: scenario.sign_in_through(provider).get("/home/").status_code == 200


def with_a_session_from_a_provider(scenario: Scenario) -> IsIn:
    client = scenario.sign_in_through(_paired(scenario))
    return lambda: client.get("/home/").status_code == 200


def with_an_invite_through_a_provider(scenario: Scenario) -> IsIn:
    """Sign in through a provider from the open page of the invite."""
    provider = _paired(scenario)
    path = _path(invite_link(scenario.person.invites.get()))
    client = Client()
    client.post(path, {"provider": str(provider.pk)})

    def is_in() -> bool:
        visible = Client().get(path).status_code == 200
        if not visible:
            begun = client.get(f"/sign-in/acme/{provider.pk}/")
            if begun.status_code == 302:
                client.get(_path(scenario.openid.authorize(begun["Location"])))
            assert client.get("/home/").status_code == 302
        return visible

    return is_in


def _paired(scenario: Scenario) -> IdentityProvider:
    tenant = Tenant.objects.get(pk=scenario.person.tenant_id)
    pairing = {"claim": "upn", "equals": "userName"}
    return connected(tenant, scenario.openid, paired_with_scim=pairing)


def with_a_reset_link(scenario: Scenario) -> IsIn:
    path = _path(reset_link(passwords.mail_reset(scenario.person)))

    def is_in() -> bool:
        visible = Client().get(path).status_code == 200
        if not visible:
            new = "chosen by a link from before"
            Client().post(path, {"password": new, "again": new})
            assert not scenario.stored.check_password(new)
        return visible

    return is_in


def with_an_api_token(scenario: Scenario) -> IsIn:
    Person.objects.filter(pk=scenario.person.pk).update(role=Person.Role.IT_ADMIN)
    api = Api(scenario.stored)
    return lambda: api.get("people").status_code == 200


def with_a_card(scenario: Scenario) -> IsIn:
    card = offboarding.card(scenario.person)
    return lambda: _is_approved(scenario, card=card.pk)


def with_a_fund(scenario: Scenario) -> IsIn:
    fund = offboarding.fund(scenario.person)
    return lambda: _is_approved(scenario, fund=fund.pk)


def _is_approved(scenario: Scenario, **what: Any) -> bool:
    answer = scenario.api.authorize(**what)
    return answer.status_code == 201 and bool(answer.json()["approved"])


def _path(link: str) -> str:
    return link.removeprefix(django_settings.PUBLIC_BASE_URL)


# Ways to end access.


def patched_by_path(scenario: Scenario) -> None:
    assert scenario.okta.replace(scenario.scim_id, "active", value=False).status == 200


def patched_by_urn(scenario: Scenario) -> None:
    assert scenario.okta.replace(scenario.scim_id, f"{USER}:active", value=False).status == 200


def patched_without_path(scenario: Scenario) -> None:
    answer = scenario.okta.patch(scenario.scim_id, {"op": "replace", "value": {"active": False}})
    assert answer.status == 200


def patched_with_a_text(scenario: Scenario) -> None:
    assert scenario.okta.replace(scenario.scim_id, "active", "False").status == 200


def replaced(scenario: Scenario) -> None:
    document = someone("ada", active=False)
    assert scenario.okta("PUT", f"/Users/{scenario.scim_id}", document).status == 200


def deleted(scenario: Scenario) -> None:
    assert scenario.okta("DELETE", f"/Users/{scenario.scim_id}").status == 204


def patched_in_bulk(scenario: Scenario) -> None:
    data = {"Operations": [{"op": "replace", "value": {"active": False}}]}
    patch = {"method": "PATCH", "path": f"/Users/{scenario.scim_id}", "data": data}
    schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]
    assert scenario.okta("POST", "/Bulk", {"schemas": schemas, "Operations": [patch]}).status == 200


def by_hand(scenario: Scenario) -> None:
    signed_in(scenario.owner).post(f"/people/{scenario.person.pk}/deactivate/", {"reason": "Left"})


def from_the_list_of_people(scenario: Scenario) -> None:
    values = {"action": "deactivate_selected", "_selected_action": [str(scenario.person.pk)]}
    signed_in(scenario.owner).post("/people/", values | {"confirmed": "yes"})


def by_the_api(scenario: Scenario) -> None:
    assert scenario.api.post(f"people/{scenario.person.pk}/deactivate").status_code == 200


def terminated(scenario: Scenario) -> None:
    values = {"seen": "", "confirmed": "yes", "name": "Ada Lovelace"}
    for card in scenario.person.cards.all():
        values |= {"seen": f"card-{card.pk}", f"card-{card.pk}": "end"}
    for fund in scenario.person.funds.all():
        values |= {"seen": f"fund-{fund.pk}", f"fund-{fund.pk}": "end"}
    signed_in(scenario.owner).post(f"/people/{scenario.person.pk}/terminate/", values)
    assert scenario.stored.state == Person.State.TERMINATED


def terminated_by_the_job(scenario: Scenario) -> None:
    """Terminate a person whose deactivation changed only the state."""
    Tenant.objects.update(auto_terminate_days=45)
    now = timezone.now()
    Person.objects.filter(pk=scenario.person.pk).update(
        state=Person.State.INACTIVE,
        role=Person.Role.CARDHOLDER,
        deactivated_at=now - timedelta(days=45),
        deactivated_by="scim:okta",
    )
    scheduled_termination = ScheduledTermination.objects.create(
        tenant_id=scenario.person.tenant_id, person=scenario.person, due_at=now
    )
    assert terminate_if_due(scheduled_termination.pk, as_of=timezone.now(), actor=JOB)


def deactivated_at_the_end_date_of_a_guest(scenario: Scenario) -> None:
    now = timezone.now()
    people = Person.objects.filter(pk=scenario.person.pk)
    people.update(role=Person.Role.GUEST, deactivates_at=now)
    assert guests.deactivate_due(as_of=now) == 1


def with_the_suspension_of_the_tenant(scenario: Scenario) -> None:
    Tenant.objects.update(is_active=False)


WAYS_OF_ACCESS = [
    through_a_provider,
    with_a_session_from_a_provider,
    with_an_invite_through_a_provider,
    with_a_session,
    in_another_tab,
    with_a_password,
    after_password_before_second_factor,
    after_password_before_passkey,
    with_an_invite,
    with_an_address_to_confirm,
    with_an_api_token,
    with_a_card,
    with_a_fund,
]
WAYS_TO_END_ACCESS = [
    patched_by_path,
    patched_by_urn,
    patched_without_path,
    patched_with_a_text,
    patched_in_bulk,
    replaced,
    deleted,
    by_hand,
    from_the_list_of_people,
    by_the_api,
    terminated,
    terminated_by_the_job,
    deactivated_at_the_end_date_of_a_guest,
    with_the_suspension_of_the_tenant,
]


# Ways to end the access of a person without a connection.
WAYS_WITHOUT_A_PROVIDER = [
    by_hand,
    from_the_list_of_people,
    by_the_api,
    terminated,
    terminated_by_the_job,
    deactivated_at_the_end_date_of_a_guest,
    with_the_suspension_of_the_tenant,
]


@pytest.mark.parametrize("end_access", WAYS_TO_END_ACCESS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("gain_access", WAYS_OF_ACCESS, ids=lambda way: way.__name__)
def test_access_ends(
    company: Tenant,
    openid: OpenIdProvider,
    gain_access: Callable[[Scenario], IsIn],
    end_access: Callable[[Scenario], None],
) -> None:
    has_joined = gain_access not in (with_an_invite, with_an_invite_through_a_provider)
    scenario = Scenario(openid, has_joined=has_joined)
    is_in = gain_access(scenario)
    assert is_in()

    end_access(scenario)

    assert not is_in()


@pytest.mark.parametrize("end_access", WAYS_WITHOUT_A_PROVIDER, ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    "gain_access",
    [with_a_session, with_a_password, with_a_reset_link],
    ids=lambda way: way.__name__,
)
def test_access_of_an_internal_user_ends(
    company: Tenant,
    openid: OpenIdProvider,
    gain_access: Callable[[Scenario], IsIn],
    end_access: Callable[[Scenario], None],
) -> None:
    scenario = Scenario(openid, is_internal=True)
    is_in = gain_access(scenario)
    assert is_in()

    end_access(scenario)

    assert not is_in()

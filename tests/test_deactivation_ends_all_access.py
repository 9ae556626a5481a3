"""Whichever way somebody was in, and whichever way they are put out: nobody survives.

By the first request after the answer that put them out, that is.
"""

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
class Cast:
    """Somebody whom Okta brought in, or an administrator, and an owner who stays."""

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
        said = {"email": "ada@example.com", "password": PASSWORD}
        return client if client.post("/sign-in/", said).status_code == 302 else None

    def come_through(self, provider: IdentityProvider) -> Client:
        """Sign in there and come back with what it says."""
        client = Client()
        begun = client.get(f"/sign-in/acme/{provider.pk}/")
        if begun.status_code == 302:
            client.get(_path(self.openid.authorize(begun["Location"])))
        return client


# Ways to be in: each gets in, and returns how to try whether it is in still.
IsIn = Callable[[], bool]


def with_a_session(cast: Cast) -> IsIn:
    client = cast.sign_in()
    assert client
    get = client.get
    return lambda: bool(get("/home/").status_code == 200)


def in_another_tab(cast: Cast) -> IsIn:
    cast.sign_in()
    other = Client()
    other.force_login(cast.stored)
    return lambda: other.get("/home/").status_code == 200


def with_a_password(cast: Cast) -> IsIn:
    return lambda: cast.sign_in() is not None


def between_password_and_second_factor(cast: Cast) -> IsIn:
    first = cast.sign_in()
    assert first
    _, codes = set_up(first)
    waiting = [cast.sign_in() for _ in codes]

    def is_in() -> bool:
        client = waiting.pop()
        assert client
        client.post("/second-factor/", {"code": codes.pop()})
        return bool(client.get("/home/").status_code == 200)

    return is_in


def between_password_and_passkey(cast: Cast) -> IsIn:
    first = cast.sign_in()
    assert first
    set_up(first)
    phone = Authenticator()
    waiting = [cast.sign_in(), cast.sign_in()]
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


def with_an_invite(cast: Cast) -> IsIn:
    path = _path(invite_link(cast.person.invites.get()))

    def is_in() -> bool:
        visible = Client().get(path).status_code == 200
        if not visible:
            client = Client()
            client.post(path, {"password": PASSWORD, "again": PASSWORD})
            assert client.get("/home/").status_code == 302
            assert cast.stored.joined_at is None
        return visible

    return is_in


def with_an_address_to_confirm(cast: Cast) -> IsIn:
    cast.person.pending_email = NEW_ADDRESS
    cast.person.save()
    now = timezone.now()
    asking = Mail.objects.create(
        tenant_id=cast.person.tenant_id,
        kind=Mail.Kind.CONFIRM_ADDRESS,
        person=cast.person,
        to=NEW_ADDRESS,
        created_at=now,
        due_at=now,
    )
    path = _path(confirmation_link(asking))

    def is_in() -> bool:
        visible = Client().get(path).status_code == 200
        if not visible:
            Client().post(path)
            assert cast.stored.email == "ada@example.com"
        return visible

    return is_in


def through_a_provider(cast: Cast) -> IsIn:
    """As whoever has an account there, in a new browser each time."""
    provider = _paired(cast)
    return lambda: cast.come_through(provider).get("/home/").status_code == 200


def with_a_session_from_a_provider(cast: Cast) -> IsIn:
    client = cast.come_through(_paired(cast))
    return lambda: client.get("/home/").status_code == 200


def with_an_invite_through_a_provider(cast: Cast) -> IsIn:
    """With the invite's page open, where a click begins to sign in."""
    provider = _paired(cast)
    path = _path(invite_link(cast.person.invites.get()))
    client = Client()
    client.post(path, {"provider": str(provider.pk)})

    def is_in() -> bool:
        visible = Client().get(path).status_code == 200
        if not visible:
            begun = client.get(f"/sign-in/acme/{provider.pk}/")
            if begun.status_code == 302:
                client.get(_path(cast.openid.authorize(begun["Location"])))
            assert client.get("/home/").status_code == 302
        return visible

    return is_in


def _paired(cast: Cast) -> IdentityProvider:
    tenant = Tenant.objects.get(pk=cast.person.tenant_id)
    pairing = {"claim": "upn", "equals": "userName"}
    return connected(tenant, cast.openid, paired_with_scim=pairing)


def with_a_link_to_a_new_password(cast: Cast) -> IsIn:
    path = _path(reset_link(passwords.mail_reset(cast.person)))

    def is_in() -> bool:
        visible = Client().get(path).status_code == 200
        if not visible:
            new = "chosen by a link from before"
            Client().post(path, {"password": new, "again": new})
            assert not cast.stored.check_password(new)
        return visible

    return is_in


def with_an_api_token(cast: Cast) -> IsIn:
    Person.objects.filter(pk=cast.person.pk).update(role=Person.Role.IT_ADMIN)
    api = Api(cast.stored)
    return lambda: api.get("people").status_code == 200


def with_a_card(cast: Cast) -> IsIn:
    card = offboarding.card(cast.person)
    return lambda: _is_approved(cast, card=card.pk)


def with_a_fund(cast: Cast) -> IsIn:
    fund = offboarding.fund(cast.person)
    return lambda: _is_approved(cast, fund=fund.pk)


def _is_approved(cast: Cast, **what: Any) -> bool:
    answer = cast.api.authorize(**what)
    return answer.status_code == 201 and bool(answer.json()["approved"])


def _path(link: str) -> str:
    return link.removeprefix(django_settings.PUBLIC_BASE_URL)


# Ways to be put out.


def patched_by_path(cast: Cast) -> None:
    assert cast.okta.replace(cast.scim_id, "active", value=False).status == 200


def patched_by_urn(cast: Cast) -> None:
    assert cast.okta.replace(cast.scim_id, f"{USER}:active", value=False).status == 200


def patched_without_path(cast: Cast) -> None:
    answer = cast.okta.patch(cast.scim_id, {"op": "replace", "value": {"active": False}})
    assert answer.status == 200


def patched_with_a_text(cast: Cast) -> None:
    assert cast.okta.replace(cast.scim_id, "active", "False").status == 200


def replaced(cast: Cast) -> None:
    said = someone("ada", active=False)
    assert cast.okta("PUT", f"/Users/{cast.scim_id}", said).status == 200


def deleted(cast: Cast) -> None:
    assert cast.okta("DELETE", f"/Users/{cast.scim_id}").status == 204


def patched_in_bulk(cast: Cast) -> None:
    data = {"Operations": [{"op": "replace", "value": {"active": False}}]}
    patch = {"method": "PATCH", "path": f"/Users/{cast.scim_id}", "data": data}
    schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]
    assert cast.okta("POST", "/Bulk", {"schemas": schemas, "Operations": [patch]}).status == 200


def by_hand(cast: Cast) -> None:
    signed_in(cast.owner).post(f"/people/{cast.person.pk}/deactivate/", {"reason": "Left"})


def in_the_list(cast: Cast) -> None:
    said = {"action": "deactivate_selected", "_selected_action": [str(cast.person.pk)]}
    signed_in(cast.owner).post("/people/", said | {"confirmed": "yes"})


def by_the_api(cast: Cast) -> None:
    assert cast.api.post(f"people/{cast.person.pk}/deactivate").status_code == 200


def terminated(cast: Cast) -> None:
    said = {"seen": "", "confirmed": "yes", "name": "Ada Lovelace"}
    for card in cast.person.cards.all():
        said |= {"seen": f"card-{card.pk}", f"card-{card.pk}": "end"}
    for fund in cast.person.funds.all():
        said |= {"seen": f"fund-{fund.pk}", f"fund-{fund.pk}": "end"}
    signed_in(cast.owner).post(f"/people/{cast.person.pk}/terminate/", said)
    assert cast.stored.state == Person.State.TERMINATED


def terminated_by_the_job(cast: Cast) -> None:
    """As if the deactivation had forgotten everything but the state."""
    Tenant.objects.update(auto_terminate_days=45)
    now = timezone.now()
    Person.objects.filter(pk=cast.person.pk).update(
        state=Person.State.INACTIVE,
        role=Person.Role.CARDHOLDER,
        deactivated_at=now - timedelta(days=45),
        deactivated_by="scim:okta",
    )
    scheduled_termination = ScheduledTermination.objects.create(
        tenant_id=cast.person.tenant_id, person=cast.person, due_at=now
    )
    assert terminate_if_due(scheduled_termination.pk, as_of=timezone.now(), actor=JOB)


def when_their_time_as_a_guest_was_over(cast: Cast) -> None:
    now = timezone.now()
    people = Person.objects.filter(pk=cast.person.pk)
    people.update(role=Person.Role.GUEST, deactivates_at=now)
    assert guests.deactivate_due(as_of=now) == 1


def with_their_company(cast: Cast) -> None:
    Tenant.objects.update(is_active=False)


INS = [
    through_a_provider,
    with_a_session_from_a_provider,
    with_an_invite_through_a_provider,
    with_a_session,
    in_another_tab,
    with_a_password,
    between_password_and_second_factor,
    between_password_and_passkey,
    with_an_invite,
    with_an_address_to_confirm,
    with_an_api_token,
    with_a_card,
    with_a_fund,
]
OUTS = [
    patched_by_path,
    patched_by_urn,
    patched_without_path,
    patched_with_a_text,
    patched_in_bulk,
    replaced,
    deleted,
    by_hand,
    in_the_list,
    by_the_api,
    terminated,
    terminated_by_the_job,
    when_their_time_as_a_guest_was_over,
    with_their_company,
]


# Ways to put out somebody whom no provider owns.
BY_HAND = [
    by_hand,
    in_the_list,
    by_the_api,
    terminated,
    terminated_by_the_job,
    when_their_time_as_a_guest_was_over,
    with_their_company,
]


@pytest.mark.parametrize("put_out", OUTS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("get_in", INS, ids=lambda way: way.__name__)
def test_nobody_survives(
    company: Tenant,
    openid: OpenIdProvider,
    get_in: Callable[[Cast], IsIn],
    put_out: Callable[[Cast], None],
) -> None:
    has_joined = get_in not in (with_an_invite, with_an_invite_through_a_provider)
    cast = Cast(openid, has_joined=has_joined)
    is_in = get_in(cast)
    assert is_in()

    put_out(cast)

    assert not is_in()


@pytest.mark.parametrize("put_out", BY_HAND, ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    "get_in",
    [with_a_session, with_a_password, with_a_link_to_a_new_password],
    ids=lambda way: way.__name__,
)
def test_nobody_survives_whose_password_is_kept_here(
    company: Tenant,
    openid: OpenIdProvider,
    get_in: Callable[[Cast], IsIn],
    put_out: Callable[[Cast], None],
) -> None:
    cast = Cast(openid, is_internal=True)
    is_in = get_in(cast)
    assert is_in()

    put_out(cast)

    assert not is_in()

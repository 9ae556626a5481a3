"""The setup link for a colleague in IT without an account."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.mail import sending
from people.mail.setup_links import setup_link
from people.models import Event, Mail, Person
from scim.connections import setup_link_limits, setup_links
from scim.connections.presets import PRESETS
from scim.models import Connection, SetupLink, Token
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import someone
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.services.postgres_redis_smtp import Smtp
from tests.support.concurrency import Racers
from tests.support.scim_setup import Holder, Wizard, shown_token
from tests.support.setup_steps import plain, words_on

pytestmark = pytest.mark.django_db

NAME = {"name": "Ivo of IT"}


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def link(wizard: Wizard) -> str:
    """Start the setup with the link, and return the link."""
    wizard.post("link", after=0)
    return link_on(wizard.get("token"))


def link_on(page: str) -> str:
    found = re.search(r'value="http://127.0.0.1:8000(/setup/[^"]+)"', page)
    assert found
    return found[1]


def visit(link: str) -> str:
    response = Client().get(link)
    assert response.status_code == 200, response
    return text_of(response)


def events(what: str) -> list[Event]:
    return list(Event.objects.filter(facts__what=what))


class TestCreating:
    def test_link_can_be_created_first_and_starts_the_setup_without_a_token(
        self, wizard: Wizard
    ) -> None:
        overview = text_of(wizard.client.get("/integrations/okta/"))
        assert 'formaction="/integrations/okta/setup/link/"' in overview

        response = wizard.post("link", after=0)

        assert response["Location"] == wizard.address("token")
        assert Connection.objects.get().activated_at is None
        assert not Token.objects.exists()
        assert "There is no token yet." in wizard.get("token")

    def test_defaults_are_required_if_the_provider_needs_them(self, owner: Person) -> None:
        rippling = Wizard(owner, "rippling")

        assert "This field is required." in text_of(rippling.post("link", after=0))
        rippling.post("link", after=0, department="General", location="Berlin")

        assert Connection.objects.get().default_department == "General"

    def test_link_can_be_added_to_a_started_setup(self, wizard: Wizard) -> None:
        wizard.make_token()

        wizard.post("link", after=0)

        assert link_on(wizard.get("token")) == link_on(wizard.get("steps"))
        assert Token.objects.filter(revoked_at=None).count() == 1

    def test_second_creation_returns_the_same_link(self, wizard: Wizard, link: str) -> None:
        wizard.post("link", after=0)

        assert link_on(wizard.get("token")) == link

    def test_connected_provider_gets_no_link(self, wizard: Wizard) -> None:
        scim_connection("okta")

        page = wizard.client.post(wizard.address("link"), {"after": 0}, follow=True)

        assert "Okta is already connected." in text_of(page)
        assert not SetupLink.objects.exists()

    def test_creation_is_audited(self, wizard: Wizard, owner: Person, link: str) -> None:
        [event] = events("setup link added")

        assert event.actor == str(owner.actor)
        assert "created a link for IT to set up Okta" in text_of(wizard.client.get("/audit-log/"))

    @pytest.mark.parametrize("step", ["link", "link/mail", "link/revoke"])
    def test_only_administrators_can_create_mail_or_revoke(
        self, wizard: Wizard, link: str, step: str
    ) -> None:
        employee = signed_in(core.person(email="eve@acme.example"))

        for client in (employee, Client()):
            assert client.post(wizard.address(step)).status_code in (302, 403)
        assert wizard.client.get(wizard.address(step)).status_code == 405
        assert SetupLink.objects.get().revoked_at is None
        assert not Mail.objects.exists()


class TestPage:
    @pytest.mark.parametrize("provider", PRESETS)
    def test_shows_all_steps_and_values_of_the_guide(self, owner: Person, provider: str) -> None:
        wizard, guide = Wizard(owner, provider), PRESETS[provider].guide
        wizard.post("link", after=0, department="General", location="Berlin")

        words = words_on(Client().get(link_on(wizard.get("token"))))

        assert " ".join(guide.template.split()) in words
        for step in guide.steps:
            assert plain(step) in words
        for row in guide.mappings:
            for text in (row.theirs, row.ours, row.namespace):
                assert text in words

    def test_shows_each_attribute_with_a_copy_button(self, link: str) -> None:
        page = visit(link)

        for row in PRESETS["okta"].guide.mappings:
            for text in (row.theirs, row.ours, row.namespace):
                shown = text.replace("'", "&#x27;")
                assert f'<span data-copy class="ramp-copy-one"><code>{shown}</code></span>' in page

    def test_shows_no_people_and_no_token(self, wizard: Wizard, owner: Person, link: str) -> None:
        token = wizard.make_token()
        connection = Connection.objects.get()
        okta = Holder(connection, token)
        okta("POST", "/Users", someone("ada"))

        page = visit(link)

        for secret in (token, token[-4:], owner.email, owner.family_name, "ada", "Lovelace"):
            assert secret not in page.replace(link, "")

    def test_shows_when_the_first_request_arrives(self, link: str) -> None:
        token = shown_token(Client().post(link, NAME))
        assert "Waiting for the first request" in visit(link)
        assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in visit(link)
        assert 'data-refresh="3"' in visit(link)

        okta = Holder(Connection.objects.get(), token)
        okta("POST", "/Users", someone("ada"))

        page = visit(link)
        assert "The first request has arrived" in page
        assert "http-equiv" not in page

    def test_invented_link_is_not_found(self, wizard: Wizard, link: str) -> None:
        assert Client().get(f"{link[:-2]}x/").status_code == 404
        assert Client().get("/setup/nonsense/").status_code == 404
        assert Client().put(link).status_code == 405

    def test_works_for_a_browser_signed_in_to_another_company(self, link: str) -> None:
        with core.in_another_tenant():
            stranger = signed_in(core.person())

        assert stranger.get(link).status_code == 200
        assert 'id="token"' in text_of(stranger.post(link, NAME))
        assert SetupLink.objects.get().token_created_by == "Ivo of IT"

    def test_is_neither_cached_nor_sent_as_referrer(self, link: str) -> None:
        assert Client().get(link)["Referrer-Policy"] == "same-origin"
        assert "no-store" in Client().get(link)["Cache-Control"]


class TestToken:
    def test_token_works_and_is_shown_once(self, wizard: Wizard, link: str) -> None:
        response = Client().post(link, NAME)

        token = shown_token(response)
        assert "no-store" in response["Cache-Control"]
        assert Holder(Connection.objects.get(), token)("GET", "/Users").status == 200
        assert token not in visit(link)
        assert "Ivo of IT" not in visit(link)
        assert token not in str([*Event.objects.values(), *SetupLink.objects.values()])
        assert "“<bdi>Ivo of IT</bdi>” created the token" in wizard.get("token")

    def test_token_is_created_once(self, link: str) -> None:
        Client().post(link, NAME)

        again = text_of(Client().post(link, {"name": "Again"}))

        assert "has already been created" in again
        assert 'id="token"' not in again
        assert Token.objects.count() == 1

    def test_revoked_token_is_not_replaced(self, wizard: Wizard, link: str) -> None:
        Client().post(link, NAME)
        Token.objects.update(revoked_at=timezone.now())

        assert "has already been created" in text_of(Client().post(link, NAME))
        assert "The token of this link was revoked." in visit(link)

    def test_token_of_an_administrator_is_not_replaced(self, wizard: Wizard, link: str) -> None:
        token = wizard.make_token()

        assert "has already been created" in text_of(Client().post(link, NAME))

        assert Holder(Connection.objects.get(), token)("GET", "/Users").status == 200

    @pytest.mark.parametrize("name", ["", "  ", "x" * 101])
    def test_name_is_required(self, link: str, name: str) -> None:
        assert 'id="token"' not in text_of(Client().post(link, {"name": name}))
        assert not Token.objects.exists()

    def test_creation_is_audited_with_name_and_ip_address(
        self, wizard: Wizard, owner: Person, link: str
    ) -> None:
        Client().post(link, {"name": "Ivo <b>of</b> IT"}, REMOTE_ADDR="192.0.2.7")

        [event] = events("token added")
        assert event.actor == "setup-link:Ivo <b>of</b> IT"
        assert event.facts["address"] == "192.0.2.7"
        assert event.facts["shared_by"] == owner.email
        wizard.activate()
        connection = Connection.objects.get()
        settings = text_of(wizard.client.get(f"/integrations/scim/{connection.pk}/"))
        assert "Ivo &lt;b&gt;of&lt;/b&gt; IT”, by the setup link" in settings

    def test_csrf_token_is_required(self, link: str) -> None:
        strict = Client(enforce_csrf_checks=True)

        assert strict.post(link, NAME).status_code == 403
        form = re.search(r'csrfmiddlewaretoken" value="(\w+)"', text_of(strict.get(link)))
        assert form
        posted = strict.post(link, NAME | {"csrfmiddlewaretoken": form[1]})
        assert shown_token(posted)


class TestEnd:
    def has_ended(self, link: str) -> bool:
        response = Client().post(link, NAME)
        assert not Token.objects.filter(revoked_at=None).exists()
        assert "This link does not work anymore" in text_of(response)
        return Client().get(link).status_code == response.status_code == 410

    def test_link_ends_when_revoked(self, wizard: Wizard, owner: Person, link: str) -> None:
        wizard.post("link/revoke")

        assert self.has_ended(link)
        assert [event.actor for event in events("setup link revoked")] == [str(owner.actor)]

    def test_new_link_after_revocation_has_another_address(self, wizard: Wizard, link: str) -> None:
        wizard.post("link/revoke")
        wizard.post("link", after=0)

        new = link_on(wizard.get("token"))
        assert new != link
        assert visit(new)
        assert Client().get(link).status_code == 410

    def test_link_expires_after_a_week(self, wizard: Wizard, owner: Person, link: str) -> None:
        with time_machine.travel(timezone.now() + timedelta(days=7, seconds=1), tick=False):
            assert self.has_ended(link)
            wizard.client = signed_in(owner)
            wizard.post("link", after=0)
            assert visit(link_on(wizard.get("token")))

    def test_link_ends_with_activation(self, wizard: Wizard, link: str) -> None:
        wizard.post("activate")

        assert self.has_ended(link)

    def test_link_ends_when_setup_is_canceled(self, wizard: Wizard, link: str) -> None:
        wizard.post("abandon")

        assert self.has_ended(link)

    def test_link_does_not_work_while_company_is_suspended(self, owner: Person, link: str) -> None:
        owner.tenant.is_active = False
        owner.tenant.save(update_fields=["is_active"])

        assert self.has_ended(link)

    def test_link_is_rate_limited_per_ip_address(self, link: str) -> None:
        with time_machine.travel(timezone.now(), tick=False):
            for _ in range(setup_link_limits.VISITS_PER_MINUTE):
                setup_link_limits.allow_visit("127.0.0.1")

            response = Client().get(link)

            assert response.status_code == 429
            assert Client().post(link, NAME).status_code == 429
            assert Client().get(link, REMOTE_ADDR="192.0.2.7").status_code == 200


class TestMail:
    def test_link_is_mailed_to_a_colleague(
        self, wizard: Wizard, owner: Person, link: str, smtp: Smtp
    ) -> None:
        page = wizard.client.post(
            wizard.address("link/mail"), {"to": "it@acme.example"}, follow=True
        )
        assert "The link was sent to it@acme.example." in text_of(page)

        sending.send_due(as_of=timezone.now())

        [message] = smtp.to("it@acme.example")
        parts = [part for part in message.walk() if not part.is_multipart()]
        text, html = (part.get_content() for part in parts)
        assert message["To"] == "it@acme.example"
        assert owner.email in message["Reply-To"]
        assert message["Subject"].startswith("Connect Okta to Ramp for ")
        assert f"http://127.0.0.1:8000{link}" in text
        assert f'href="http://127.0.0.1:8000{link}"' in html
        [event] = events("setup link mailed")
        assert event.facts["to"] == "it@acme.example"

    @pytest.mark.parametrize("to", ["", "nonsense", "a@acme.example, b@acme.example"])
    def test_exactly_one_valid_address_is_accepted(
        self, wizard: Wizard, link: str, to: str
    ) -> None:
        wizard.client.post(wizard.address("link/mail"), {"to": to})

        assert not Mail.objects.exists()

    def test_revoked_link_is_not_mailed(self, wizard: Wizard, link: str, smtp: Smtp) -> None:
        wizard.post("link/mail", to="it@acme.example")
        wizard.post("link/revoke")

        page = wizard.client.post(
            wizard.address("link/mail"), {"to": "it@acme.example"}, follow=True
        )
        sending.send_due(as_of=timezone.now())

        assert "There is no link that works." in text_of(page)
        assert not smtp.received
        assert Mail.objects.get().problem == "The link was revoked."

    def test_expired_link_is_not_mailed(self, wizard: Wizard, link: str, smtp: Smtp) -> None:
        wizard.post("link/mail", to="it@acme.example")

        with time_machine.travel(timezone.now() + timedelta(days=8)):
            sending.send_due(as_of=timezone.now())

        assert not smtp.received

    def test_number_of_mails_per_hour_is_limited(self, wizard: Wizard, link: str) -> None:
        with time_machine.travel(timezone.now(), tick=False):
            for _ in range(setup_link_limits.MAILS_PER_HOUR):
                wizard.post("link/mail", to="it@acme.example")

            page = wizard.client.post(
                wizard.address("link/mail"), {"to": "it@acme.example"}, follow=True
            )

            assert "10 times an hour" in text_of(page)
            assert Mail.objects.count() == setup_link_limits.MAILS_PER_HOUR


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [3], indirect=True)
def test_three_simultaneous_requests_create_one_token(owner: Person, racers: Racers) -> None:
    connection = scim_connection("okta", activated_at=None)
    link = setup_links.create_link(connection, actor=owner.actor)
    address = setup_link(link.pk).removeprefix("http://127.0.0.1:8000")

    def create() -> Any:
        return 'id="token"' in text_of(Client().post(address, NAME))

    shown = racers(create, create, create)

    assert sorted(shown) == [False, False, True]
    with tenancy.across_tenants():
        assert Token.objects.count() == 1

"""The link for IT …"""

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


class TestIsCreated:
    def test_at_the_first_step_and_starts_the_setup_without_a_token(self, wizard: Wizard) -> None:
        overview = text_of(wizard.client.get("/integrations/okta/"))
        assert 'formaction="/integrations/okta/setup/link/"' in overview

        response = wizard.post("link", after=0)

        assert response["Location"] == wizard.address("token")
        assert Connection.objects.get().activated_at is None
        assert not Token.objects.exists()
        assert "There is no token yet." in wizard.get("token")

    def test_with_the_defaults_of_a_provider_that_needs_them(self, owner: Person) -> None:
        rippling = Wizard(owner, "rippling")

        assert "This field is required." in text_of(rippling.post("link", after=0))
        rippling.post("link", after=0, department="General", location="Berlin")

        assert Connection.objects.get().default_department == "General"

    def test_beside_a_setup_that_has_started(self, wizard: Wizard) -> None:
        wizard.make_token()

        wizard.post("link", after=0)

        assert link_on(wizard.get("token")) == link_on(wizard.get("steps"))
        assert Token.objects.filter(revoked_at=None).count() == 1

    def test_once(self, wizard: Wizard, link: str) -> None:
        wizard.post("link", after=0)

        assert link_on(wizard.get("token")) == link

    def test_not_for_a_connected_provider(self, wizard: Wizard) -> None:
        scim_connection("okta")

        page = wizard.client.post(wizard.address("link"), {"after": 0}, follow=True)

        assert "Okta is already connected." in text_of(page)
        assert not SetupLink.objects.exists()

    def test_and_kept_in_the_history(self, wizard: Wizard, owner: Person, link: str) -> None:
        [event] = events("setup link added")

        assert event.actor == str(owner.actor)
        assert "created a link for IT to set up Okta" in text_of(wizard.client.get("/audit-log/"))

    @pytest.mark.parametrize("step", ["link", "link/mail", "link/revoke"])
    def test_by_administrators_only(self, wizard: Wizard, link: str, step: str) -> None:
        employee = signed_in(core.person(email="eve@acme.example"))

        for client in (employee, Client()):
            assert client.post(wizard.address(step)).status_code in (302, 403)
        assert wizard.client.get(wizard.address(step)).status_code == 405
        assert SetupLink.objects.get().revoked_at is None
        assert not Mail.objects.exists()


class TestShows:
    @pytest.mark.parametrize("provider", PRESETS)
    def test_the_steps_with_every_literal(self, owner: Person, provider: str) -> None:
        wizard, guide = Wizard(owner, provider), PRESETS[provider].guide
        wizard.post("link", after=0, department="General", location="Berlin")

        words = words_on(Client().get(link_on(wizard.get("token"))))

        assert " ".join(guide.template.split()) in words
        for step in guide.steps:
            assert plain(step) in words
        for row in guide.mappings:
            for text in (row.theirs, row.ours, row.namespace):
                assert text in words

    def test_attributes_to_copy_one_by_one(self, link: str) -> None:
        page = visit(link)

        for row in PRESETS["okta"].guide.mappings:
            for text in (row.theirs, row.ours, row.namespace):
                shown = text.replace("'", "&#x27;")
                assert f'<span data-copy class="ramp-copy-one"><code>{shown}</code></span>' in page

    def test_no_people_and_no_token(self, wizard: Wizard, owner: Person, link: str) -> None:
        token = wizard.make_token()
        connection = Connection.objects.get()
        okta = Holder(connection, token)
        okta("POST", "/Users", someone("ada"))

        page = visit(link)

        for secret in (token, token[-4:], owner.email, owner.family_name, "ada", "Lovelace"):
            assert secret not in page.replace(link, "")

    def test_when_the_first_request_arrives(self, link: str) -> None:
        token = shown_token(Client().post(link, NAME))
        assert "Waiting for the first request" in visit(link)
        assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in visit(link)
        assert 'data-refresh="3"' in visit(link)

        okta = Holder(Connection.objects.get(), token)
        okta("POST", "/Users", someone("ada"))

        page = visit(link)
        assert "The first request has arrived" in page
        assert "http-equiv" not in page

    def test_nothing_to_somebody_who_made_it_up(self, wizard: Wizard, link: str) -> None:
        assert Client().get(f"{link[:-2]}x/").status_code == 404
        assert Client().get("/setup/nonsense/").status_code == 404
        assert Client().put(link).status_code == 405

    def test_itself_to_somebody_who_is_signed_in_elsewhere(self, link: str) -> None:
        with core.in_another_tenant():
            stranger = signed_in(core.person())

        assert stranger.get(link).status_code == 200
        assert 'id="token"' in text_of(stranger.post(link, NAME))
        assert SetupLink.objects.get().token_created_by == "Ivo of IT"

    def test_no_address_of_its_own_to_other_sites(self, link: str) -> None:
        assert Client().get(link)["Referrer-Policy"] == "same-origin"
        assert "no-store" in Client().get(link)["Cache-Control"]


class TestCreatesTheToken:
    def test_which_works_and_is_shown_once(self, wizard: Wizard, link: str) -> None:
        response = Client().post(link, NAME)

        token = shown_token(response)
        assert "no-store" in response["Cache-Control"]
        assert Holder(Connection.objects.get(), token)("GET", "/Users").status == 200
        assert token not in visit(link)
        assert "Ivo of IT" not in visit(link)
        assert token not in str([*Event.objects.values(), *SetupLink.objects.values()])
        assert "“<bdi>Ivo of IT</bdi>” created the token" in wizard.get("token")

    def test_once(self, link: str) -> None:
        Client().post(link, NAME)

        again = text_of(Client().post(link, {"name": "Again"}))

        assert "has already been created" in again
        assert 'id="token"' not in again
        assert Token.objects.count() == 1

    def test_not_again_when_that_token_was_revoked(self, wizard: Wizard, link: str) -> None:
        Client().post(link, NAME)
        Token.objects.update(revoked_at=timezone.now())

        assert "has already been created" in text_of(Client().post(link, NAME))
        assert "The token of this link was revoked." in visit(link)

    def test_never_in_place_of_an_administrators(self, wizard: Wizard, link: str) -> None:
        token = wizard.make_token()

        assert "has already been created" in text_of(Client().post(link, NAME))

        assert Holder(Connection.objects.get(), token)("GET", "/Users").status == 200

    @pytest.mark.parametrize("name", ["", "  ", "x" * 101])
    def test_for_somebody_with_a_name(self, link: str, name: str) -> None:
        assert 'id="token"' not in text_of(Client().post(link, {"name": name}))
        assert not Token.objects.exists()

    def test_and_records_who_and_when(self, wizard: Wizard, owner: Person, link: str) -> None:
        Client().post(link, {"name": "Ivo <b>of</b> IT"}, REMOTE_ADDR="192.0.2.7")

        [event] = events("token added")
        assert event.actor == "setup-link:Ivo <b>of</b> IT"
        assert event.facts["address"] == "192.0.2.7"
        assert event.facts["shared_by"] == owner.email
        wizard.activate()
        connection = Connection.objects.get()
        settings = text_of(wizard.client.get(f"/integrations/scim/{connection.pk}/"))
        assert "Ivo &lt;b&gt;of&lt;/b&gt; IT”, by the setup link" in settings

    def test_only_with_a_form_of_the_page(self, link: str) -> None:
        strict = Client(enforce_csrf_checks=True)

        assert strict.post(link, NAME).status_code == 403
        form = re.search(r'csrfmiddlewaretoken" value="(\w+)"', text_of(strict.get(link)))
        assert form
        posted = strict.post(link, NAME | {"csrfmiddlewaretoken": form[1]})
        assert shown_token(posted)


class TestEnds:
    def ended(self, link: str) -> bool:
        response = Client().post(link, NAME)
        assert not Token.objects.filter(revoked_at=None).exists()
        assert "This link does not work anymore" in text_of(response)
        return Client().get(link).status_code == response.status_code == 410

    def test_when_it_is_revoked(self, wizard: Wizard, owner: Person, link: str) -> None:
        wizard.post("link/revoke")

        assert self.ended(link)
        assert [event.actor for event in events("setup link revoked")] == [str(owner.actor)]

    def test_and_a_new_one_has_another_address(self, wizard: Wizard, link: str) -> None:
        wizard.post("link/revoke")
        wizard.post("link", after=0)

        new = link_on(wizard.get("token"))
        assert new != link
        assert visit(new)
        assert Client().get(link).status_code == 410

    def test_after_a_week(self, wizard: Wizard, owner: Person, link: str) -> None:
        with time_machine.travel(timezone.now() + timedelta(days=7, seconds=1), tick=False):
            assert self.ended(link)
            wizard.client = signed_in(owner)
            wizard.post("link", after=0)
            assert visit(link_on(wizard.get("token")))

    def test_with_activation(self, wizard: Wizard, link: str) -> None:
        wizard.post("activate")

        assert self.ended(link)

    def test_when_the_setup_is_canceled(self, wizard: Wizard, link: str) -> None:
        wizard.post("abandon")

        assert self.ended(link)

    def test_while_the_company_is_turned_off(self, owner: Person, link: str) -> None:
        owner.tenant.is_active = False
        owner.tenant.save()

        assert self.ended(link)

    def test_for_a_minute_after_too_many_visits(self, link: str) -> None:
        for _ in range(setup_link_limits.VISITS_PER_MINUTE):
            setup_link_limits.allow_visit("127.0.0.1")

        response = Client().get(link)

        assert response.status_code == 429
        assert Client().post(link, NAME).status_code == 429
        assert Client().get(link, REMOTE_ADDR="192.0.2.7").status_code == 200


class TestIsMailed:
    def test_to_the_colleague(self, wizard: Wizard, owner: Person, link: str, smtp: Smtp) -> None:
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
    def test_to_one_address(self, wizard: Wizard, link: str, to: str) -> None:
        wizard.client.post(wizard.address("link/mail"), {"to": to})

        assert not Mail.objects.exists()

    def test_not_once_it_is_revoked(self, wizard: Wizard, link: str, smtp: Smtp) -> None:
        wizard.post("link/mail", to="it@acme.example")
        wizard.post("link/revoke")

        page = wizard.client.post(
            wizard.address("link/mail"), {"to": "it@acme.example"}, follow=True
        )
        sending.send_due(as_of=timezone.now())

        assert "There is no link that works." in text_of(page)
        assert not smtp.received
        assert Mail.objects.get().problem == "The link was revoked."

    def test_not_once_it_has_expired(self, wizard: Wizard, link: str, smtp: Smtp) -> None:
        wizard.post("link/mail", to="it@acme.example")

        with time_machine.travel(timezone.now() + timedelta(days=8)):
            sending.send_due(as_of=timezone.now())

        assert not smtp.received

    def test_only_so_often(self, wizard: Wizard, link: str) -> None:
        for _ in range(setup_link_limits.MAILS_PER_HOUR):
            wizard.post("link/mail", to="it@acme.example")

        page = wizard.client.post(
            wizard.address("link/mail"), {"to": "it@acme.example"}, follow=True
        )

        assert "10 times an hour" in text_of(page)
        assert Mail.objects.count() == setup_link_limits.MAILS_PER_HOUR


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [3], indirect=True)
def test_creates_one_token_for_several_at_once(owner: Person, racers: Racers) -> None:
    connection = scim_connection("okta", activated_at=None)
    link = setup_links.create_link(connection, actor=owner.actor)
    address = setup_link(link.pk).removeprefix("http://127.0.0.1:8000")

    def create() -> Any:
        return 'id="token"' in text_of(Client().post(address, NAME))

    shown = racers(create, create, create)

    assert sorted(shown) == [False, False, True]
    with tenancy.across_tenants():
        assert Token.objects.count() == 1

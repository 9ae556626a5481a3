"""The steps that set up a connection."""

import html
import json
import logging
import re
from uuid import UUID

import pytest
from django.utils import timezone

from people.models import Event, Invite, Mail, Person
from scim.connections import setup
from scim.models import Connection, MatchDecision, RequestLog, ScimGroup, ScimUser, Token
from scim.rfc.normalize import normalize
from scim.rfc.resource_types import USER
from scim.sync.attribute_mapping import profile_of
from tests.clients.pages import text_of
from tests.clients.scim import ENT, RAMP, someone
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.support.concurrency import Racers
from tests.support.scim_setup import Wizard, shown_token

pytestmark = pytest.mark.django_db


class TestStart:
    def test_creates_an_inactive_connection(self, wizard: Wizard) -> None:
        wizard.make_token()

        connection = Connection.objects.get()
        assert (connection.provider, connection.incomplete_policy) == ("okta", "refuse")
        assert connection.activated_at is None

    def test_second_start_creates_nothing(self, wizard: Wizard, owner: Person) -> None:
        wizard.make_token()
        again = Wizard(owner).post("token", after=0)

        assert again["Location"] == "/integrations/okta/setup/token/"
        assert Connection.objects.count() == 1
        assert Token.objects.count() == 1

    def test_is_audited(self, wizard: Wizard, owner: Person) -> None:
        wizard.make_token()

        noted = Event.objects.filter(kind="connection.changed").order_by("pk")
        assert [event.facts["what"] for event in noted] == ["added", "token added"]
        assert {event.actor for event in noted} == {f"person:{owner.email}"}

    def test_defaults_are_required_if_the_policy_fills_them(self, owner: Person) -> None:
        rippling = Wizard(owner, "rippling")

        response = rippling.post("token", after=0, department="General", location=" ")

        assert "This field is required." in text_of(response)
        assert not Connection.objects.exists()

        rippling.make_token(department="General", location="Berlin")
        connection = Connection.objects.get()
        assert connection.incomplete_policy == "fill"
        assert connection.default_department == "General"
        assert connection.default_location == "Berlin"

    def test_is_refused_while_the_same_provider_is_connected(self, wizard: Wizard) -> None:
        scim_connection("okta")

        response = wizard.client.post(wizard.address("token"), {"after": 0}, follow=True)

        assert "Okta is already connected." in text_of(response)
        assert Connection.objects.count() == 1

    def test_another_provider_can_be_connected_too(self, wizard: Wizard) -> None:
        scim_connection("entra")

        wizard.make_token()

        assert Connection.objects.count() == 2

    def test_disconnected_provider_can_be_connected_again(self, wizard: Wizard) -> None:
        scim_connection("okta", disconnected_at=timezone.now())

        wizard.make_token()

        assert Connection.objects.filter(activated_at=None).count() == 1


class TestToken:
    def test_token_authenticates_requests(self, wizard: Wizard) -> None:
        okta = wizard.connect()

        assert okta("GET", "/Users").status == 200

    def test_token_is_shown_once(self, wizard: Wizard) -> None:
        token = wizard.make_token()

        shown = wizard.get("token")
        assert token not in shown
        assert f"It ends in <code>{token[-4:]}</code>" in shown

    def test_reloading_the_answer_creates_no_other_token(self, wizard: Wizard) -> None:
        wizard.make_token()

        reloaded = wizard.client.post(wizard.address("token"), {"after": 0}, follow=True)

        assert "The token was already shown" in text_of(reloaded)
        assert Token.objects.count() == 1

    def test_new_token_revokes_the_previous_one(self, wizard: Wizard) -> None:
        okta = wizard.connect()

        new = wizard.make_token()

        assert okta("GET", "/Users").status == 401
        okta.token = new
        assert okta("GET", "/Users").status == 200

    def test_token_is_stored_and_logged_nowhere(
        self, wizard: Wizard, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)

        response = wizard.post("token", after=0)

        token = shown_token(response)
        assert "no-store" in response["Cache-Control"]
        assert token not in str(dict(wizard.client.session))
        assert token not in str(wizard.client.cookies)
        assert token not in caplog.text
        assert token not in str(list(Token.objects.values()) + list(Event.objects.values()))

    def test_base_url_can_be_copied_without_javascript(self, wizard: Wizard) -> None:
        page = text_of(wizard.post("token", after=0))

        assert 'type="text" value="http://127.0.0.1:8000/scim/v2" readonly' in page

    @pytest.mark.parametrize("after", ["", "x", "-1", "1e9"])
    def test_invalid_form_creates_no_token(self, wizard: Wizard, after: str) -> None:
        wizard.post("token", after=after)

        assert not Token.objects.exists()


class TestSteps:
    @pytest.mark.parametrize("step", ["token", "steps", "first-request", "review", "activate"])
    def test_each_step_has_its_own_address(self, wizard: Wizard, step: str) -> None:
        wizard.make_token()

        for _ in range(2):
            assert f'href="{wizard.address(step)}" aria-current="step"' in wizard.get(step)

    @pytest.mark.parametrize(
        "step", ["", "token", "steps", "first-request", "review", "activate", "abandon"]
    )
    def test_steps_lead_to_the_overview_before_the_start(self, wizard: Wizard, step: str) -> None:
        assert wizard.client.get(wizard.address(step))["Location"] == "/integrations/okta/"

    @pytest.mark.parametrize("step", ["", "token", "steps", "first-request", "review", "abandon"])
    def test_steps_lead_to_the_last_step_after_activation(self, wizard: Wizard, step: str) -> None:
        scim_connection("okta")

        response = wizard.client.get(wizard.address(step))

        assert response["Location"] == "/integrations/okta/setup/activate/"

    @pytest.mark.parametrize("address", ["okta/setup/nothing/", "nobody/setup/token/"])
    def test_unknown_step_or_provider_is_not_found(self, wizard: Wizard, address: str) -> None:
        assert wizard.client.get(f"/integrations/{address}").status_code == 404

    def test_setup_of_another_company_is_not_found(self, wizard: Wizard) -> None:
        with core.in_another_tenant():
            stranger = Wizard(core.owner())
            stranger.make_token()

        assert wizard.client.get(wizard.address("steps"))["Location"] == "/integrations/okta/"

    def test_setup_continues_at_the_current_step(self, wizard: Wizard) -> None:
        okta = wizard.connect()
        assert wizard.client.get(wizard.address())["Location"].endswith("/steps/")

        okta.add("ada")
        assert wizard.client.get(wizard.address())["Location"].endswith("/review/")

    @pytest.mark.parametrize(
        ("provider", "literally"),
        [
            ("okta", "roles.^[type==&#x27;rampUserRole&#x27;].value"),
            ("okta", "urn:ietf:params:scim:schemas:core:2.0:User"),
            ("entra", f"{ENT}:department"),
            ("entra", f"{RAMP}:location"),
            ("entra", "SingleAppRoleAssignment([appRoleAssignments])"),
            ("rippling", "name.givenName"),
            ("onelogin", "{$parameters.external_manager_id}"),
            ("onelogin", f"{RAMP}:location"),
            ("ping", "workCity"),
            ("jumpcloud", "Work address: City"),
            ("generic", "roles[type eq &quot;rampUserRole&quot;].value"),
        ],
    )
    def test_guide_shows_attributes_to_copy(
        self, owner: Person, provider: str, literally: str
    ) -> None:
        wizard = Wizard(owner, provider)
        wizard.make_token(department="General", location="Berlin")

        assert f"<code>{literally}</code>" in wizard.get("steps")

    def test_template_of_onelogin_gives_complete_people(self, owner: Person) -> None:
        """OneLogin replaces its macros, and sends the result."""
        wizard = Wizard(owner, "onelogin")
        wizard.make_token()
        shown = wizard.get("steps").split('aria-label="SCIM JSON template">')[1].split("</pre>")[0]
        body = re.sub(
            r"{\$(\w+\.\w+)}",
            lambda macro: "boss@example.com" if "mana" in macro[1] else f"{macro[1]}@example.com",
            html.unescape(shown),
        )

        mapped = profile_of(normalize(json.loads(body), USER), {})

        assert mapped.missing == ()
        assert mapped.profile.location == "user.city@example.com"
        assert mapped.profile.department == "user.department@example.com"
        assert mapped.manager == "boss@example.com"


class TestFirstRequest:
    def test_page_refreshes_until_the_first_request(self, wizard: Wizard) -> None:
        wizard.make_token()

        page = wizard.get("first-request")

        assert "Waiting for the first request" in page
        assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page
        assert "with a wrong token is refused with 401" in page

    def test_page_shows_user_agent_and_first_request(self, wizard: Wizard) -> None:
        okta = wizard.connect()
        okta("POST", "/Users", someone(), User_Agent="Okta SCIM Client 1.0.0")

        page = wizard.get("first-request")

        assert "Requests received from Okta" in page
        assert "Okta SCIM Client 1.0.0" in page
        assert "1 person, 0 groups" in page
        assert "<code>POST /Users</code> was answered with 201" in page

    def test_reading_request_is_shown_too(self, wizard: Wizard) -> None:
        wizard.make_token()
        Token.objects.update(last_used_at=timezone.now(), last_user_agent="Okta SCIM Client")

        page = wizard.get("first-request")

        assert "Requests received from Okta" in page
        assert "Nobody has been sent yet" in page

    def test_reason_of_a_refusal_is_shown(self, wizard: Wizard) -> None:
        okta = wizard.connect()
        okta("POST", "/Users", {"name": {}})

        assert "<code>POST /Users</code>: “userName” is required." in wizard.get("first-request")


class TestBeforeActivation:
    def test_users_are_stored_without_people_invites_or_mails(
        self, wizard: Wizard, owner: Person
    ) -> None:
        okta = wizard.connect()

        okta.add("ada")
        okta("POST", "/Users", someone("olga", emails=[{"value": owner.email}]))

        assert Person.objects.get() == owner
        assert not Invite.objects.exists()
        assert not Mail.objects.exists()
        assert ScimUser.objects.filter(person=None).count() == 2


class TestCancelingSetup:
    def test_connection_is_deleted(self, wizard: Wizard) -> None:
        okta = wizard.connect()

        response = wizard.post("abandon")

        assert response["Location"] == "/integrations/okta/"
        assert not Connection.objects.exists()
        assert okta("GET", "/Users").status == 401

    def test_confirmation_lists_what_is_deleted(self, wizard: Wizard) -> None:
        okta = wizard.connect()
        okta.add_group("Everybody", okta.add("ada"))

        assert "1 person and 1 group" in wizard.get("abandon")
        assert Connection.objects.exists()

    def test_all_received_data_is_deleted(self, wizard: Wizard, owner: Person) -> None:
        okta = wizard.connect()
        okta.add_group("Everybody", okta.add("ada"), okta.add("bob"))
        okta("DELETE", f"/Users/{okta.add('eve')}")
        MatchDecision.objects.create(
            tenant=owner.tenant,
            connection=okta.connection,
            person=owner,
            choice="leave",
            decided_at=timezone.now(),
        )

        wizard.post("abandon")

        left = (ScimUser, ScimGroup, RequestLog, Token, MatchDecision, Connection)
        assert not any(model.objects.exists() for model in left)
        assert Person.objects.get() == owner

    def test_active_connection_cannot_be_canceled(self, wizard: Wizard, owner: Person) -> None:
        connection = wizard.connect().connection
        Connection.objects.update(activated_at=timezone.now())

        with pytest.raises(setup.AlreadyActive):
            setup.abandon(connection, actor=owner.actor)

        assert Connection.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestTwoAdministratorsAtOnce:
    @pytest.mark.parametrize("racers", [2], indirect=True)
    def test_start_creates_one_connection(self, owner: Person, racers: Racers) -> None:
        for provider in ("okta", "entra", "generic"):

            def start(provider: str = provider) -> UUID:
                return setup.start(provider, actor=owner.actor).pk

            begun = racers(start, start)

            assert begun[0] == begun[1]

    @pytest.mark.parametrize("racers", [2], indirect=True)
    def test_activation_happens_once(self, owner: Person, racers: Racers) -> None:
        for provider in ("okta", "entra", "generic"):
            pk = setup.start(provider, actor=owner.actor).pk

            def activate(pk: UUID = pk) -> bool:
                return setup.activate(Connection.objects.get(pk=pk), actor=owner.actor)

            assert sorted(racers(activate, activate)) == [False, True]

        noted = Event.objects.filter(facts__what="activated")
        assert noted.count() == 3

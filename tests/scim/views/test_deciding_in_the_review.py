"""Deciding about a row of the review …"""

import pytest

from people.models import Person, Role
from people.operations.roles import base_roles
from people.values import Actor
from scim.models import MatchDecision, ScimUser
from tests.clients.pages import text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection, scim_user
from tests.support.scim_setup import Wizard, outcomes

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(okta: Provider) -> Person:
    """Make a cardholder whom nobody owns, and have Okta send her."""
    ada = core.person(given_name="Augusta", email="Ada@example.com")
    okta.add("ada")
    return ada


class TestSomebodyPrivileged:
    @pytest.mark.parametrize("role", Person.ADMINISTERING)
    def test_waits_for_a_word(self, wizard: Wizard, okta: Provider, role: str) -> None:
        core.person(email="ada@example.com", role=role)
        okta.add("ada")

        assert outcomes(okta.connection) == {"ada": "asked"}
        assert "1 person needs review" in wizard.get("review")

    def test_is_so_by_an_elevated_role_too(self, okta: Provider, ada: Person) -> None:
        role = Role.objects.create(
            tenant_id=ada.tenant_id, name="Treasurer", name_key="treasurer", is_elevated=True
        )
        base_roles.grant_role(ada, role, actor=Actor("command", "tests"))

        assert outcomes(okta.connection) == {"ada": "asked"}

    def test_is_linked_by_a_second_click(self, wizard: Wizard, okta: Provider) -> None:
        olga = core.owner(given_name="Olga", family_name="Brandt", email="olga@example.com")
        okta.add("olga")
        said = {"user": ScimUser.objects.get().pk, "choice": "link", "back": "show=linked"}

        asked = text_of(wizard.choose(**said))
        assert "Link Olga Brandt?" in asked
        assert "Yes, link Olga Brandt, who is Owner" in asked
        assert not MatchDecision.objects.exists()

        done = text_of(wizard.choose(**said, confirmed="on"))
        assert "Olga Brandt will be linked." in done
        assert outcomes(okta.connection) == {"olga": "linked"}
        choice = MatchDecision.objects.get()
        assert choice.user
        assert choice.user.email_key == olga.email
        assert choice.decided_by == "person:owner@example.com"

    def test_is_left_by_one_click(self, wizard: Wizard, okta: Provider) -> None:
        core.administrator(email="ada@example.com")
        okta.add("ada")

        wizard.choose(user=ScimUser.objects.get().pk, choice="leave")

        assert outcomes(okta.connection) == {"ada": "left"}


class TestARow:
    def test_leaves_somebody_and_links_them_again(
        self, wizard: Wizard, okta: Provider, ada: Person
    ) -> None:
        user = ScimUser.objects.get()

        wizard.choose(user=user.pk, choice="leave")
        assert outcomes(okta.connection) == {"ada": "left"}

        wizard.choose(user=user.pk, choice="link")
        assert outcomes(okta.connection) == {"ada": "linked"}

    def test_returns_to_where_the_row_is(self, wizard: Wizard, ada: Person) -> None:
        said = {"user": ScimUser.objects.get().pk, "choice": "leave", "back": "show=linked&page=1"}

        response = wizard.choose(**said)

        assert response.redirect_chain == [(f"{wizard.address('review')}?show=linked&page=1", 302)]

    def test_never_leads_elsewhere(self, wizard: Wizard, ada: Person) -> None:
        said = {"user": ScimUser.objects.get().pk, "choice": "leave", "back": "//evil.example/"}

        [(address, _)] = wizard.choose(**said).redirect_chain

        assert address.startswith("/integrations/okta/setup/review/?")

    def test_marks_who_is_to_be_deactivated(self, wizard: Wizard, okta: Provider) -> None:
        bob = core.person(given_name="Bob", email="bob@example.com")

        page = text_of(wizard.choose(person=bob.pk, choice="deactivate", back="show=here"))

        assert "Bob Lovelace will be deactivated." in page
        bob.refresh_from_db()
        assert bob.is_active
        wizard.choose(person=bob.pk, choice="leave", back="show=here")
        assert MatchDecision.objects.get().choice == "leave"

    def test_asks_twice_before_an_administrator_is_deactivated(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        turing = core.administrator()

        page = text_of(wizard.choose(person=turing.pk, choice="deactivate"))

        assert "Yes, deactivate Alan Turing, who is Admin" in page
        assert not MatchDecision.objects.exists()

    def test_does_not_let_one_deactivate_oneself(
        self, wizard: Wizard, okta: Provider, owner: Person
    ) -> None:
        page = text_of(wizard.choose(person=owner.pk, choice="deactivate", confirmed="on"))

        assert "You cannot deactivate yourself." in page
        assert not MatchDecision.objects.exists()

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"choice": "link"},
            {"user": "1", "choice": "link"},
            {"user": "x", "choice": "link"},
            {"user": str(10**30), "choice": "link"},
            {"person": "x", "choice": "leave"},
            {"person": "00000000-0000-0000-0000-000000000000", "choice": "deactivate"},
            {"user": "1", "choice": "delete"},
        ],
    )
    def test_is_about_a_row_that_there_is(
        self, wizard: Wizard, okta: Provider, said: dict[str, str]
    ) -> None:
        assert wizard.choose(**said).status_code == 404

    def test_is_about_ones_own_rows(self, wizard: Wizard, okta: Provider) -> None:
        with core.in_another_tenant():
            stranger = core.person()
            theirs = scim_user(scim_connection(activated_at=None), "x@example.com")

        assert wizard.choose(person=stranger.pk, choice="deactivate").status_code == 404
        assert wizard.choose(user=theirs.pk, choice="link").status_code == 404

    def test_cannot_deactivate_whom_the_provider_has_sent(
        self, wizard: Wizard, ada: Person
    ) -> None:
        assert wizard.choose(person=ada.pk, choice="deactivate").status_code == 404

"""Decisions in the review before activation."""

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
    """Make an unmanaged cardholder, and have Okta send her."""
    ada = core.person(given_name="Augusta", email="Ada@example.com")
    okta.add("ada")
    return ada


class TestPrivilegedPerson:
    @pytest.mark.parametrize("role", Person.ADMINISTERING)
    def test_administrator_needs_review(self, wizard: Wizard, okta: Provider, role: str) -> None:
        core.person(email="ada@example.com", role=role)
        okta.add("ada")

        assert outcomes(okta.connection) == {"ada": "asked"}
        assert "1 person needs review" in wizard.get("review")

    def test_person_with_elevated_custom_role_needs_review(
        self, okta: Provider, ada: Person
    ) -> None:
        role = Role.objects.create(
            tenant_id=ada.tenant_id, name="Treasurer", name_key="treasurer", is_elevated=True
        )
        base_roles.grant_role(ada, role, actor=Actor("command", "tests"))

        assert outcomes(okta.connection) == {"ada": "asked"}

    def test_administrator_is_linked_after_confirmation(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        olga = core.owner(given_name="Olga", family_name="Brandt", email="olga@example.com")
        okta.add("olga")
        values = {"user": ScimUser.objects.get().pk, "choice": "link", "back": "show=linked"}

        asked = text_of(wizard.choose(**values))
        assert "Link Olga Brandt?" in asked
        assert "Yes, link Olga Brandt, who is Owner" in asked
        assert not MatchDecision.objects.exists()

        done = text_of(wizard.choose(**values, confirmed="on"))
        assert "Olga Brandt will be linked." in done
        assert outcomes(okta.connection) == {"olga": "linked"}
        choice = MatchDecision.objects.get()
        assert choice.user
        assert choice.user.email_key == olga.email
        assert choice.decided_by == "person:owner@example.com"

    def test_administrator_is_left_unlinked_without_confirmation(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        core.administrator(email="ada@example.com")
        okta.add("ada")

        wizard.choose(user=ScimUser.objects.get().pk, choice="leave")

        assert outcomes(okta.connection) == {"ada": "left"}


class TestRow:
    def test_person_can_be_unlinked_and_linked_again(
        self, wizard: Wizard, okta: Provider, ada: Person
    ) -> None:
        user = ScimUser.objects.get()

        wizard.choose(user=user.pk, choice="leave")
        assert outcomes(okta.connection) == {"ada": "left"}

        wizard.choose(user=user.pk, choice="link")
        assert outcomes(okta.connection) == {"ada": "linked"}

    def test_decision_returns_to_the_same_page_of_the_list(
        self, wizard: Wizard, ada: Person
    ) -> None:
        values = {
            "user": ScimUser.objects.get().pk,
            "choice": "leave",
            "back": "show=linked&page=1",
        }

        response = wizard.choose(**values)

        assert response.redirect_chain == [(f"{wizard.address('review')}?show=linked&page=1", 302)]

    def test_decision_never_redirects_to_another_site(self, wizard: Wizard, ada: Person) -> None:
        values = {"user": ScimUser.objects.get().pk, "choice": "leave", "back": "//evil.example/"}

        [(address, _)] = wizard.choose(**values).redirect_chain

        assert address.startswith("/integrations/okta/setup/review/?")

    def test_person_is_marked_for_deactivation_and_unmarked(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        bob = core.person(given_name="Bob", email="bob@example.com")

        page = text_of(wizard.choose(person=bob.pk, choice="deactivate", back="show=here"))

        assert "Bob Lovelace will be deactivated." in page
        bob.refresh_from_db()
        assert bob.is_active
        wizard.choose(person=bob.pk, choice="leave", back="show=here")
        assert MatchDecision.objects.get().choice == "leave"

    def test_deactivating_an_administrator_needs_confirmation(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        turing = core.administrator()

        page = text_of(wizard.choose(person=turing.pk, choice="deactivate"))

        assert "Yes, deactivate Alan Turing, who is Admin" in page
        assert not MatchDecision.objects.exists()

    def test_administrator_cannot_deactivate_themselves(
        self, wizard: Wizard, okta: Provider, owner: Person
    ) -> None:
        page = text_of(wizard.choose(person=owner.pk, choice="deactivate", confirmed="on"))

        assert "You cannot deactivate yourself." in page
        assert not MatchDecision.objects.exists()

    @pytest.mark.parametrize(
        "values",
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
    def test_unknown_row_or_choice_is_not_found(
        self, wizard: Wizard, okta: Provider, values: dict[str, str]
    ) -> None:
        assert wizard.choose(**values).status_code == 404

    def test_row_of_another_company_is_not_found(self, wizard: Wizard, okta: Provider) -> None:
        with core.in_another_tenant():
            stranger = core.person()
            theirs = scim_user(scim_connection(activated_at=None), "x@example.com")

        assert wizard.choose(person=stranger.pk, choice="deactivate").status_code == 404
        assert wizard.choose(user=theirs.pk, choice="link").status_code == 404

    def test_person_sent_by_the_provider_cannot_be_marked_for_deactivation(
        self, wizard: Wizard, ada: Person
    ) -> None:
        assert wizard.choose(person=ada.pk, choice="deactivate").status_code == 404

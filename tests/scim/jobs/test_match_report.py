"""The match report in the review before activation."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from people import tenancy
from people.models import Person
from scim.jobs import match_report
from scim.models import ScimUser
from tests.clients.pages import queries_of
from tests.clients.scim import ENT, RAMP, Provider, mail
from tests.factories import core
from tests.factories.scim import scim_connection, scim_user
from tests.support.scim_setup import Wizard, outcomes

pytestmark = pytest.mark.django_db

Begin = Callable[..., Provider]


@pytest.fixture
def ada(okta: Provider) -> Person:
    """Make an unmanaged cardholder, and have Okta send her."""
    ada = core.person(given_name="Augusta", email="Ada@example.com")
    okta.add("ada")
    return ada


def user_of_earlier_connection(provider: str, **fields: Any) -> ScimUser:
    """Make a person whom a disconnected connection of the provider managed."""
    person = core.person(email="before@example.com")
    earlier = scim_connection(provider, disconnected_at=timezone.now())
    user = scim_user(earlier, "before@example.com", **fields)
    user.person = person
    user.save()
    return user


class TestToBeLinked:
    def test_unmanaged_person_with_the_same_email_is_linked(
        self, wizard: Wizard, okta: Provider, ada: Person
    ) -> None:
        page = wizard.get("review")

        assert outcomes(okta.connection) == {"ada": "linked"}
        assert "To be linked 1" in page
        assert f'href="/people/{ada.pk}/"' in page
        assert "Same email, and not managed by any provider" in page

    def test_changes_of_the_person_are_shown(self, wizard: Wizard, ada: Person) -> None:
        page = wizard.get("review")

        assert "<del><bdi>Augusta</bdi></del> → <ins><bdi>Ada</bdi></ins>" in page
        assert "Department:</span> <ins><bdi>Research</bdi></ins>" in page

    def test_deactivation_of_the_person_is_mentioned(self, wizard: Wizard, okta: Provider) -> None:
        core.person(email="ada@example.com")
        okta.add("ada", active=False)

        assert "They will be deactivated." in wizard.get("review")

    @pytest.mark.parametrize(
        ("sent", "rule"),
        [({"externalId": "00u1"}, "externalId"), ({"userName": "Before@example.com"}, "userName")],
    )
    def test_person_of_earlier_connection_of_the_provider_is_linked(
        self, wizard: Wizard, okta: Provider, sent: dict[str, str], rule: str
    ) -> None:
        before = user_of_earlier_connection("okta", externalId="00u1")

        okta.add("new", **sent)

        [result] = match_report.report(okta.connection).results
        assert (result.outcome, result.rule, result.person_id) == (
            "linked",
            rule,
            before.person_id,
        )
        assert f"Same {rule} as before Okta was disconnected" in wizard.get("review")

    def test_person_of_another_provider_is_not_linked(self, okta: Provider) -> None:
        user_of_earlier_connection("entra", externalId="00u1")

        okta.add("new", externalId="00u1")

        assert outcomes(okta.connection) == {"new": "created"}

    def test_external_id_of_generic_connection_links_nobody(self, owner: Person) -> None:
        generic = Wizard(owner, "generic").connect()
        user_of_earlier_connection("generic", externalId="1")

        generic.add("new", externalId="1")

        assert outcomes(generic.connection) == {"new": "created"}

    def test_person_of_another_company_is_not_linked(self, okta: Provider) -> None:
        with core.in_another_tenant():
            core.person(email="ada@example.com")

        okta.add("ada")

        assert outcomes(okta.connection) == {"ada": "created"}

    def test_terminated_person_is_not_linked(self, okta: Provider) -> None:
        core.person(email="ada@example.com", state=Person.State.TERMINATED)

        okta.add("ada")

        assert outcomes(okta.connection) == {"ada": "created"}


class TestCannotBeProvisioned:
    @pytest.mark.parametrize(
        ("values", "why"),
        [
            ({ENT: None}, "Missing required fields: department."),
            ({ENT: None, RAMP: None}, "Missing required fields: department, location."),
            ({"name": {"givenName": "Ada"}}, "Ensure first and last name are entered correctly"),
            (
                {"roles": [{"type": "rampUserRole", "value": "KING"}]},
                "User is not eligible to receive assigned role",
            ),
        ],
    )
    def test_refused_user_is_shown_with_the_reason(
        self, wizard: Wizard, okta: Provider, values: dict[str, Any], why: str
    ) -> None:
        okta.add("ada", **values)

        assert outcomes(okta.connection) == {"ada": "blocked"}
        page = wizard.get("review", show="blocked")
        assert "Cannot be provisioned 1" in page
        assert why in page

    def test_default_values_complete_a_user_but_not_their_name(self, owner: Person) -> None:
        wizard = Wizard(owner, "rippling")
        rippling = wizard.connect(department="General", location="Berlin")

        rippling.add("ada", **{ENT: None, RAMP: None})
        rippling.add("bob", name=None)

        assert outcomes(rippling.connection) == {"ada": "created", "bob": "blocked"}

    def test_email_managed_by_another_provider_blocks_the_user(self, okta: Provider) -> None:
        entra = Provider(scim_connection("entra"))
        entra.add("ada")

        okta.add("ada")

        assert outcomes(okta.connection) == {"ada": "blocked"}

    def test_second_new_user_with_the_same_email_is_blocked(self, okta: Provider) -> None:
        okta.add("ada")
        okta.add("countess", emails=[mail("Ada@example.com")])

        assert outcomes(okta.connection) == {"ada": "created", "countess": "blocked"}

    def test_second_user_matching_the_same_person_is_blocked(
        self, okta: Provider, ada: Person
    ) -> None:
        okta.add("countess", emails=[mail("ada@example.com")])

        assert outcomes(okta.connection) == {"ada": "linked", "countess": "blocked"}

    def test_existing_person_who_would_become_guest_is_blocked(self, okta: Provider) -> None:
        core.person(email="ada@example.com")
        guest = [{"type": "rampUserRole", "value": "GUEST_USER"}]

        okta.add("ada", roles=guest)
        okta.add("bob", roles=guest)

        assert outcomes(okta.connection) == {"ada": "blocked", "bob": "created"}

    def test_owner_by_app_role_is_blocked(self, owner: Person) -> None:
        entra = Wizard(owner, "entra").connect()

        entra.add("ada", roles=[{"primary": True, "value": "BUSINESS_OWNER"}])
        entra.add("bob", roles=[{"primary": True, "value": "Bookkeeper"}])

        assert outcomes(entra.connection) == {"ada": "blocked", "bob": "created"}


class TestOnlyInRamp:
    def test_person_not_sent_by_the_provider_is_listed(
        self, wizard: Wizard, ada: Person, owner: Person
    ) -> None:
        core.person(family_name="Babbage")

        page = wizard.get("review", show="here")

        assert "Only in Ramp 2" in page
        assert "Babbage" in page
        assert f'href="/people/{ada.pk}/"' not in page

    def test_inactive_terminated_and_otherwise_managed_people_are_not_listed(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        core.person(state=Person.State.INACTIVE)
        core.person(state=Person.State.TERMINATED)
        Provider(scim_connection("entra")).add("eve")

        assert "Only in Ramp 1" in wizard.get("review")

    def test_empty_list_is_explained(self, wizard: Wizard, okta: Provider, owner: Person) -> None:
        okta.add("owner")

        assert "Nobody exists only in Ramp" in wizard.get("review", show="here")


class TestSearch:
    def test_search_by_name_and_email(self, wizard: Wizard, okta: Provider) -> None:
        okta.add("ada")
        okta.add("bob")

        page = wizard.get("review", show="created", q="BOB example")

        assert "<bdi>Bob Lovelace</bdi>" in page
        assert "Ada Lovelace" not in page

    @pytest.mark.parametrize("show", ["linked", "created", "here", "blocked"])
    def test_empty_result_is_reported(self, wizard: Wizard, okta: Provider, show: str) -> None:
        okta.add("ada")

        assert "No results for “xyzzy”" in wizard.get("review", show=show, q="xyzzy")

    def test_search_among_people_only_in_ramp(self, wizard: Wizard, okta: Provider) -> None:
        core.person(given_name="Charles", family_name="Babbage")
        core.person(given_name="Grace", family_name="Hopper")

        page = wizard.get("review", show="here", q="babb")

        assert "Charles Babbage" in page
        assert "Grace Hopper" not in page


@pytest.mark.parametrize(
    ("show", "text"),
    [
        ("linked", "Nobody yet"),
        ("created", "Nobody yet"),
        ("blocked", "Nobody yet"),
        ("nonsense", "Nobody yet"),
    ],
)
def test_report_before_the_first_user_is_empty(
    wizard: Wizard, okta: Provider, show: str, text: str
) -> None:
    page = wizard.get("review", show=show)

    assert "Okta has not sent anybody yet" in page
    assert text in page


@pytest.mark.parametrize(
    ("show", "text"),
    [
        ("linked", "Nobody will be linked"),
        ("blocked", "No problems"),
    ],
)
def test_empty_lists_are_explained(wizard: Wizard, okta: Provider, show: str, text: str) -> None:
    okta.add("ada")

    assert text in wizard.get("review", show=show)


@pytest.mark.parametrize("show", ["linked", "created", "here", "blocked"])
def test_query_count_does_not_grow_with_users(
    wizard: Wizard, okta: Provider, owner: Person, show: str
) -> None:
    user_of_earlier_connection("okta", externalId="00u1")
    _send(okta, range(2))
    address = f"{wizard.address('review')}?show={show}"
    few = queries_of(wizard.client, address)

    _send(okta, range(2, 40))

    assert len(queries_of(wizard.client, address)) == len(few)


def test_report_has_pages(wizard: Wizard, okta: Provider) -> None:
    for number in range(51):
        okta.add(f"person{number:02}")

    assert "person49@example.com" in wizard.get("review", show="created")
    last = wizard.get("review", show="created", page=2)
    assert "Page 2 of 2" in last
    assert "person50@example.com" in last
    assert "Page 2 of 2" in wizard.get("review", show="created", page=99)


def _send(okta: Provider, numbers: range) -> None:
    """Create a person or user of each outcome, for each number."""
    for number in numbers:
        core.person(email=f"linked{number}@example.com")
        core.administrator(email=f"asked{number}@example.com")
        core.person(email=f"here{number}@example.com")
        for kind in ("linked", "asked", "created"):
            okta.add(f"{kind}{number}")
        okta.add(f"blocked{number}", **{ENT: None})


@pytest.mark.parametrize("show", ["linked", "here"])
def test_every_form_has_a_csrf_token(wizard: Wizard, ada: Person, show: str) -> None:
    page = wizard.get("review", show=show)

    assert page.count('method="post"') > 1
    assert page.count('method="post"') == page.count("csrfmiddlewaretoken")


def test_report_changes_nobody(wizard: Wizard, okta: Provider, ada: Person) -> None:
    before = list(Person.objects.order_by("pk").values())

    for show in ("linked", "created", "here", "blocked"):
        wizard.get("review", show=show)

    assert list(Person.objects.order_by("pk").values()) == before


def test_people_of_another_company_are_not_shown(wizard: Wizard, okta: Provider) -> None:
    with core.in_another_tenant() as another, tenancy.use(another):
        core.person(family_name="Stranger")

    assert "Stranger" not in wizard.get("review", show="here")

"""The access diagnosis page, which answers “Why isn't Ada here?”."""

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Person
from people.operations import people
from people.presentation.diagnosis import diagnose
from people.values import Profile
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider, someone
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.scim.conftest import Connect
from tests.support import scim_diagnosis_cases
from tests.support.scim_diagnosis_cases import ADA, CASES, HELPDESK, TODAY, Case, Company

pytestmark = pytest.mark.django_db


@pytest.fixture
def company(owner: Person, connect: Connect) -> Company:
    return Company(owner, connect)


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def ask(client: Client, who: str) -> str:
    response = client.get("/people/why/", {"who": who})
    assert response.status_code == 200
    return text_of(response).replace("&#x27;", "'")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.seed.__name__ + " " + case.code)
def test_each_cause_has_its_own_verdict_at_the_top(
    company: Company, client: Client, case: Case
) -> None:
    case.seed(company)

    verdict = diagnose(case.who).verdict
    page = ask(client, case.who)

    assert verdict
    assert verdict.code == case.code
    sentence = case.sentence.replace(TODAY, f"{timezone.now():%-d %B %Y}")
    assert sentence in verdict.sentence
    assert page.index(sentence) < page.index(verdict.advice.split(".")[0].replace("’", "’"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.seed.__name__ + " " + case.code)
def test_all_links_of_verdict_and_evidence_work(
    company: Company, client: Client, case: Case
) -> None:
    case.seed(company)

    found = diagnose(case.who)

    assert found.verdict
    links = [found.verdict.link.url] if found.verdict.link else []
    for address in [*links, *(one.url for one in found.evidence if one.url)]:
        assert client.get(address).status_code == 200, address


@pytest.mark.parametrize(
    "who", ["ADA@Example.com", " ada@example.com ", "Ada Lovelace", "lovelace"]
)
def test_person_is_found_in_any_case_and_by_name(
    company: Company, client: Client, who: str
) -> None:
    scim_diagnosis_cases.is_here(company)

    assert "Ada Lovelace has been active" in ask(client, who)


def test_deleted_user_with_equal_user_name_is_not_taken_for_the_person(
    company: Company, client: Client
) -> None:
    okta = company.okta()
    other = okta.add("ada", userName="dora")
    okta("DELETE", f"/Users/{other}")
    core.person(email="newman@example.com", given_name="Dora", family_name="Newman")

    page = ask(client, "Dora")

    assert "Dora Newman has been active" in page
    assert "has dora as deleted" not in page


@pytest.mark.parametrize("who", ["Countess", "X-1"])
def test_person_is_found_by_user_name_and_external_id(
    company: Company, client: Client, who: str
) -> None:
    scim_diagnosis_cases.joined(company.okta(), userName="countess", externalId="X-1")

    assert "Ada Lovelace has been active" in ask(client, who)


def test_several_matches_are_offered_as_a_choice(company: Company, client: Client) -> None:
    okta = company.okta()
    okta.add("ada")
    okta.add("bob")

    page = ask(client, "Lovelace")

    assert "Several people match “Lovelace”" in page
    assert 'href="?who=bob%40example.com"' in page


def test_evidence_lists_requests_user_and_sync_error(company: Company, client: Client) -> None:
    okta = company.okta()
    added = okta("POST", "/Users", someone())
    refusal = okta.replace(added.id, "roles", "EMPEROR")

    page = ask(client, ADA)

    where = f"/integrations/scim/{okta.connection.pk}/requests/"
    assert f"{where}{added.request_id}/" in page
    assert f"{where}{refusal.request_id}/" in page
    assert "Okta has ada@example.com as active" in page
    assert "Sync error: User is not eligible to receive assigned role" in page


def test_unsent_person_shows_how_long_the_provider_takes(company: Company, client: Client) -> None:
    scim_diagnosis_cases.was_never_sent(company)

    page = ask(client, ADA)

    assert "Okta sends changes within 5 to 10 minutes." in page


def test_address_that_belongs_to_another_person_shows_that_person(
    company: Company, client: Client
) -> None:
    scim_diagnosis_cases.is_entras(company)

    assert "Countess Lovelace was invited" in ask(client, "a@example.com") or (
        "The invite for a@example.com" in ask(client, "a@example.com")
    )


def test_reactivated_person_shows_invite_and_then_active(company: Company, client: Client) -> None:
    scim_diagnosis_cases.was_deleted(company)
    people.reactivate_person(scim_diagnosis_cases.ada(), actor=HELPDESK)

    # A person whom the provider deleted starts again with a new invite.
    assert "The invite for ada@example.com is waiting to be sent" in ask(client, ADA)

    people.activate_person(scim_diagnosis_cases.ada(), actor=HELPDESK)

    assert "Ada Lovelace has been active" in ask(client, ADA)


def test_nothing_of_another_company_is_shown(company: Company, client: Client) -> None:
    with core.in_another_tenant():
        theirs = Provider(scim_connection("entra"))
        theirs.add("ada")
        theirs("POST", "/Users", someone("ida", roles="EMPEROR"))
        profile = Profile(given_name="Ida", family_name="Rhodes", email="ida@example.com")
        people.add_person(profile, actor=HELPDESK)

    for who in (ADA, "ida@example.com", "Rhodes"):
        page = ask(client, who)
        assert "no identity provider is connected" in page
        assert "Entra" not in page


@pytest.mark.parametrize("who", ["", " ", "x" * 255])
def test_empty_or_too_long_query_is_refused(company: Company, client: Client, who: str) -> None:
    assert "of at most 254 characters" in ask(client, who)


@pytest.mark.parametrize("who", ["%", "'", "<b>", "(", "[", "\u202e", "İ", "ß" * 254, "a\0b"])
def test_any_characters_are_accepted_and_escaped(
    company: Company, client: Client, who: str
) -> None:
    company.okta()

    assert "<b>" not in ask(client, who)


def test_page_without_query_shows_the_question(client: Client) -> None:
    assert "Why isn’t somebody here?" in text_of(client.get("/people/why/"))


@pytest.mark.parametrize("where", ["", "updates/invites/", "updates/errors/"])
def test_empty_list_links_to_the_diagnosis(company: Company, client: Client, where: str) -> None:
    scim_diagnosis_cases.is_invited(company)

    page = text_of(client.get(f"/people/{where}", {"q": "grace@example.com"}))

    assert '/people/why/?who=grace%40example.com" class="ramp-button">Why isn’t' in page


def test_query_count_does_not_grow_with_data(company: Company, client: Client) -> None:
    okta = company.okta()
    scim_id = okta.add()
    okta.replace(scim_id, "roles", "EMPEROR")
    few = len(queries_of(client, f"/people/why/?who={ADA}"))
    for number in range(20):
        okta.add(f"more-{number}")
        okta("POST", "/Users", someone(f"no-{number}", roles="EMPEROR"))
        okta.replace(scim_id, "title", f"Countess {number}")
    okta.replace(scim_id, "roles", "EMPEROR")

    assert len(queries_of(client, f"/people/why/?who={ADA}")) == few <= 18
    assert len(queries_of(client, "/people/why/?who=nobody@example.com")) <= 22

"""The global search."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from people import search as people_search
from people import tenancy
from people.models import Person, Tenant
from provisioning import search as provisioning_search
from provisioning.models import ExternalGroup, IdentityProvider
from scim import search as scim_search
from scim.models import RequestLog
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider, someone
from tests.factories import core
from tests.factories.scim import scim_connection, scim_group
from tests.support import sign_in_flow

pytestmark = pytest.mark.django_db

# pytest-xdist needs the same parameters in each process.
UNKNOWN = "0d9c6a7e-5a1f-4c39-9b0e-1f6f3f0c2b77"
HEADING = re.compile(r"<h2>([^<]+)</h2>")
RESULT = re.compile(
    r'<a href="([^"]+)" class="ramp-result" data-result>.*?<bdi>(.*?)</bdi>.*?'
    r'<span class="ramp-result-detail">(.*?)</span>',
    re.DOTALL,
)


@pytest.fixture(autouse=True)
def tenant(db: None) -> Iterator[Tenant]:
    tenant = core.tenant(slug="acme")
    with tenancy.use(tenant):
        yield tenant


@pytest.fixture
def client(tenant: Tenant) -> Client:
    return signed_in(core.owner())


def search(client: Client, text: str, **headers: str) -> Any:
    return client.get("/search/", {"q": text}, headers=headers)


def sections_of(page: Any) -> dict[str, list[tuple[str, str, str]]]:
    """Return the results by heading, each as title, address and detail."""
    _, *parts = HEADING.split(page.content.decode())
    return {
        heading: [
            (unescape(title), unescape(url), unescape(detail))
            for url, title, detail in RESULT.findall(part)
        ]
        for heading, part in zip(parts[::2], parts[1::2], strict=True)
    }


def titles(client: Client, text: str, section: str) -> list[str]:
    return [title for title, _, _ in sections_of(search(client, text)).get(section, [])]


class TestPeople:
    @pytest.fixture(autouse=True)
    def quill(self, tenant: Tenant) -> Person:
        core.person(given_name="Ada", family_name="Lovelace", email="a.lovelace@x.example")
        return core.person(given_name="Ada", family_name="Quill", email="quill@x.example")

    @pytest.mark.parametrize(
        "text", ["Quill", "quill", "ada quill", "Quill Ada", "ada qui", "  quill ", "l@x.example"]
    )
    def test_people_are_found_by_parts_of_names_and_addresses(
        self, client: Client, text: str
    ) -> None:
        assert titles(client, text, "People") == ["Ada Quill"]

    def test_exact_address_is_the_first_result(self, client: Client, quill: Person) -> None:
        scim_group(scim_connection(), "quill@x.example")

        found = sections_of(search(client, "Quill@X.example"))

        assert next(iter(found.items())) == (
            "People",
            [("Ada Quill", f"/people/{quill.pk}/", "quill@x.example")],
        )

    def test_person_is_found_by_id(self, client: Client, quill: Person) -> None:
        assert titles(client, str(quill.pk), "People") == ["Ada Quill"]

    def test_terminated_people_come_last(self, client: Client) -> None:
        core.person(given_name="Abe", family_name="Quill", state=Person.State.TERMINATED)

        assert titles(client, "quill", "People") == ["Ada Quill", "Abe Quill (Terminated)"]

    @pytest.mark.parametrize("text", ["E-1815", "e1815@idp.example"])
    def test_person_is_found_by_user_name_and_external_id(self, client: Client, text: str) -> None:
        scim = Provider(scim_connection())
        scim.add("zoe", userName="e1815@idp.example", externalId="E-1815")

        (found,) = sections_of(search(client, text))["People"]

        assert f"{text} at Okta" in found[2]

    def test_six_people_are_shown_with_a_link_to_all(self, client: Client) -> None:
        for _ in range(10):
            core.person(family_name="Many")

        page = search(client, "Many")

        assert len(sections_of(page)["People"]) == 6
        assert "/people/?q=Many" in text_of(page)


class TestGroups:
    def test_pushed_group_is_found(self, client: Client) -> None:
        connection = scim_connection()
        group = scim_group(connection, "Tax team")

        assert sections_of(search(client, "tax"))["Groups"] == [
            ("Tax team", f"/integrations/scim/{connection.pk}/groups/{group.pk}/", "Group at Okta")
        ]

    def test_group_from_a_sign_in_is_found(self, client: Client) -> None:
        sign_in_flow.come_in(
            sign_in_flow.provider(), given_groups=sign_in_flow.groups("Tax & audit")
        )

        ((title, url, detail),) = sections_of(search(client, "tax"))["Groups"]

        assert (title, detail) == ("Tax & audit", "Group at Corp")
        assert client.get(url).status_code == 200


class TestConnectionsAndProviders:
    def test_both_are_found_by_name(self, client: Client) -> None:
        connection, provider = scim_connection("entra"), sign_in_flow.provider("Entra ID")

        found = sections_of(search(client, "entra"))

        assert found["Connections"] == [
            ("Microsoft Entra", f"/integrations/scim/{connection.pk}/", "SCIM connection")
        ]
        assert found["Sign-in providers"] == [
            ("Entra ID", f"/tenants/acme/auth-providers/{provider.pk}/", "OpenID Connect")
        ]

    def test_disconnected_connection_is_found(self, client: Client, tenant: Tenant) -> None:
        connection = scim_connection(disconnected_at=tenant.created_at)

        ((_, _, detail),) = sections_of(search(client, "okta"))["Connections"]

        assert detail == "Disconnected"
        assert "Connect Okta" in titles(client, "okta", "Pages")
        assert titles(client, "dry run", "Settings") == []
        assert str(connection.pk) in text_of(search(client, "okta"))

    def test_removed_provider_is_not_found(self, client: Client, tenant: Tenant) -> None:
        sign_in_flow.provider("Entra ID", removed_at=tenant.created_at)

        assert "Sign-in providers" not in sections_of(search(client, "entra"))


class TestRequests:
    def refused(self) -> RequestLog:
        scim = Provider(scim_connection())
        answer = scim("POST", "/Users", someone("zoe", name={}))
        assert answer.status == 400
        found: RequestLog = RequestLog.objects.get()
        return found

    @pytest.mark.parametrize(
        "written",
        [
            *("{id}", "{hex}", "{upper}", "{short}", "Request {short}", "Request {id}"),
            "An internal error occurred. Contact Ramp with the request ID {id}.",
        ],
    )
    def test_scim_request_is_found_by_any_form_of_its_id(
        self, client: Client, written: str
    ) -> None:
        log = self.refused()
        core.person(given_name="Request", family_name="Contact")
        identifier = str(log.pk)
        text = written.format(
            id=identifier, hex=log.pk.hex, upper=identifier.upper(), short=identifier[:8]
        )

        heading, found = next(iter(sections_of(search(client, text)).items()))

        assert heading == "Requests"
        assert [one[:2] for one in found] == [
            (
                f"Request {identifier}",
                f"/integrations/scim/{log.connection_id}/requests/{identifier}/",
            )
        ]
        assert "Okta: POST /Users, answered 400" in found[0][2]

    def test_scim_request_with_an_event_is_listed_once(self, client: Client) -> None:
        scim = Provider(scim_connection())
        scim.add("zoe")
        request_id = RequestLog.objects.get().pk

        assert len(sections_of(search(client, str(request_id)))["Requests"]) == 1

    def test_page_request_is_found_by_its_x_request_id(self, client: Client) -> None:
        ada = core.person()
        answer = client.post(f"/people/{ada.pk}/deactivate/", {})
        request_id = answer["X-Request-Id"]

        ((title, url, _),) = sections_of(search(client, request_id))["Requests"]

        assert title == f"Request {request_id}"
        assert "deactivated" in text_of(client.get(url))

    @pytest.mark.parametrize("text", [UNKNOWN, "00000000", "deadbeef-", "abc-def"])
    def test_unknown_id_finds_no_request(self, client: Client, text: str) -> None:
        self.refused()

        assert "Requests" not in sections_of(search(client, text))


class TestPages:
    @pytest.mark.parametrize(
        ("text", "title"),
        [
            ("SSO", "Auth providers"),
            ("single sign-on", "Auth providers"),
            ("offboarding", "Scheduled terminations"),
            ("token", "API tokens"),
            ("token", "SCIM settings"),
            ("invites", "Team updates"),
            ("why", "Access diagnosis"),
            ("mass", "Bulk changes"),
            ("password", "Change password"),
            ("okta", "Connect Okta"),
            ("team updates", "Sync errors"),
        ],
    )
    def test_page_is_found_by_synonyms(self, client: Client, text: str, title: str) -> None:
        found = sections_of(search(client, text))

        assert title in [one[0] for one in found.get("Pages", []) + found.get("Settings", [])]

    def test_page_of_a_connection_is_found_with_its_name(self, client: Client) -> None:
        okta, entra = scim_connection("okta"), scim_connection("entra")

        both = sections_of(search(client, "dry run"))["Settings"]
        one = sections_of(search(client, "dry run entra"))["Settings"]

        assert {url for _, url, _ in both} == {
            f"/integrations/scim/{key.pk}/what-if/" for key in (okta, entra)
        }
        assert one == [("Dry run", f"/integrations/scim/{entra.pk}/what-if/", "Microsoft Entra")]

    def test_name_of_a_connection_alone_finds_no_pages_of_it(self, client: Client) -> None:
        scim_connection("okta")

        found = sections_of(search(client, "okta"))

        assert [title for title, _, _ in found["Settings"]] == ["Auth providers"]
        assert "Pages" not in found

    def test_each_page_of_the_navigation_is_found(self, client: Client) -> None:
        scim_connection()
        navigation = re.search(
            r'id="nav-sidebar-apps".*?</nav>', client.get("/home/").content.decode(), re.DOTALL
        )
        assert navigation
        named = re.findall(r"<a[^>]*>.*?<span>([^<]+)</span>", navigation[0], re.DOTALL)
        assert "Overview" in named

        for title in named:
            assert titles(client, title, "Pages") + titles(client, title, "Settings"), title

    @pytest.mark.parametrize("role", Person.ADMINISTERING)
    def test_each_found_page_opens(self, tenant: Tenant, role: str) -> None:
        scim_connection()
        client = signed_in(core.administrator(role=role))
        pages = (*people_search.PAGES, *scim_search.PAGES, *provisioning_search.PAGES)

        for page in (*pages, *scim_search.SETTINGS, provisioning_search.CHANGE_PASSWORD):
            heading, found = next(iter(sections_of(search(client, page.title)).items()))
            assert (heading, found[0][0]) == (page.section.heading, page.title)
            for _, url, _ in found:
                assert client.get(url, follow=True).status_code == 200, url


class TestPermissions:
    @pytest.fixture
    def secrets(self, tenant: Tenant) -> list[str]:
        """Return search texts that match rows of another tenant."""
        with core.in_another_tenant() as another:
            person = core.person(family_name="Xanadu", email="x@xanadu.example")
            connection = scim_connection("rippling")
            group = scim_group(connection, "Xanadu group")
            scim = Provider(connection)
            scim.add("xanadu", externalId="xanadu-1")
            provider = sign_in_flow.provider("Xanadu provider")
            sign_in_flow.come_in(provider, "xa", sign_in_flow.groups("Xanadu directory"))
            ids = (person.pk, RequestLog.objects.get().pk, another.pk)
            assert ExternalGroup.objects.exists()
            assert IdentityProvider.objects.exists()
        texts = ("Xanadu", "x@xanadu.example", "xanadu-1", "Rippling", str(group.scim_id))
        return [*texts, *map(str, ids), str(ids[1])[:8], another.name]

    @pytest.mark.parametrize("role", Person.ADMINISTERING)
    def test_administrator_finds_nothing_of_another_tenant(
        self, secrets: list[str], role: str
    ) -> None:
        client = signed_in(core.administrator(role=role))

        for text in secrets:
            found = sections_of(search(client, text))
            assert set(found) <= {"Pages", "Settings"}, text
            assert {one[0] for rows in found.values() for one in rows} <= {"Connect Rippling"}

    @pytest.mark.parametrize(
        "role", [Person.Role.CARDHOLDER, Person.Role.BOOKKEEPER, Person.Role.GUEST]
    )
    def test_employee_cannot_search(self, secrets: list[str], role: str) -> None:
        client = signed_in(core.person(role=role))

        for headers in ({}, {"X-Dialog": "1"}):
            answer = search(client, "xanadu", **headers)
            assert (answer.status_code, answer.content) == (302, b"")
        assert "search-dialog" not in text_of(client.get("/home/"))

    def test_anonymous_visitor_is_redirected_to_sign_in(self) -> None:
        assert search(Client(), "ada")["Location"].startswith("/sign-in/?next=/search/")

    def test_operator_finds_only_tenants(self, tenant: Tenant, secrets: list[str]) -> None:
        core.person(family_name="Xanadu")
        operator = signed_in(core.owner(is_operator=True))

        *others, name = secrets
        for text in (*others, "token", "Okta", "Olga"):
            assert sections_of(search(operator, text)) == {}, text
        found = sections_of(search(operator, name))
        assert list(found) == ["Tenants"]
        assert operator.get(found["Tenants"][0][1]).status_code == 200
        assert titles(operator, "companies", "Pages") == ["Tenants"]


class TestSearchPage:
    def test_page_without_text_has_only_the_form(self, client: Client) -> None:
        page = client.get("/search/")

        assert 'name="q"' in text_of(page)
        assert sections_of(page) == {}

    def test_dialog_gets_the_same_results_as_a_fragment(self, client: Client) -> None:
        core.person(family_name="Quill")

        page, fragment = (search(client, "quill", **h) for h in ({}, {"X-Dialog": "1"}))

        assert "<html" not in text_of(fragment)
        assert sections_of(page)["People"] == sections_of(fragment)["People"]

    def test_no_results_are_explained_with_a_link_to_the_diagnosis(self, client: Client) -> None:
        page = text_of(search(client, "xyzzy"))

        assert "No results for “xyzzy”" in page
        assert reverse("admin:why") + "?who=xyzzy" in page

    def test_names_are_escaped(self, client: Client) -> None:
        core.person(family_name="<b>O'Neill</b>")

        assert titles(client, "<b>O'Neill", "People") == ["Ada <b>O'Neill</b>"]

    @pytest.mark.parametrize("text", ["\0", "%", "a" * 201, "a " * 90, "_", "'", "\u202e", "🦊"])
    def test_unusual_text_causes_no_error(self, client: Client, text: str) -> None:
        assert search(client, text).status_code == 200


def test_people_are_searched_by_an_index(tenant: Tenant) -> None:
    # Without a tenant, no other index fits.
    with tenancy.across_tenants(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

        assert "person_search" in Person.objects.matching("quill").explain()


def test_search_needs_the_same_queries_for_any_number_of_rows(client: Client) -> None:
    connection, provider = scim_connection(), sign_in_flow.provider("Quill")

    def add(number: int) -> None:
        for one in range(number):
            person = core.person(family_name="Quill")
            scim_group(connection, f"Quill {person.email}")
            sign_in_flow.come_in(provider, f"quill-{number}-{one}", sign_in_flow.groups("Quill"))

    add(1)
    before = queries_of(client, "/search/?q=quill")
    add(10)
    after = queries_of(client, "/search/?q=quill")

    assert len(after) <= len(before) <= 14
    assert not any("COUNT(" in query for query in after)

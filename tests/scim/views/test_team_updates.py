"""The Team updates page with its tabs, filters and dialog."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people.models import Invite, Mail, Person
from people.operations import people
from people.operations.invites import lifecycle
from people.operations.roles.withheld_roles import ASKED
from people.presentation import page_links
from people.values import Actor
from scim.models import Connection, SyncError
from scim.views.team_updates import common
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider, managed_by, someone
from tests.factories import core
from tests.factories.scim import scim_connection

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")
INVITES, INACTIVE, ERRORS, *_ = TABS = (
    "/people/updates/invites/",
    "/people/updates/inactive/",
    "/people/updates/errors/",
    "/people/updates/review/",
    "/people/updates/members/",
)


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def invite(**fields: Any) -> Invite:
    return lifecycle.issue_invite(
        core.person(**{"state": Person.State.INVITED} | fields), actor=HELPDESK
    )


def badge(client: Client) -> str:
    """Return the number on the Team updates button of the People page."""
    page = text_of(client.get("/people/"))
    [button] = re.findall(
        r'<a href="/people/updates/" class="ramp-button" data-dialog(.*?)</a>', page
    )
    return "".join(re.findall(r'ramp-count">([^<]*)<', button))


class TestStartPage:
    ALL = "/people/updates/"

    def opened(self, client: Client) -> str:
        return str(client.get(self.ALL)["Location"])

    def test_opens_most_urgent_tab_with_rows(self, client: Client, scim: Provider) -> None:
        assert self.opened(client) == INVITES
        core.person(state=Person.State.INACTIVE)
        assert self.opened(client) == INACTIVE
        invite()
        assert self.opened(client) == INVITES
        core.person(withheld_roles={Person.Role.IT_ADMIN: ASKED})
        assert self.opened(client) == "/people/updates/review/"
        scim("POST", "/Users", someone("zoe", roles="EMPEROR"))
        assert self.opened(client) == ERRORS

    def test_tabs_can_be_opened_by_address(self, client: Client, scim: Provider) -> None:
        scim("POST", "/Users", someone("zoe", roles="EMPEROR"))

        for address in TABS:
            assert client.get(address).status_code == 200

    def test_bookmark_with_filters_opens_invites(self, client: Client) -> None:
        response = client.get(self.ALL, {"show": "expired", "q": "ada"})

        assert response["Location"] == f"{INVITES}?show=expired&q=ada"

    def test_query_count_does_not_grow_with_rows(self, client: Client) -> None:
        with CaptureQueriesContext(connection) as few:
            client.get(self.ALL)
        for _ in range(20):
            invite()
        with CaptureQueriesContext(connection) as many:
            client.get(self.ALL)

        assert len(many) <= len(few)
        assert not [one for one in many if "COUNT(" in one["sql"]]


class TestTabs:
    def test_tabs_show_counts(self, client: Client, scim: Provider) -> None:
        invite()
        core.person(state=Person.State.INACTIVE)
        core.person(state=Person.State.INACTIVE)
        for who in ("a", "b", "c"):
            scim("POST", "/Users", someone(who, roles="EMPEROR"))

        for address in TABS:
            page = text_of(client.get(address))
            counts = re.findall(
                r"(Pending|Inactive|Sync)[^<]*<span class=\"ramp-count\">(\d+)", page
            )
            assert counts == [("Pending", "1"), ("Inactive", "2"), ("Sync", "3")]

    @pytest.mark.parametrize("address", TABS)
    def test_current_tab_is_marked(self, client: Client, address: str) -> None:
        assert f'<a href="{address}" aria-current="page">' in text_of(client.get(address))

    @pytest.mark.parametrize("address", TABS)
    def test_are_for_administrators_of_the_company_only(
        self, client: Client, owner: Person, address: str
    ) -> None:
        assert Client().get(address)["Location"] == f"/sign-in/?next={address}"
        employee = signed_in(core.person()).get(address, follow=True)
        assert employee.redirect_chain[-1] == ("/home/", 302)
        assert (
            signed_in(core.owner(email="op@x.de", is_operator=True)).get(address).status_code == 403
        )

    @pytest.mark.parametrize("address", TABS)
    def test_nothing_of_another_company_is_shown(self, client: Client, address: str) -> None:
        with core.in_another_tenant():
            core.owner()
            scim = Provider(scim_connection())
            scim.add("secret", **managed_by("bob@example.com"))
            core.person(given_name="Secret", state=Person.State.INACTIVE)

        assert "ecret" not in client.get(address).content.decode()


class TestTheButtonOnThePeoplePage:
    def test_counts_what_needs_attention(self, client: Client, scim: Provider) -> None:
        scim("POST", "/Users", someone("ada", roles="EMPEROR"))
        late, bounced, _ = invite(), invite(), invite()
        Invite.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(days=1))
        Mail.objects.filter(invite=bounced).update(sent_at=timezone.now(), problem="550")
        core.person(state=Person.State.INACTIVE)

        assert badge(client) == "3"

    def test_has_no_number_if_nothing_needs_attention(self, client: Client) -> None:
        invite()

        assert badge(client) == ""

    def test_resent_mail_replaces_the_bounced_one(self, client: Client) -> None:
        bounced = invite()
        Mail.objects.filter(invite=bounced).update(sent_at=timezone.now(), problem="550")
        lifecycle.resend_invite(bounced.person, actor=HELPDESK)

        assert badge(client) == ""

    def test_number_is_limited(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(page_links, "COUNTED_AT_MOST", 2)
        for _ in range(4):
            late = invite()
            Invite.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(days=1))

        assert badge(client) == "2+"


class TestDialog:
    @pytest.mark.parametrize("address", TABS)
    def test_contains_the_page_without_html_frame(self, client: Client, address: str) -> None:
        page = client.get(address, headers={"X-Dialog": "1"}).content.decode()

        assert "<html" not in page
        assert page.count('<h2 id="dialog-title"') == 1
        assert "Sync errors" in page

    def test_shows_messages_of_actions(self, client: Client) -> None:
        address = f"{INVITES}{invite().pk}/resend/"

        page = text_of(client.post(address, headers={"X-Dialog": "1"}, follow=True))

        assert "<html" not in page
        assert "The invite is being resent to Ada Lovelace." in page

    def test_error_page_links_back_to_its_tab(self, client: Client, scim: Provider) -> None:
        scim("POST", "/Users", someone("ada", roles="EMPEROR"))
        address = f"{ERRORS}{SyncError.objects.get().pk}/"

        page = text_of(client.get(address, headers={"X-Dialog": "1"}))

        assert f'<a href="{ERRORS}" class="ramp-link">Team updates</a>' in page


class TestPages:
    def test_page_links_keep_the_search(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(common, "ROWS_A_PAGE", 2)
        for number in range(5):
            invite(family_name=f"Number{number}")

        page = text_of(client.get(INVITES, {"q": "Number"}))

        assert "Page 1 of 3. 5 invites" in page
        assert f'href="{INVITES}?q=Number&amp;page=2"' in page
        assert page.count("<tr>") == 3
        last = text_of(client.get(INVITES, {"q": "Number", "page": "3"}))
        assert f'href="{INVITES}?q=Number&amp;page=2"' in last
        assert "Next" not in last

    @pytest.mark.parametrize("address", TABS)
    @pytest.mark.parametrize("page", ["0", "-1", "99", "x", "9" * 30])
    def test_invalid_page_number_is_ignored(self, client: Client, address: str, page: str) -> None:
        assert client.get(address, {"page": page}).status_code == 200


class TestErrorFilters:
    @pytest.fixture(autouse=True)
    def errors(self, scim: Provider) -> None:
        entra = Provider(scim_connection("entra"))
        scim("POST", "/Users", someone("ada", roles="EMPEROR"))
        scim("POST", "/Users", someone("bob", name={"givenName": "--", "familyName": "B"}))
        entra("POST", "/Users", someone("eve", roles="EMPEROR"))

    def names(self, client: Client, **query: Any) -> list[str]:
        page = text_of(client.get(ERRORS, query))
        return sorted(re.findall(r'<bdi class="ramp-break">(\w+)@', page))

    def test_filter_by_reason(self, client: Client) -> None:
        assert self.names(client, reason="invalid-role-assignment") == ["ada", "eve"]

    def test_filter_by_connection(self, client: Client) -> None:
        entra = Connection.objects.get(provider="entra")
        assert self.names(client, connection=str(entra.pk)) == ["eve"]

    def test_search_by_person(self, client: Client) -> None:
        assert self.names(client, q="BOB@") == ["bob"]

    def test_filter_by_state(self, client: Client, owner: Person) -> None:
        SyncError.objects.filter(user_name__startswith="ada").dismiss(
            actor=owner.actor, because="x"
        )
        SyncError.objects.filter(user_name__startswith="bob").update(resolved_at=timezone.now())

        assert self.names(client) == ["eve"]
        assert self.names(client, state="dismissed") == ["ada"]
        assert self.names(client, state="resolved") == ["bob"]
        assert self.names(client, state="all") == ["ada", "bob", "eve"]

    def test_invalid_filters_are_ignored(self, client: Client) -> None:
        asked = {"reason": "x", "connection": "'; --", "state": "<b>"}
        assert self.names(client, **asked) == ["ada", "bob", "eve"]

    def test_empty_result_is_reported(self, client: Client) -> None:
        assert "No error matches" in text_of(client.get(ERRORS, {"q": "xyzzy"}))


class TestEmptyErrorList:
    def test_without_a_connection(self, client: Client) -> None:
        assert "No identity provider connected" in text_of(client.get(ERRORS))

    def test_before_the_first_error(self, client: Client, scim: Provider) -> None:
        assert "No errors yet" in text_of(client.get(ERRORS))

    def test_after_all_errors_were_resolved(self, client: Client, scim: Provider) -> None:
        scim("POST", "/Users", someone("ada", roles="EMPEROR"))
        scim.add("ada")

        page = text_of(client.get(ERRORS))

        assert "Everything is resolved" in page
        assert f'href="{ERRORS}?state=all"' in page


def test_query_count_does_not_grow_with_rows(
    client: Client, scim: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "ROWS_A_PAGE", 100)

    def add_rows(numbers: range) -> None:
        for number in numbers:
            invite()
            people.deactivate_person(core.person(), actor=HELPDESK)
            scim("POST", "/Users", someone(f"emperor{number}", roles="EMPEROR"))
            scim.add(f"waiting{number}", **managed_by(f"nobody{number}"))
            core.administrator(email=f"admin{number}@example.com")
            scim("POST", "/Users", someone(f"admin{number}"))

    add_rows(range(3))
    few = [len(queries_of(client, address)) for address in (*TABS, "/people/")]
    add_rows(range(3, 60))

    assert [len(queries_of(client, address)) for address in (*TABS, "/people/")] == few
    assert max(few) <= 18

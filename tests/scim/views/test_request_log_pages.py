"""The pages of the SCIM request log."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from people import events
from people.models import Event, Mail, Person
from people.operations import people
from people.values import Actor
from scim.models import Connection, RequestLog
from scim.views import request_log
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider, managed_by, someone
from tests.factories import core
from tests.factories.large_companies import kept
from tests.factories.scim import scim_connection

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")


@pytest.fixture
def client(scim: Provider) -> Client:
    return signed_in(core.administrator())


def address(scim: Provider, request_id: str = "") -> str:
    rest = f"{request_id}/" if request_id else ""
    return f"/integrations/scim/{scim.connection.pk}/requests/{rest}"


def page(client: Client, where: str, **query: Any) -> str:
    response = client.get(where, query)
    assert response.status_code == 200
    return text_of(response)


class TestList:
    def test_shows_request_person_and_status(self, scim: Provider, client: Client) -> None:
        answer = scim("POST", "/Users", someone())
        refused = scim("POST", "/Users", someone("bob", roles="EMPEROR"))

        shown = page(client, address(scim))

        assert address(scim, answer.request_id) in shown
        assert address(scim, refused.request_id) in shown
        for word in ("POST /Users", "Ada Lovelace", "bob@example.com", "201", "400", " ms"):
            assert word in shown

    def test_filter_by_outcome(self, scim: Provider, client: Client) -> None:
        good = scim("POST", "/Users", someone()).request_id
        bad = scim("POST", "/Users", b"{").request_id

        successes = page(client, address(scim), outcome="success")
        errors = page(client, address(scim), outcome="errors")

        assert good in successes
        assert bad not in successes
        assert bad in errors
        assert good not in errors

    @pytest.mark.parametrize(
        "words", ["ada", "LOVELACE", "ada@example.com", "countess", "Ada Love"]
    )
    def test_search_by_names_and_addresses(
        self, scim: Provider, client: Client, words: str
    ) -> None:
        hers = scim("POST", "/Users", someone(userName="countess")).request_id
        his = scim("POST", "/Users", someone("bob", name={"givenName": "B", "familyName": "C"}))

        shown = page(client, address(scim), who=words)

        assert hers in shown
        assert his.request_id not in shown

    def test_search_finds_refused_user(self, scim: Provider, client: Client) -> None:
        refused = scim("POST", "/Users", someone("bob", roles="EMPEROR"))

        assert refused.request_id in page(client, address(scim), who="BOB@example")

    def test_search_by_path(self, scim: Provider, client: Client) -> None:
        scim_id = scim.add()
        added = RequestLog.objects.get().pk
        changed = scim.replace(scim_id, "title", "Countess").request_id

        shown = page(client, address(scim), path=scim_id.upper())

        assert changed in shown
        assert str(added) not in shown

    def test_filter_by_dates(self, scim: Provider, client: Client) -> None:
        [row] = kept(scim.connection, 1)
        RequestLog.objects.update(received_at="2026-03-05T23:59:59Z")

        for since, until, is_in in (
            ("2026-03-05", "2026-03-05", True),
            ("2026-03-06", "", False),
            ("", "2026-03-04", False),
            ("", "9999-12-31", True),
        ):
            shown = page(client, address(scim), since=since, until=until)
            assert (str(row.pk) in shown) is is_in

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ({"since": "yesterday"}, "From"),
            ({"until": "2026-02-30"}, "To"),
            ({"path": "x" * 1000}, "Path"),
            ({"who": "x" * 255}, "Person"),
            ({"before": "x"}, "Before"),
            ({"outcome": "maybe"}, "Outcome"),
        ],
    )
    def test_invalid_filter_is_ignored_and_reported(
        self, scim: Provider, client: Client, query: dict[str, str], named: str
    ) -> None:
        [row] = kept(scim.connection, 1)

        shown = page(client, address(scim), **query)

        assert f"Ignored because the value is not valid: {named}." in shown
        assert str(row.pk) in shown

    def test_older_page_keeps_the_search(self, scim: Provider, client: Client) -> None:
        rows = kept(scim.connection, 60)
        kept(scim.connection, 60, path="/Groups/x")

        first = page(client, address(scim), path="users")
        last = rows[request_log.REQUESTS_A_PAGE - 1]
        second = page(client, address(scim), path="users", before=last.pk)

        assert f"?path=users&amp;before={last.pk}" in first
        assert str(rows[49].pk) in first
        assert str(rows[50].pk) not in first
        assert str(rows[49].pk) not in second.replace(f"before={last.pk}", "")
        assert all(str(row.pk) in second for row in rows[50:])
        assert "/Groups" not in first + second
        assert ">Older<" not in second

    def test_pages_are_complete_for_requests_of_the_same_instant(
        self, scim: Provider, client: Client
    ) -> None:
        rows = kept(scim.connection, 60)
        RequestLog.objects.update(received_at=timezone.now())
        order = list(RequestLog.objects.order_by("-pk").values_list("pk", flat=True))

        first = page(client, address(scim))
        second = page(client, address(scim), before=order[49])

        assert len(rows) == 60
        assert all(str(pk) in first for pk in order[:50])
        assert all(str(pk) in second for pk in order[50:])

    def test_shows_retention_and_oldest_request(self, scim: Provider, client: Client) -> None:
        kept(scim.connection, 1)
        RequestLog.objects.update(received_at="2026-03-05T10:00:00Z")

        shown = page(client, address(scim))

        assert "kept for 30 days" in shown
        assert "The oldest request here is from 5 March 2026, 10:00 UTC." in shown

    def test_empty_list_explains_why(self, scim: Provider, client: Client) -> None:
        assert "No requests yet" in page(client, address(scim))
        kept(scim.connection, 1)
        assert "No request matches" in page(client, address(scim), path="/Groups")
        assert "No request was refused" in page(client, address(scim), outcome="errors")

    def test_requests_of_other_connections_are_not_shown(
        self, scim: Provider, client: Client
    ) -> None:
        other = scim_connection("entra")
        kept(other, 1, path="/Groups/secret")

        assert "/Groups/secret" not in page(client, address(scim))

    def test_query_count_does_not_grow_with_requests(self, scim: Provider, client: Client) -> None:
        scim("POST", "/Users", someone())
        scim("POST", "/Users", someone("bob", roles="EMPEROR"))
        few = len(queries_of(client, address(scim)))
        for number in range(20):
            scim.add(f"more-{number}")
            scim("POST", "/Users", someone(f"no-{number}", roles="EMPEROR"))
        kept(scim.connection, 1000)

        assert len(queries_of(client, address(scim))) == few <= 9
        assert len(queries_of(client, f"{address(scim)}?who=ada&path=users")) <= 9


class TestRequest:
    def test_shows_body_without_secrets(self, scim: Provider, client: Client) -> None:
        sent = someone(password="correct horse")
        answer = scim("POST", "/Users", sent, User_Agent="Okta SCIM Client 1.0.0")

        shown = page(client, address(scim, answer.request_id))

        assert "Okta SCIM Client 1.0.0" in shown
        assert "&quot;givenName&quot;: &quot;Ada&quot;" in shown
        assert "&quot;password&quot;: &quot;••••••&quot;" in shown
        assert "horse" not in shown
        assert scim.token not in shown

    def test_shows_all_changes_of_the_request(self, scim: Provider, client: Client) -> None:
        answer = scim("POST", "/Users", someone())

        shown = page(client, address(scim, answer.request_id))

        assert "Accepted: Okta added Ada Lovelace; Okta invited Ada Lovelace." in shown
        assert "<ins><bdi>Research</bdi></ins>" in shown
        person = Person.objects.get(email="ada@example.com")
        assert f'href="/people/{person.pk}/"' in shown
        assert Event.objects.filter(request_id=answer.request_id).count() == 2

    def test_shows_mail_caused_by_the_request(self, scim: Provider, client: Client) -> None:
        answer = scim("POST", "/Users", someone())
        assert Mail.objects.get().request_id

        shown = page(client, address(scim, answer.request_id))

        assert "The invite is waiting to be sent to ada@example.com" in shown

    def test_shows_ignored_and_interpreted_values(self, scim: Provider, client: Client) -> None:
        created = scim("POST", "/Users", someone(title="x" * 201, shoeSize=43))
        changed = scim.replace(created.id, "active", "True")

        shown = page(client, address(scim, created.request_id))
        assert "Ignored: title, may be 200 characters long at most" in shown
        assert "Ignored: shoeSize, unknown" in shown
        shown = page(client, address(scim, changed.request_id))
        assert "in active as true" in shown
        assert "Known from Entra." in shown

    def test_shows_reason_of_a_refusal(self, scim: Provider, client: Client) -> None:
        answer = scim("POST", "/Users", someone(roles="EMPEROR"))

        shown = page(client, address(scim, answer.request_id))

        reason = "User is not eligible to receive assigned role"
        assert f"Refused: {reason}. Nothing was changed." in shown
        assert "Response" in shown
        assert "<bdi>EMPEROR</bdi>" in shown
        assert "No people were changed, and no emails were sent." in shown

    def test_shows_partly_applied_request(self, scim: Provider, client: Client) -> None:
        answer = scim("POST", "/Users", someone(**managed_by("bob@example.com")))

        shown = page(client, address(scim, answer.request_id))

        assert "Partly applied: Manager&#x27;s email is not" in shown
        assert "<bdi>bob@example.com</bdi>" in shown

    def test_shows_that_no_changes_were_needed(self, scim: Provider, client: Client) -> None:
        answer = scim.replace(scim.add(), "title", "Countess")

        shown = page(client, address(scim, answer.request_id))

        assert "Accepted. No changes were needed." in shown

    def test_shows_that_connection_was_not_activated(self, scim: Provider, client: Client) -> None:
        Connection.objects.update(activated_at=None)
        answer = scim("POST", "/Users", someone())

        shown = page(client, address(scim, answer.request_id))

        assert "The connection was not activated yet" in shown

    def test_shows_that_the_body_was_truncated(self, scim: Provider, client: Client) -> None:
        answer = scim("POST", "/Users", someone(title="x" * 70_000))

        assert "the first 65,536 characters" in page(client, address(scim, answer.request_id))

    @pytest.mark.parametrize("body", ["[" * 10_000, "\ufffd{", '{"a": 1', "", "NaN"])
    def test_unreadable_body_is_shown(self, scim: Provider, client: Client, body: str) -> None:
        [row] = kept(scim.connection, 1, body=body, answer=body, status=400)

        page(client, address(scim, str(row.pk)))

    def test_request_of_another_connection_is_not_found(
        self, scim: Provider, client: Client
    ) -> None:
        other = Provider(scim_connection("entra"))
        request_id = scim("POST", "/Users", someone()).request_id

        assert client.get(address(other, request_id)).status_code == 404
        assert client.get(address(scim, str(uuid4()))).status_code == 404


class TestRequestOfAnyInterface:
    def test_scim_request_redirects_to_its_page(self, scim: Provider, client: Client) -> None:
        request_id = scim("POST", "/Users", someone()).request_id

        response = client.get(f"/people/requests/{request_id}/")

        assert response["Location"] == address(scim, request_id)

    def test_shows_changes_made_by_a_page(self, scim: Provider, client: Client) -> None:
        ada = core.person()
        client.post(f"/people/{ada.pk}/deactivate/", {"reason": "Lost laptop"})
        request_id = Event.objects.get().request_id

        shown = page(client, f"/people/requests/{request_id}/")

        assert "deactivated Ada Lovelace" in shown
        assert "Reason: Lost laptop" in shown
        assert f"/people/requests/{request_id}/" in page(client, f"/people/{ada.pk}/")

    def test_shows_a_hundred_events_per_page(self, scim: Provider, client: Client) -> None:
        request_id = uuid4()
        with events.caused_by(request_id):
            for _ in range(101):
                people.deactivate_person(core.person(), actor=HELPDESK)
        last = Event.objects.order_by("pk")[99]

        first = page(client, f"/people/requests/{request_id}/")
        second = page(client, f"/people/requests/{request_id}/", after=last.pk)

        assert f"?after={last.pk}" in first
        assert first.count(">helpdesk@example.com deactivated") == 100
        assert second.count(">helpdesk@example.com deactivated") == 1

    def test_shows_events_after_the_log_was_emptied(self, scim: Provider, client: Client) -> None:
        request_id = scim("POST", "/Users", someone()).request_id
        RequestLog.objects.all().delete()

        shown = page(client, f"/people/requests/{request_id}/")

        assert "Okta added Ada Lovelace" in shown

    @pytest.mark.parametrize("after", ["x", "-1"])
    def test_invalid_page_number_is_not_found(
        self, scim: Provider, client: Client, after: str
    ) -> None:
        request_id = scim("POST", "/Users", someone()).request_id

        assert client.get(address(scim, request_id), {"after": after}).status_code == 404


def test_requests_of_another_company_are_not_found(scim: Provider, client: Client) -> None:
    with core.in_another_tenant():
        theirs = Provider(scim_connection("entra"))
        request_id = theirs("POST", "/Users", someone()).request_id

    assert client.get(address(theirs)).status_code == 404
    assert client.get(address(theirs, request_id)).status_code == 404
    assert client.get(f"/people/requests/{request_id}/").status_code == 404
    assert client.get(f"/people/requests/{uuid4()}/").status_code == 404


def test_pages_are_for_administrators_only(scim: Provider, owner: Person) -> None:
    request_id = scim("POST", "/Users", someone()).request_id
    employee, operator = core.person(), core.owner(is_operator=True)

    for where in (address(scim), address(scim, request_id), f"/people/requests/{request_id}/"):
        assert signed_in(employee).get(where, follow=True).redirect_chain[-1][0] == "/home/"
        assert signed_in(operator).get(where).status_code == 403
        assert Client().get(where)["Location"].startswith("/sign-in/")


def test_request_page_links_to_a_dry_run_of_the_request(scim: Provider, owner: Person) -> None:
    client = signed_in(owner)
    scim.add("ada")
    log = RequestLog.objects.get()

    link = f"/integrations/scim/{scim.connection.pk}/what-if/?request={log.pk}"
    page = text_of(client.get(f"/integrations/scim/{scim.connection.pk}/requests/{log.pk}/"))

    assert link in page
    assert "ada@example.com" in text_of(client.get(link))

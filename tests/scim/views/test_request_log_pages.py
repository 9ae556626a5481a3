"""The pages of the request log …"""

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
    def test_tells_what_was_asked_about_whom_and_how_it_ended(
        self, scim: Provider, client: Client
    ) -> None:
        answer = scim("POST", "/Users", someone())
        refused = scim("POST", "/Users", someone("bob", roles="EMPEROR"))

        shown = page(client, address(scim))

        assert address(scim, answer.request_id) in shown
        assert address(scim, refused.request_id) in shown
        for word in ("POST /Users", "Ada Lovelace", "bob@example.com", "201", "400", " ms"):
            assert word in shown

    def test_shows_successes_and_errors_apart(self, scim: Provider, client: Client) -> None:
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
    def test_finds_a_person_by_what_they_are_called(
        self, scim: Provider, client: Client, words: str
    ) -> None:
        hers = scim("POST", "/Users", someone(userName="countess")).request_id
        his = scim("POST", "/Users", someone("bob", name={"givenName": "B", "familyName": "C"}))

        shown = page(client, address(scim), who=words)

        assert hers in shown
        assert his.request_id not in shown

    def test_finds_a_person_who_never_came_to_be(self, scim: Provider, client: Client) -> None:
        refused = scim("POST", "/Users", someone("bob", roles="EMPEROR"))

        assert refused.request_id in page(client, address(scim), who="BOB@example")

    def test_finds_a_path(self, scim: Provider, client: Client) -> None:
        scim_id = scim.add()
        added = RequestLog.objects.get().pk
        changed = scim.replace(scim_id, "title", "Countess").request_id

        shown = page(client, address(scim), path=scim_id.upper())

        assert changed in shown
        assert str(added) not in shown

    def test_keeps_to_the_dates(self, scim: Provider, client: Client) -> None:
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
    def test_ignores_what_it_does_not_understand(
        self, scim: Provider, client: Client, query: dict[str, str], named: str
    ) -> None:
        [row] = kept(scim.connection, 1)

        shown = page(client, address(scim), **query)

        assert f"Ignored because the value is not valid: {named}." in shown
        assert str(row.pk) in shown

    def test_leads_to_the_older_ones_and_keeps_the_search(
        self, scim: Provider, client: Client
    ) -> None:
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

    def test_loses_nobody_among_those_of_one_instant(self, scim: Provider, client: Client) -> None:
        rows = kept(scim.connection, 60)
        RequestLog.objects.update(received_at=timezone.now())
        order = list(RequestLog.objects.order_by("-pk").values_list("pk", flat=True))

        first = page(client, address(scim))
        second = page(client, address(scim), before=order[49])

        assert len(rows) == 60
        assert all(str(pk) in first for pk in order[:50])
        assert all(str(pk) in second for pk in order[50:])

    def test_says_how_long_requests_are_kept(self, scim: Provider, client: Client) -> None:
        kept(scim.connection, 1)
        RequestLog.objects.update(received_at="2026-03-05T10:00:00Z")

        shown = page(client, address(scim))

        assert "kept for 30 days" in shown
        assert "The oldest request here is from 5 March 2026, 10:00 UTC." in shown

    def test_is_empty_in_its_own_words_each_time(self, scim: Provider, client: Client) -> None:
        assert "No requests yet" in page(client, address(scim))
        kept(scim.connection, 1)
        assert "No request matches" in page(client, address(scim), path="/Groups")
        assert "No request was refused" in page(client, address(scim), outcome="errors")

    def test_shows_no_other_connections_requests(self, scim: Provider, client: Client) -> None:
        other = scim_connection("entra")
        kept(other, 1, path="/Groups/secret")

        assert "/Groups/secret" not in page(client, address(scim))

    def test_asks_as_little_of_a_thousand_requests_as_of_one(
        self, scim: Provider, client: Client
    ) -> None:
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
    def test_shows_what_was_sent_without_its_secrets(self, scim: Provider, client: Client) -> None:
        sent = someone(password="correct horse")
        answer = scim("POST", "/Users", sent, User_Agent="Okta SCIM Client 1.0.0")

        shown = page(client, address(scim, answer.request_id))

        assert "Okta SCIM Client 1.0.0" in shown
        assert "&quot;givenName&quot;: &quot;Ada&quot;" in shown
        assert "&quot;password&quot;: &quot;••••••&quot;" in shown
        assert "horse" not in shown
        assert scim.token not in shown

    def test_tells_everything_that_it_did(self, scim: Provider, client: Client) -> None:
        answer = scim("POST", "/Users", someone())

        shown = page(client, address(scim, answer.request_id))

        assert "Accepted: Okta added Ada Lovelace; Okta invited Ada Lovelace." in shown
        assert "<ins><bdi>Research</bdi></ins>" in shown
        person = Person.objects.get(email="ada@example.com")
        assert f'href="/people/{person.pk}/"' in shown
        assert Event.objects.filter(request_id=answer.request_id).count() == 2

    def test_tells_the_mail_that_it_caused(self, scim: Provider, client: Client) -> None:
        answer = scim("POST", "/Users", someone())
        assert Mail.objects.get().request_id

        shown = page(client, address(scim, answer.request_id))

        assert "The invite is waiting to be sent to ada@example.com" in shown

    def test_tells_what_was_ignored_and_understood(self, scim: Provider, client: Client) -> None:
        created = scim("POST", "/Users", someone(title="x" * 201, shoeSize=43))
        changed = scim.replace(created.id, "active", "True")

        shown = page(client, address(scim, created.request_id))
        assert "Ignored: title, may be 200 characters long at most" in shown
        assert "Ignored: shoeSize, unknown" in shown
        shown = page(client, address(scim, changed.request_id))
        assert "in active as true" in shown
        assert "Known from Entra." in shown

    def test_tells_why_it_was_refused(self, scim: Provider, client: Client) -> None:
        answer = scim("POST", "/Users", someone(roles="EMPEROR"))

        shown = page(client, address(scim, answer.request_id))

        reason = "User is not eligible to receive assigned role"
        assert f"Refused: {reason}. Nothing was changed." in shown
        assert "Response" in shown
        assert "<bdi>EMPEROR</bdi>" in shown
        assert "No people were changed, and no emails were sent." in shown

    def test_tells_what_could_not_be_done(self, scim: Provider, client: Client) -> None:
        answer = scim("POST", "/Users", someone(**managed_by("bob@example.com")))

        shown = page(client, address(scim, answer.request_id))

        assert "Partly applied: Manager&#x27;s email is not" in shown
        assert "<bdi>bob@example.com</bdi>" in shown

    def test_tells_that_nothing_had_to_be_done(self, scim: Provider, client: Client) -> None:
        answer = scim.replace(scim.add(), "title", "Countess")

        shown = page(client, address(scim, answer.request_id))

        assert "Accepted. No changes were needed." in shown

    def test_tells_that_it_waits_for_the_activation(self, scim: Provider, client: Client) -> None:
        Connection.objects.update(activated_at=None)
        answer = scim("POST", "/Users", someone())

        shown = page(client, address(scim, answer.request_id))

        assert "The connection was not activated yet" in shown

    def test_says_that_a_body_was_cut(self, scim: Provider, client: Client) -> None:
        answer = scim("POST", "/Users", someone(title="x" * 70_000))

        assert "the first 65,536 characters" in page(client, address(scim, answer.request_id))

    @pytest.mark.parametrize("body", ["[" * 10_000, "\ufffd{", '{"a": 1', "", "NaN"])
    def test_shows_any_body(self, scim: Provider, client: Client, body: str) -> None:
        [row] = kept(scim.connection, 1, body=body, answer=body, status=400)

        page(client, address(scim, str(row.pk)))

    def test_is_found_only_below_its_own_connection(self, scim: Provider, client: Client) -> None:
        other = Provider(scim_connection("entra"))
        request_id = scim("POST", "/Users", someone()).request_id

        assert client.get(address(other, request_id)).status_code == 404
        assert client.get(address(scim, str(uuid4()))).status_code == 404


class TestAddressOfAnyRequest:
    def test_leads_to_the_page_of_a_scim_request(self, scim: Provider, client: Client) -> None:
        request_id = scim("POST", "/Users", someone()).request_id

        response = client.get(f"/people/requests/{request_id}/")

        assert response["Location"] == address(scim, request_id)

    def test_tells_what_a_page_view_did(self, scim: Provider, client: Client) -> None:
        ada = core.person()
        client.post(f"/people/{ada.pk}/deactivate/", {"reason": "Lost laptop"})
        request_id = Event.objects.get().request_id

        shown = page(client, f"/people/requests/{request_id}/")

        assert "deactivated Ada Lovelace" in shown
        assert "Reason: Lost laptop" in shown
        assert f"/people/requests/{request_id}/" in page(client, f"/people/{ada.pk}/")

    def test_tells_of_a_hundred_deeds_at_a_time(self, scim: Provider, client: Client) -> None:
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

    def test_survives_the_log(self, scim: Provider, client: Client) -> None:
        request_id = scim("POST", "/Users", someone()).request_id
        RequestLog.objects.all().delete()

        shown = page(client, f"/people/requests/{request_id}/")

        assert "Okta added Ada Lovelace" in shown

    @pytest.mark.parametrize("after", ["x", "-1"])
    def test_refuses_an_address_that_makes_no_sense(
        self, scim: Provider, client: Client, after: str
    ) -> None:
        request_id = scim("POST", "/Users", someone()).request_id

        assert client.get(address(scim, request_id), {"after": after}).status_code == 404


def test_say_nothing_of_another_company(scim: Provider, client: Client) -> None:
    with core.in_another_tenant():
        theirs = Provider(scim_connection("entra"))
        request_id = theirs("POST", "/Users", someone()).request_id

    assert client.get(address(theirs)).status_code == 404
    assert client.get(address(theirs, request_id)).status_code == 404
    assert client.get(f"/people/requests/{request_id}/").status_code == 404
    assert client.get(f"/people/requests/{uuid4()}/").status_code == 404


def test_are_for_administrators_only(scim: Provider, owner: Person) -> None:
    request_id = scim("POST", "/Users", someone()).request_id
    employee, operator = core.person(), core.owner(is_operator=True)

    for where in (address(scim), address(scim, request_id), f"/people/requests/{request_id}/"):
        assert signed_in(employee).get(where, follow=True).redirect_chain[-1][0] == "/home/"
        assert signed_in(operator).get(where).status_code == 403
        assert Client().get(where)["Location"].startswith("/sign-in/")


def test_leads_from_what_was_sent_to_what_it_would_do_now(scim: Provider, owner: Person) -> None:
    client = signed_in(owner)
    scim.add("ada")
    log = RequestLog.objects.get()

    link = f"/integrations/scim/{scim.connection.pk}/what-if/?request={log.pk}"
    page = text_of(client.get(f"/integrations/scim/{scim.connection.pk}/requests/{log.pk}/"))

    assert link in page
    assert "ada@example.com" in text_of(client.get(link))

"""The page for dry runs of SCIM requests."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Event, Person
from scim.models import RequestLog, SyncError
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import ENT, PATCH, RAMP, Provider, managed_by, someone
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def address(scim: Provider) -> str:
    return f"/integrations/scim/{scim.connection.pk}/what-if/"


def ask(client: Client, scim: Provider, method: str, path: str, body: Any = "") -> str:
    text = body if isinstance(body, str) else json.dumps(body)
    data = {"method": method, "path": path, "body": text}
    return text_of(client.post(address(scim), data))


def change(**values: Any) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": [{"op": "replace", "value": values}]}


def example(client: Client, scim: Provider, **query: str) -> tuple[str, str, Any]:
    """Return the example request that the form contains."""
    form = client.get(address(scim), query).context["form"]
    return tuple(form[name].value() for name in ("method", "path", "body"))


def test_shows_status_and_changes_without_applying_them(scim: Provider, client: Client) -> None:
    ada = scim.add()

    page = ask(client, scim, "PATCH", f"/Users/{ada}", change(**{ENT: {"department": "Legal"}}))

    assert "200: the request would be accepted." in page
    assert "Okta changed department from Research to Legal" in page
    assert "No email would be sent." in page
    assert str(Person.objects.get(email="ada@example.com").department) == "Research"


def test_shows_invite_and_recipient(scim: Provider, client: Client) -> None:
    page = ask(client, scim, "POST", "/Users", someone("grace"))

    assert "201: the request would be accepted." in page
    assert "Okta added Grace Lovelace" in page
    assert "Okta invited Grace Lovelace" in page
    assert "grace@example.com" in page.partition("Resulting roles")[0]
    assert not Person.objects.filter(email="grace@example.com").exists()


def test_shows_refusal_and_the_sync_error(scim: Provider, client: Client) -> None:
    ada = scim.add()

    body = change(**managed_by("ada@example.com"))
    page = ask(client, scim, "PATCH", f"/Users/{ada}", body)

    assert "400: the request would be refused, and nobody would be changed." in page
    assert "Would be listed: <bdi>ada@example.com</bdi>: Employees can" in page
    assert not SyncError.objects.exists()


def test_shows_sync_errors_that_would_be_resolved(scim: Provider, client: Client) -> None:
    ada = scim.add()
    scim.replace(ada, "roles", [{"value": "KING"}])

    page = ask(client, scim, "PATCH", f"/Users/{ada}", change(title="Countess"))

    assert "Would be resolved: <bdi>ada@example.com</bdi>: User is not eligible" in page
    assert SyncError.objects.open().count() == 1


def test_shows_resulting_roles(scim: Provider, client: Client) -> None:
    ada = scim.add()

    body = change(roles=[{"type": "rampUserRole", "value": "BUSINESS_BOOKKEEPER"}])
    page = ask(client, scim, "PATCH", f"/Users/{ada}", body)

    assert "Okta changed role from Cardholder to Bookkeeper" in page
    assert "<bdi>Ada Lovelace</bdi></dt> <dd><p>Bookkeeper, from Okta" in page


def test_writes_no_event_and_no_request_log(scim: Provider, client: Client) -> None:
    before = Event.objects.count(), RequestLog.objects.count()

    ask(client, scim, "POST", "/Users", someone("grace"))
    ask(client, scim, "POST", "/Users", someone("grace", **{RAMP: None}))

    assert (Event.objects.count(), RequestLog.objects.count()) == before


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "/Users", '{"userName": ', "400: the request would be refused"),
        ("POST", "/Users", "x" * (1024 * 1024 + 1), "The request body may hold at most 1 MiB."),
        ("POST", "/Users", "x" * 2_000_001, "The request body may hold at most 1 MiB."),
        ("POST", "/Nothing", "{}", "Not found: /Nothing."),
        ("DELETE", "/Users", "", "405: the request would be refused"),
        ("GET", "/Users", "", "A read changes nothing, so it cannot be previewed."),
        ("POST", "", "", "This field is required."),
        ("POST", "/Bulk", "{}", "Run the operations of a bulk request one at a time."),
        ("PATCH", "/Users/xyz", "{}", "A PATCH needs a list of “Operations”."),
        ("POST", "/Users", "\x00", "Null characters are not allowed."),
    ],
)
def test_invalid_request_is_explained(
    scim: Provider, client: Client, method: str, path: str, body: str, words: str
) -> None:
    assert words in ask(client, scim, method, path, body)


def test_full_url_is_accepted_as_path(scim: Provider, client: Client) -> None:
    ada = scim.add()

    page = ask(client, scim, "DELETE", f"https://ramp.example.com/scim/v2/Users/{ada}")

    assert "204: the request would be accepted." in page
    assert "Okta deactivated Ada Lovelace" in page


def test_user_of_another_connection_is_not_found(
    scim: Provider, connect: Connect, client: Client
) -> None:
    ada = connect("entra").add()

    assert "404: the request would be refused" in ask(client, scim, "DELETE", f"/Users/{ada}")


@pytest.mark.parametrize("provider", ["okta", "entra", "rippling", "generic"])
@pytest.mark.parametrize(
    ("kind", "status"), [("change", 200), ("deactivate", 200), ("manager", 400), ("add", 201)]
)
def test_examples_can_be_run(
    connect: Connect, client: Client, provider: str, kind: str, status: int
) -> None:
    scim = connect(provider)
    scim.add()

    page = ask(client, scim, *example(client, scim, example=kind))

    assert f"{status}: the request would be" in page


def test_example_can_be_about_a_chosen_user(scim: Provider, client: Client) -> None:
    scim.add()
    grace = scim.add("grace")

    _, path, body = example(client, scim, who="GRACE@example.com")

    assert path == f"/Users/{grace}"
    assert json.loads(body)["userName"] == "grace@example.com"


def test_unknown_user_name_is_reported(scim: Provider, client: Client) -> None:
    page = text_of(client.get(address(scim), {"who": "nobody@example.com"}))

    assert "No user of this connection has that userName." in page


def test_form_can_be_filled_from_a_logged_request(scim: Provider, client: Client) -> None:
    refused = scim("POST", "/Users", someone("grace", **{RAMP: None}))

    method, path, body = example(client, scim, request=refused.request_id)

    assert (method, path) == ("POST", "/Users")
    assert json.loads(body)["userName"] == "grace@example.com"


def test_inactive_connection_is_explained(connect: Connect, client: Client) -> None:
    scim = connect(activated_at=None)

    page = ask(client, scim, "POST", "/Users", someone("grace"))

    assert "This connection is not activated yet." in page
    assert "Nobody would be changed" in page


def test_disconnected_connection_is_explained(scim: Provider, client: Client) -> None:
    scim.connection.disconnected_at = timezone.now()
    scim.connection.save()

    page = ask(client, scim, "POST", "/Users", someone("grace"))

    assert "Every request to it is refused with 401" in page
    assert "the request would be" not in page


def test_is_for_administrators_of_the_company_only(scim: Provider, client: Client) -> None:
    assert signed_in(core.person()).get(address(scim)).status_code == 302
    with core.in_another_tenant():
        foreign = scim_connection("okta")
    assert client.get(f"/integrations/scim/{foreign.pk}/what-if/").status_code == 404

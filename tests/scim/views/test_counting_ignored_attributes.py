"""The list of attributes that a provider sends and Ramp ignores, in SCIM settings."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from people.models import Person
from scim.models import RequestLog
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider
from tests.scim.conftest import Connect
from tests.support.scim_settings import page_of

pytestmark = pytest.mark.django_db

MARCH = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
APRIL = datetime(2026, 4, 3, 8, 15, tzinfo=UTC)


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def test_attribute_shows_count_first_date_and_link_to_newest_request(
    client: Client, scim: Provider
) -> None:
    with time_machine.travel(MARCH, tick=False):
        ada = scim.add("ada", shoeSize=43, title="x" * 201)
    with time_machine.travel(APRIL, tick=False):
        newest = scim.patch(ada, {"op": "add", "path": "shoeSize", "value": 44}).request_id
        page = page_of(client, scim.connection)
        request = client.get(f"/integrations/scim/{scim.connection.pk}/requests/{newest}/")

    row = page[page.index("shoeSize, unknown") :]
    row = row[: row.index("</tr>")]
    assert '<td data-label="Requests"><span>2 since' in row
    assert "2 March 2026, 12:30:00 UTC" in row
    assert f"/requests/{newest}/" in row
    assert "title, may be 200 characters long at most" in page
    assert "Ignored: shoeSize" in text_of(request)


def test_operations_of_bulk_requests_are_counted(client: Client, scim: Provider) -> None:
    user = {"userName": "ada", "shoeSize": 43}
    operation = {"method": "POST", "path": "/Users", "bulkId": "1", "data": user}
    scim("POST", "/Bulk", {"Operations": [operation]})

    assert "shoeSize, unknown" in page_of(client, scim.connection)


def test_attributes_of_other_connections_are_not_counted(client: Client, connect: Connect) -> None:
    connect("entra").add("ada", shoeSize=43)
    okta = connect("okta")
    okta.add("bea")

    page = page_of(client, okta.connection)

    assert "shoeSize" not in page
    assert "Ramp keeps every attribute that Okta sends." in page


def test_unreadable_requests_are_skipped(client: Client, scim: Provider) -> None:
    assert "Ignored" not in page_of(client, scim.connection)
    scim("POST", "/Users", b"[")
    scim("POST", "/Users", [1])
    scim("POST", "/Bulk", {"Operations": [1, {"method": "POST", "path": "/Users", "data": 2}]})

    assert "Ramp keeps every attribute" in page_of(client, scim.connection)


def test_most_frequent_attributes_are_listed_first_up_to_twenty(
    client: Client, scim: Provider
) -> None:
    scim.add("ada", **{f"custom{number}": "x" for number in range(25)})
    scim.add("bea", custom24="x")

    page = page_of(client, scim.connection)

    assert page.index("custom24, unknown") < page.index("custom0, unknown")
    assert page.count(", unknown") == 20
    assert "5 more attributes are ignored." in page


def test_large_bodies_are_read_only_up_to_a_limit(client: Client, scim: Provider) -> None:
    scim.add("ada", shoeSize=43)
    one = RequestLog.objects.get()
    RequestLog.objects.update(body=one.body[:-1] + " " * 65_000 + "}")
    for number in range(40):
        scim.add(f"p{number}", notes="x" * 64_000)

    assert "shoeSize" not in page_of(client, scim.connection)

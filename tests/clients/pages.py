"""Going to pages as somebody, and counting what that costs."""

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from people import tenancy
from people.models import Person


def signed_in(person: Person) -> Client:
    client = Client()
    # A sign-in stores when it happened.
    with tenancy.use(person.tenant_id):
        client.force_login(person)
    return client


def queries_of(client: Client, address: str) -> list[str]:
    """Return what the page asks the database."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


def text_of(response: Any) -> str:
    """Return the page as a reader sees its words: whole, and with single spaces between them."""
    return " ".join(response.content.decode().replace("<wbr>", "").split())

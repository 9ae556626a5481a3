"""SCIM settings as an administrator comes to them."""

from datetime import UTC, datetime

from django.test import Client

from scim.models import Connection
from tests.clients.pages import text_of

NOON = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
HOME = "/integrations/scim/"


def address_of(connection: Connection) -> str:
    return f"{HOME}{connection.pk}/"


def page_of(client: Client, connection: Connection) -> str:
    return text_of(client.get(address_of(connection)))

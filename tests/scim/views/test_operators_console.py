"""What the operators' pages show about the connections of a tenant."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Tenant
from scim.models import SyncError
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider, someone
from tests.factories import core
from tests.factories.scim import scim_connection

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(tenant: Tenant) -> Client:
    with core.in_another_tenant():
        return signed_in(core.owner(is_operator=True))


def cell(client: Client, tenant: Tenant, label: str) -> str:
    """Return this column of the tenant's row."""
    (row,) = re.findall(rf">{tenant.name}</a>.*?</tr>", text_of(client.get("/tenants/")))
    (found,) = re.findall(rf'data-label="{label}"[^>]*> ?(.*?) ?</td>', row)
    return str(found)


def test_time_of_the_last_sync_is_shown(tenant: Tenant, operator: Client) -> None:
    now = timezone.now()
    scim_connection("okta", last_update_at=now - timedelta(hours=3))
    scim_connection("entra", last_update_at=now - timedelta(days=3))

    assert cell(operator, tenant, "Last sync") == "3 hours ago"
    settings = text_of(operator.get(f"/tenants/{tenant.slug}/settings/"))
    assert "(3 hours ago)" in settings


def test_update_of_a_moment_ago_is_shown(tenant: Tenant, operator: Client) -> None:
    scim = Provider(scim_connection(last_update_at=timezone.now() - timedelta(days=3)))
    scim.add("zoe")

    assert cell(operator, tenant, "Last sync") == "just now"


def test_connection_without_sync_is_shown_as_never_synced(tenant: Tenant, operator: Client) -> None:
    scim_connection()

    assert cell(operator, tenant, "Last sync") == "—"
    assert "Never" in text_of(operator.get(f"/tenants/{tenant.slug}/settings/"))


def test_open_errors_of_the_last_day_are_counted(tenant: Tenant, operator: Client) -> None:
    scim = Provider(scim_connection())
    for name in ("zoe", "eve", "old", "done"):
        assert scim("POST", "/Users", someone(name, name={})).status == 400
    SyncError.objects.filter(user_name__startswith="old").update(
        happened_at=timezone.now() - timedelta(days=2)
    )
    SyncError.objects.filter(user_name__startswith="done").update(dismissed_at=timezone.now())

    assert cell(operator, tenant, "Sync errors, last day") == "2"
    page = text_of(operator.get(f"/tenants/{tenant.slug}/settings/"))
    assert "<dt>Sync errors of the last day</dt><dd>2</dd>" in page


def test_names_and_addresses_of_people_are_not_shown(tenant: Tenant, operator: Client) -> None:
    scim = Provider(scim_connection())
    scim.add("zoe", name={"givenName": "Zoe", "familyName": "Xanadu"})
    assert scim("POST", "/Users", someone("eve", name={})).status == 400

    for address in ("/tenants/", f"/tenants/{tenant.slug}/settings/"):
        page = text_of(operator.get(address)).lower()
        assert not any(word in page for word in ("xanadu", "zoe", "eve@", "owner@"))


def test_query_count_does_not_grow_with_tenants(tenant: Tenant, operator: Client) -> None:
    scim_connection()
    before = queries_of(operator, "/tenants/")
    for _ in range(4):
        with core.in_another_tenant():
            scim_connection()

    assert len(queries_of(operator, "/tenants/")) == len(before)

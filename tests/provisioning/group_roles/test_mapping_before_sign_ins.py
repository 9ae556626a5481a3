"""Mapping a group of Active Directory before its members have signed in."""

import pytest
from django.core.cache import cache
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import IdentityProvider
from tests.clients.pages import text_of
from tests.services.active_directory import ActiveDirectory
from tests.services.postgres_redis_smtp import free_port
from tests.support.active_directory import added, sign_in_as, unused_name

pytestmark = pytest.mark.django_db

MAPPINGS = "/tenants/acme/mappings/"


@pytest.fixture
def corp(live_active_directory: IdentityProvider) -> IdentityProvider:
    return live_active_directory


@pytest.fixture
def admin(owner_client: Client) -> Client:
    return owner_client


@pytest.fixture
def name() -> str:
    return unused_name()


def draft(admin: Client, corp: IdentityProvider, group: str) -> str:
    values = {"group": group, "role": Person.Role.BOOKKEEPER}
    return text_of(admin.post(f"{MAPPINGS}?provider={corp.pk}", values, follow=True))


def test_page_and_preview_show_who_would_get_the_role(
    admin: Client, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
) -> None:
    other = unused_name()
    inner = active_directory.add_group(
        f"in-{name}", active_directory.add_person(name, "Dora", "New")
    )
    active_directory.add_group(
        f"fin-{name}", inner, active_directory.add_person(other, "Olaf", "Known")
    )
    sign_in_as(other, corp, Client())

    page = draft(admin, corp, f"fin-{name}")
    preview = text_of(admin.get(f"{MAPPINGS}{corp.pk}/apply/"))

    for shown in (page, preview):
        assert "Dora New" in shown
    assert "1 who has not signed in" in page
    assert "They get the role at their first sign-in" in preview


def test_page_shows_the_mapping_if_the_base_dn_is_wrong(
    admin: Client, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
) -> None:
    active_directory.add_group(f"fin-{name}", active_directory.add_person(name))
    draft(admin, corp, f"fin-{name}")
    with tenancy.use(corp.tenant):
        corp.settings["base_dn"] = f"OU=Nowhere,{corp.settings['base_dn']}"
        corp.save()
    cache.clear()

    page = admin.get(f"{MAPPINGS}?provider={corp.pk}")

    assert page.status_code == 200
    assert f"fin-{name}" in text_of(page)


def test_members_are_not_read_unless_live_browsing_is_on(
    admin: Client, acme: Tenant, active_directory: ActiveDirectory, name: str
) -> None:
    corp = added(acme, active_directory.document())
    active_directory.add_group(f"fin-{name}", active_directory.add_person(name, "Dora", "New"))

    assert "Dora New" not in draft(admin, corp, f"fin-{name}")


def test_page_is_available_while_the_directory_is_down(
    admin: Client, acme: Tenant, active_directory: ActiveDirectory, name: str
) -> None:
    corp = added(acme, active_directory.document(directory_browsing="live"))
    group = active_directory.add_group(f"fin-{name}", active_directory.add_person(name))
    draft(admin, corp, active_directory.guid(group))
    with tenancy.use(acme):
        corp.settings["uri"] = f"ldaps://127.0.0.1:{free_port()}"
        corp.secret_for = ""
        corp.save()

    page = admin.get(f"{MAPPINGS}?provider={corp.pk}")

    assert page.status_code == 200

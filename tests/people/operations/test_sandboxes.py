"""Sandbox tenants."""

import pytest

from people import tenancy
from people.models import Person, Tenant
from people.operations import sandboxes
from people.values import Actor
from tests.clients.pages import signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

JOB = Actor("job", "self-test")


@pytest.fixture
def sandbox(tenant: Tenant) -> Tenant:
    return sandboxes.open_sandbox(tenant, actor=JOB)


def test_sandbox_is_created_once(tenant: Tenant, sandbox: Tenant) -> None:
    assert sandboxes.open_sandbox(tenant, actor=JOB) == sandbox


def test_sandbox_has_the_currency_of_its_company(tenant: Tenant) -> None:
    assert tenant.default_entity
    tenant.default_entity.currency = "USD"

    sandbox = sandboxes.open_sandbox(tenant, actor=JOB)

    assert sandbox.default_entity
    assert sandbox.default_entity.currency == "USD"


def test_sandbox_is_not_in_the_list_of_tenants(tenant: Tenant, sandbox: Tenant) -> None:
    page = text_of(signed_in(core.owner(is_operator=True)).get("/tenants/"))

    assert tenant.name in page
    assert "Sandbox" not in page


def test_sandbox_owner_cannot_open_pages(sandbox: Tenant) -> None:
    assert sandbox.owner

    assert signed_in(sandbox.owner).get("/people/").status_code == 302


def test_emptied_sandbox_keeps_only_its_owner(sandbox: Tenant) -> None:
    with tenancy.use(sandbox):
        boss = core.person(department=core.department(), location=core.location())
        core.person(manager=boss)

    sandboxes.empty_sandbox(sandbox)

    with tenancy.use(sandbox):
        assert Person.objects.get() == sandbox.owner

"""Users held because of their email are provisioned when the address is free."""

import pytest
from django.utils import timezone

from people import tenancy
from people.models import Person, Tenant
from scim.jobs import reapply
from scim.models import Connection, ScimUser, SyncError
from scim.tasks import run_sync_cycle
from tests.clients.scim import Provider, mail, someone
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

# With this mapping, only users with a cost center are complete.
MAPPING = {"department": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter"}


def hold_and_free(scim: Provider, *names: str, **values: object) -> None:
    """Create users whose addresses are taken, and then free the addresses."""
    for name in names:
        core.administrator(email=f"{name}@example.com")
        answer = scim("POST", "/Users", someone(name, **values))
        assert answer.status == 201
    assert not ScimUser.objects.filter(connection=scim.connection, person__isnull=False).exists()
    for name in names:
        Person.objects.filter(email=f"{name}@example.com").update(
            email=f"old.{name}@example.com", email_key=f"old.{name}@example.com"
        )


def hold_incomplete(scim: Provider, *names: str) -> None:
    """Hold users who are still refused, for another reason, when their addresses are free."""
    hold_and_free(scim, *names)
    Connection.objects.filter(pk=scim.connection.pk).update(
        mapping=MAPPING, incomplete_policy="refuse"
    )


def provisioned(scim: Provider) -> set[str]:
    users = ScimUser.objects.filter(connection=scim.connection, person__isnull=False)
    return {name.partition("@")[0] for name in users.values_list("scim_username", flat=True)}


@pytest.fixture
def scim(connect: Connect) -> Provider:
    return connect("generic")


def test_sync_cycle_provisions_users_with_freed_addresses(scim: Provider) -> None:
    hold_and_free(scim, "ada", "bob")

    run_sync_cycle(as_of=timezone.now())

    assert provisioned(scim) == {"ada", "bob"}
    assert not SyncError.objects.open().exists()


def test_one_run_processes_all_batches(scim: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reapply, "BATCH_SIZE", 2)
    hold_and_free(scim, "ada", "bob", "cy", "dan", "eve")

    assert reapply.provision_freed_addresses() == 5
    assert len(provisioned(scim)) == 5


def test_users_refused_again_do_not_delay_others(
    scim: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reapply, "BATCH_SIZE", 2)
    center = {"department": "Legal", "costCenter": "7"}
    hold_and_free(scim, "zoe", **{MAPPING["department"].rpartition(":")[0]: center})
    hold_incomplete(scim, "ada", "bob", "cy")
    # The errors of the others are older.
    SyncError.objects.filter(user_name_key="zoe@example.com").update(id=10**9)

    tried = [reapply.provision_freed_addresses(seconds=-1) for _ in range(2)]

    assert tried == [2, 2]
    assert provisioned(scim) == {"zoe"}


def test_companies_take_turns(
    scim: Provider, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reapply, "BATCH_SIZE", 2)
    hold_incomplete(scim, "ada", "bob", "cy")
    other = core.tenant(slug="other")
    with tenancy.use(other):
        core.owner(email="owner@other.example")
        theirs = Provider(scim_connection("generic"))
        hold_and_free(theirs, "zoe")

    with tenancy.across_tenants():
        assert reapply.provision_freed_addresses(seconds=-1) == 2

    with tenancy.use(other):
        assert provisioned(theirs) == {"zoe"}


def test_user_is_not_retried_while_the_address_is_taken(scim: Provider) -> None:
    core.administrator(email="ada@example.com")
    scim("POST", "/Users", someone("ada", emails=[mail("ada@example.com")]))

    assert reapply.provision_freed_addresses() == 0

"""Sign-ins while the provider is being removed."""

from collections.abc import Iterator
from functools import partial

import pytest

from people import tenancy
from people.models import Grant, Person, Tenant
from people.operations.roles.group_mappings import Author
from people.values import VIA_MAPPING, Actor
from provisioning.group_roles import mappings
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.providers import manage
from provisioning.sign_in.sign_in import sign_in
from tests.factories import core
from tests.support.concurrency import Racers
from tests.support.sign_in_flow import claims, groups, mapping, provider, role

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 4
COMING = 3
OLGA = Author(actor=Actor("person", "olga@acme.example"))


@pytest.fixture(autouse=True)
def in_acme(acme: Tenant) -> Iterator[None]:
    with tenancy.use(acme):
        core.owner(email="olga@acme.example")
        yield


def irrevocable_roles() -> int:
    """Return how many roles come from mappings that no longer exist, so cannot be revoked."""
    raised: int = Person.objects.filter(role_source__startswith=VIA_MAPPING).count()
    return raised + int(Grant.objects.filter(source__startswith=VIA_MAPPING).count())


def coming(corp: IdentityProvider) -> list[partial[SignInAttempt]]:
    return [
        partial(sign_in, corp, claims(f"{corp.name}-{number}", groups("audit", "staff")))
        for number in range(COMING)
    ]


@pytest.mark.parametrize("racers", [COMING + 1], indirect=True)
def test_simultaneous_sign_ins_leave_no_irrevocable_role(racers: Racers) -> None:
    auditor = role("Auditor")
    for number in range(ROUNDS):
        corp = provider(f"Corp{number}")
        mapping(corp, "audit", auditor)
        mapping(corp, "staff", Person.Role.BOOKKEEPER)

        racers(*coming(corp), partial(manage.remove_provider, corp, actor=OLGA.actor))

        assert irrevocable_roles() == 0


@pytest.mark.parametrize("racers", [2], indirect=True)
def test_simultaneously_applied_drafts_leave_no_irrevocable_role(racers: Racers) -> None:
    auditor = role("Auditor")
    for number in range(ROUNDS):
        corp = provider(f"Corp{number}")
        for arriving in coming(corp):
            arriving()
        mappings.add_draft(corp, "audit", auditor, author=OLGA)

        racers(
            partial(mappings.apply, corp, author=OLGA),
            partial(manage.remove_provider, corp, actor=OLGA.actor),
        )

        assert irrevocable_roles() == 0

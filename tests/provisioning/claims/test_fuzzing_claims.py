"""Fuzzing: any claims of a provider.

The suite tries a few sets, always the same. This tries 2,000 others, on SQLite, because PostgreSQL
ends a transaction that is idle while hypothesis thinks:
TESTS_DATABASE_URL=sqlite://:memory: CLAIMS_FUZZ=2000 pytest tests/provisioning/claims -k fuzzing
"""

import os
from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from people import tenancy
from people.models import Person, Tenant
from people.values import is_usable_name
from provisioning.claims.values import Unreadable, read_text
from provisioning.models import Identity, IdentityProvider
from provisioning.oidc.token_claims import claims_from
from provisioning.providers.config import settings_of
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import sign_in
from tests.factories import core
from tests.support import sign_in_flow
from tests.support.sign_in_flow import mapping

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("CLAIMS_FUZZ", "60"))
ROLES = {"fin": Person.Role.BOOKKEEPER, "boss": Person.Role.ADMIN}
PATHS = ["groups", "realm_access.roles", "https://acme.example/groups", "groups.name", "a.b.c"]

words = st.sampled_from(
    ["fin", "boss", "staff", "Ada", "Case, Ina", "ada@acme.example", "0", "true"]
)
texts = st.one_of(words, st.text(max_size=12), st.lists(words, min_size=2).map(",".join))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), texts, st.just("x" * 600), st.just("\0")
)
keys = st.one_of(
    st.sampled_from(["id", "value", "name", "displayName", "display", "roles", "formatted", "fin"]),
    st.text(max_size=6),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
NAMES = ["email", "email_verified", "given_name", "family_name", "name", "groups"]
MORE = [
    "realm_access",
    "https://acme.example/groups",
    "a",
    "_claim_names",
    "hasgroups",
    "hd",
    "tid",
]
# None leaves the claim out.
claim_sets = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES + MORE, values))


@settings(
    max_examples=EXAMPLES,
    derandomize="CLAIMS_FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    sets=st.lists(claim_sets, min_size=1, max_size=3),
    path=st.sampled_from(PATHS),
    separator=st.sampled_from(["", "none", ",", " "]),
    adds_unverified=st.booleans(),
)
def test_any_claims_raise_no_error_and_grant_only_mapped_roles(
    acme: Tenant, sets: list[dict[str, Any]], path: str, separator: str, adds_unverified: bool
) -> None:
    with tenancy.use(acme), transaction.atomic():
        provider = _provider(path, separator, adds_unverified=adds_unverified)
        _sign_in(provider, KNOWN)
        person = Person.objects.get(identities__provider=provider)
        for value in sets:
            before = Person.objects.get(pk=person.pk)
            _sign_in(provider, {"sub": "known", **value})
            _check(before, Person.objects.get(pk=person.pk), provider, value)
        for number, value in enumerate(sets):
            _sign_in(provider, {"sub": f"new-{number}", **value})
        _check_roles(provider)
        transaction.set_rollback(True)


KNOWN = {
    "sub": "known",
    "email": "known@acme.example",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "groups": ["fin"],
}


def _provider(path: str, separator: str, *, adds_unverified: bool) -> IdentityProvider:
    core.owner()
    fields = sign_in_flow.OIDC | {"groups_claim": path, "groups_separator": separator}
    provider = sign_in_flow.provider(settings=fields, adds_unverified=adds_unverified)
    for group, role in ROLES.items():
        mapping(provider, group, role)
    return provider


def _sign_in(provider: IdentityProvider, fields: dict[str, Any]) -> None:
    with suppress(SignInRefused):
        sign_in(provider, claims_from(fields, settings_of(provider)))


def _check(
    before: Person, after: Person, provider: IdentityProvider, fields: dict[str, Any]
) -> None:
    """Check that known values changed only to readable values of the claims."""
    for field in ("given_name", "family_name"):
        stated = read_text(fields.get(field))
        if getattr(before, field) != getattr(after, field):
            assert getattr(after, field) == stated
    if before.pending_email != after.pending_email:
        assert after.pending_email.casefold() == str(read_text(fields["email"])).casefold()
    groups = claims_from(fields, settings_of(provider)).groups
    if groups.known is None:
        assert before.role == after.role
    for field in ("given_name", "family_name", "email"):
        if isinstance(read_text(fields.get(field)), Unreadable):
            assert getattr(before, field) == getattr(after, field)
    assert is_usable_name(after.given_name)


def _check_roles(provider: IdentityProvider) -> None:
    """Check that each role comes from a mapping of a group that the person is in."""
    for identity in Identity.objects.filter(provider=provider, retired_at=None):
        groups = set(identity.groups.values_list("external_id", flat=True))
        person = identity.person
        allowed = {role for group, role in ROLES.items() if group in groups}
        assert person.role in allowed | {Person.Role.CARDHOLDER}

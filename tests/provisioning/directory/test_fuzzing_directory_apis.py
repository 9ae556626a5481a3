"""Fuzzing: any response of the API of a directory.

The suite tries some answers, always the same. To try 2,000 others for each kind, run this on
SQLite, because PostgreSQL ends a transaction that is idle while hypothesis thinks:
TESTS_DATABASE_URL=sqlite://:memory: API_FUZZ=2000 pytest <this file>
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioning.directory.base import (
    DirectoryFailed,
    DirectoryPerson,
    LiveDirectory,
    Page,
    Standing,
)
from provisioning.directory.factory import live_directory
from tests.support.cloud_directories import ORGANIZATION, CloudProvider, added

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_acme")]

FUZZ: Final = settings(
    max_examples=int(os.environ.get("API_FUZZ", "40")),
    derandomize="API_FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["dora", "SUSPENDED", "False", "2", "https://[", "http://x/?$skiptoken=1"]),
    st.text(max_size=8),
)
OTHERS: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def shaped(**usual: Any) -> st.SearchStrategy[Any]:
    """Return objects with any of the attributes, each with its usual or any other value."""
    either = {name: st.one_of(value, value, OTHERS) for name, value in usual.items()}
    return st.fixed_dictionaries({}, optional=either)


WORDS: Final = st.sampled_from(["dora", "Dora New", "u1", "g1"])
REFERENCE: Final = shaped(value=WORDS, display=WORDS, type=st.just("User"), primary=st.booleans())
REFERENCES: Final = st.lists(REFERENCE, max_size=3)
# A person, a group or an application in the shapes of all vendors at once.
RESOURCE: Final = shaped(
    id=WORDS,
    displayName=WORDS,
    userName=WORDS,
    username=WORDS,
    path=WORDS,
    name=st.one_of(WORDS, shaped(givenName=WORDS, familyName=WORDS, formatted=WORDS)),
    profile=shaped(login=WORDS, email=WORDS, name=WORDS, firstName=WORDS, department=WORDS),
    emails=REFERENCES,
    groups=REFERENCES,
    members=REFERENCES,
    status=st.just("ACTIVE"),
    active=st.booleans(),
    enabled=st.booleans(),
    subGroups=st.lists(shaped(id=WORDS, name=WORDS, path=WORDS), max_size=2),
    subGroupCount=st.integers(0, 2),
    settings=shaped(implicitAssignment=st.booleans()),
    appRoleAssignmentRequired=st.booleans(),
)
RESOURCES: Final = st.lists(RESOURCE, max_size=3)
LIST: Final = shaped(value=RESOURCES, Resources=RESOURCES, totalResults=st.integers(0, 3))
VALUES: Final = st.one_of(OTHERS, RESOURCE, RESOURCES, LIST)
STATUSES: Final = st.sampled_from([200] * 6 + [404, 403])
ANSWERS: Final = st.lists(st.tuples(STATUSES, VALUES), min_size=1, max_size=6)
TEXTS: Final = [one.name for one in fields(DirectoryPerson) if one.name != "details"]


@pytest.fixture(params=["graph", "okta", "keycloak", "keycloak-roles", "scim"])
def live(request: pytest.FixtureRequest, cloud: CloudProvider) -> LiveDirectory:
    kind, _, roles = request.param.partition("-")
    issuer = f"{cloud.url}/{ORGANIZATION}/v2.0" if kind == "graph" else cloud.url
    cloud.discovery = {"issuer": issuer}
    below = {"scim": "/api/v1", "keycloak": "/admin/realms/acme"}.get(kind, "")
    more = {"directory_token": "t0ken"} if kind in ("okta", "scim") else {}
    more |= {"groups_claim": "realm_access.roles"} if roles else {}
    address = f"{cloud.url}{below}"
    return live_directory(added(cloud, kind, issuer=issuer, directory_url=address, **more))


def questions(live: LiveDirectory) -> list[Callable[[], Any]]:
    return [
        lambda: live.people("do"),
        lambda: live.person("dora"),
        lambda: live.groups_of("dora"),
        lambda: live.groups("do"),
        lambda: live.members("do"),
        lambda: live.standing("", ["dora", "dora@acme.example"]),
        lambda: live.standing("dora", []),
    ]


@FUZZ
@given(answers=ANSWERS)
def test_any_response_is_read_or_refused_with_a_reason(
    cloud: CloudProvider, live: LiveDirectory, answers: list[tuple[int, Any]]
) -> None:
    for question in questions(live):
        waiting = iter(answers)
        cloud.api = lambda *_, waiting=waiting: next(waiting, answers[-1])
        with suppress(DirectoryFailed):
            check(question())


def check(found: Any) -> None:
    """Check that pages can show everything that was found."""
    match found:
        case Page(items=items, next=following):
            assert isinstance(following, str)
            check(items)
        case list():
            for one in found:
                check(one)
        case Standing(person=person):
            check(person)
        case DirectoryPerson():
            assert all(isinstance(getattr(found, name), str) for name in TEXTS)
            assert all(isinstance(value, str) for value in found.details.values())

"""A deactivation is carried out even if the rest of the request is refused."""

import importlib
import itertools
import pkgutil
from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import Settings
from scim2_models import SCIMException

import people
import scim as scim_package
from people.models import Person
from people.values import PeopleError
from scim.api import rate_limits
from scim.models import Connection, RequestLog, ScimUser, SyncError
from tests.clients.scim import Provider
from tests.scim.conftest import Connect
from tests.support.scim_leavers import (
    ELSEWHERE,
    FIELD_CASES,
    MAY_REFUSE,
    REFUSED,
    WAYS,
    Refused,
    Way,
)

pytestmark = pytest.mark.django_db

CASES = REFUSED | FIELD_CASES
EVERY_CASE = [
    *itertools.product(REFUSED, Connection.Incomplete.values),
    *((name, "refuse") for name in FIELD_CASES),
]


def refusal_reasons() -> set[str]:
    """Return all reasons of refusals: codes of PeopleErrors, names of SCIM exceptions."""
    modules = []
    for package in (people, scim_package):
        found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        names = [one.name for one in found if "migrations" not in one.name]
        modules += [importlib.import_module(name) for name in names]
    values = [value for module in modules for value in vars(module).values()]
    classes = {value for value in values if isinstance(value, type)}
    exceptions = {one for one in classes if issubclass(one, SCIMException)} - {SCIMException}
    errors = {one for one in classes if issubclass(one, PeopleError)} - {PeopleError}
    here = [one for one in errors if ".pages." not in one.__module__]
    return {one.__name__ for one in exceptions} | {one.code for one in here}


def test_every_reason_of_a_refusal_is_covered() -> None:
    unknown = refusal_reasons() - set(REFUSED) - set(MAY_REFUSE) - ELSEWHERE

    assert not unknown, (
        f"Not tested whether {', '.join(sorted(unknown))} can prevent a deactivation. Add to "
        "REFUSED in tests/support/scim_leavers.py a request that is refused for it, or add it to "
        "ELSEWHERE there if no SCIM request can be."
    )


@pytest.fixture(autouse=True)
def _clear_rate_limits() -> Iterator[None]:
    yield
    rate_limits.local_buckets.clear()


def connect_with_ada(connect: Connect, policy: str, case: Refused) -> tuple[Provider, str]:
    """Provision Ada, and set up what the refusal needs."""
    scim = connect(incomplete_policy=policy, default_department="Sales", default_location="Rome")
    scim_id = scim.add("ada")
    case.given(scim)
    return scim, scim_id


def apply_settings(settings: Settings, scim: Provider, case: Refused) -> None:
    """Apply the settings of the case, and use up the rate limit if they set one."""
    for name, value in case.settings.items():
        setattr(settings, name, value)
    rate_limits.local_buckets.clear()
    if case.settings:
        scim("GET", "/Users")
        scim("POST", "/Users", {})


@pytest.mark.parametrize("code", REFUSED)
def test_request_without_deactivation_is_refused(
    connect: Connect, settings: Settings, code: str
) -> None:
    """Proves that the cases below contain a value that is refused."""
    case = REFUSED[code]
    scim, scim_id = connect_with_ada(connect, "refuse", case)
    apply_settings(settings, scim, case)
    way = Way("PATCH" if case.operations else "PUT", {"active": True})

    answer = way.send(scim, scim_id, case)

    assert answer.status >= 400
    error = SyncError.objects.order_by("pk").last()
    if code[0].islower():
        assert error
        assert error.reason == code
    else:
        [raised] = [one for one in scim_exceptions() if one.__name__ == code]
        assert answer.status == raised.status
        assert answer.body.get("scimType", "") == raised.scim_type


def scim_exceptions() -> Iterator[type[SCIMException]]:
    pending = [SCIMException]
    while pending:
        found = pending.pop().__subclasses__()
        pending += found
        yield from found


@pytest.mark.parametrize(("code", "policy"), EVERY_CASE)
def test_deactivation_succeeds_despite_refused_values_in_every_form(
    connect: Connect, settings: Settings, code: str, policy: str
) -> None:
    case = CASES[code]
    scim, scim_id = connect_with_ada(connect, policy, case)
    apply_settings(settings, scim, case)

    for way in WAYS:
        if way.method == "PUT" and case.operations:
            continue
        with transaction.atomic():
            answer = way.send(scim, scim_id, case)
            text = f"{way}: {answer.status} {answer.content.decode()[:500]}"
            assert way.was_accepted(answer), text
            user = ScimUser.objects.select_related("person").get(scim_id=scim_id)
            assert user.person
            assert user.person.state == Person.State.INACTIVE, text
            assert not user.active, text
            transaction.set_rollback(True)


# Deactivations do not count against rate limits, and too large requests are accepted in parts.
WHOLLY_ACCEPTED = ("TooManyRequests", "PayloadTooLargeException")


@pytest.mark.parametrize("code", REFUSED)
def test_refused_values_of_a_deactivation_are_listed(
    connect: Connect, settings: Settings, code: str
) -> None:
    case = REFUSED[code]
    scim, scim_id = connect_with_ada(connect, "refuse", case)
    way = Way("PATCH" if case.operations else "PUT", {"active": False})

    answer = way.send(scim, scim_id, case)

    assert way.was_accepted(answer)
    log = RequestLog.objects.get(pk=answer.request_id)
    if code in WHOLLY_ACCEPTED:
        assert not SyncError.objects.exists()
        return
    error = SyncError.objects.open().get(request=log)
    assert error.person == Person.objects.get(email="ada@example.com")
    assert log.status == answer.status
    assert error.message in log.answer

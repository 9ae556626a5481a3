"""A request that says somebody has left deactivates them, …"""

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


def codes() -> set[str]:
    """Return what a request may be refused for: codes of PeopleErrors, names of exceptions."""
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


def test_whatever_new_reason_for_a_refusal_comes_to_be() -> None:
    unknown = codes() - set(REFUSED) - set(MAY_REFUSE) - ELSEWHERE

    assert not unknown, (
        f"Nobody has tried whether {', '.join(sorted(unknown))} can keep somebody in who has "
        "left. Add to REFUSED in tests/scim/api/leavers.py what a request says to be refused for "
        "it; or add it to ELSEWHERE there if no SCIM request can be."
    )


@pytest.fixture(autouse=True)
def _allowance() -> Iterator[None]:
    yield
    rate_limits.local_buckets.clear()


def connected(connect: Connect, policy: str, case: Refused) -> tuple[Provider, str]:
    """Have Ada provisioned, and happen what the refusal needs."""
    scim = connect(incomplete_policy=policy, default_department="Sales", default_location="Rome")
    scim_id = scim.add("ada")
    case.given(scim)
    return scim, scim_id


def use_up(settings: Settings, scim: Provider, case: Refused) -> None:
    """Change the settings, and use up what the token may ask if they limit that."""
    for name, value in case.settings.items():
        setattr(settings, name, value)
    rate_limits.local_buckets.clear()
    if case.settings:
        scim("GET", "/Users")
        scim("POST", "/Users", {})


@pytest.mark.parametrize("code", REFUSED)
def test_although_the_rest_is_refused_when_it_comes_alone(
    connect: Connect, settings: Settings, code: str
) -> None:
    """Otherwise the tests below would show nothing."""
    case = REFUSED[code]
    scim, scim_id = connected(connect, "refuse", case)
    use_up(settings, scim, case)
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
def test_whatever_else_is_refused_and_however_it_is_said(
    connect: Connect, settings: Settings, code: str, policy: str
) -> None:
    case = CASES[code]
    scim, scim_id = connected(connect, policy, case)
    use_up(settings, scim, case)

    for way in WAYS:
        if way.method == "PUT" and case.operations:
            continue
        with transaction.atomic():
            answer = way.send(scim, scim_id, case)
            told = f"{way}: {answer.status} {answer.content.decode()[:500]}"
            assert way.was_accepted(answer), told
            user = ScimUser.objects.select_related("person").get(scim_id=scim_id)
            assert user.person
            assert user.person.state == Person.State.INACTIVE, told
            assert not user.active, told
            transaction.set_rollback(True)


# Deactivations are not counted, and what is too much at once is accepted in parts.
WHOLLY_ACCEPTED = ("TooManyRequests", "PayloadTooLargeException")


@pytest.mark.parametrize("code", REFUSED)
def test_and_lists_what_was_refused(connect: Connect, settings: Settings, code: str) -> None:
    case = REFUSED[code]
    scim, scim_id = connected(connect, "refuse", case)
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

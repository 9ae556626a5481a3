"""Guessing passwords of Active Directory accounts never locks them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from people.models import Tenant
from provisioning.models import IdentityProvider
from tests.services.active_directory import (
    BASE,
    LOCKOUT_THRESHOLD,
    PASSWORD,
    ActiveDirectory,
    windows_time,
)
from tests.support.active_directory import added, person_in, sign_in_as, the_attempt, unused_name

pytestmark = pytest.mark.django_db

STRANGER, OFFICE = "203.0.113.9", "198.51.100.7"


@pytest.fixture
def corp(acme: Tenant, active_directory: ActiveDirectory) -> IdentityProvider:
    return added(acme, active_directory.document())


@pytest.fixture
def name() -> str:
    return unused_name()


def wrong_passwords(samba: ActiveDirectory, dn: str) -> int:
    return int(samba.value(dn, "badPwdCount") or 0)


def guess(name: str, corp: IdentityProvider, *, times: int) -> None:
    """Guess from a new IP address each time, so that only the limit of the directory applies."""
    for number in range(times):
        sign_in_as(name, corp, Client(), "wrong", REMOTE_ADDR=f"203.0.113.{number}")


def spellings(name: str) -> list[str]:
    """Return spellings that a directory treats as the same name."""
    bold = "".join(chr(0x1D41A + ord(one) - ord("a")) if one.isalpha() else one for one in name)
    wide = "".join(chr(ord(one) + 0xFEE0) for one in name)
    return [name, name.upper(), name.title(), bold, wide]


def test_wrong_passwords_stop_below_the_lockout_threshold(
    active_directory: ActiveDirectory, corp: IdentityProvider, name: str
) -> None:
    dn = active_directory.add_person(name)

    guess(name, corp, times=LOCKOUT_THRESHOLD + 2)

    assert 0 < wrong_passwords(active_directory, dn) < LOCKOUT_THRESHOLD
    assert active_directory.binds(dn)
    assert the_attempt().reason == "nearly-locked"
    assert f"is locked after {LOCKOUT_THRESHOLD}" in the_attempt().detail


def test_equivalent_spellings_do_not_lock_the_account(
    active_directory: ActiveDirectory, corp: IdentityProvider, name: str
) -> None:
    dn = active_directory.add_person(name)

    for written in spellings(name):
        guess(written, corp, times=3)

    assert active_directory.binds(dn)


def test_account_with_earlier_failures_elsewhere_is_not_locked(
    active_directory: ActiveDirectory, corp: IdentityProvider, name: str
) -> None:
    dn = active_directory.add_person(name)
    for _ in range(LOCKOUT_THRESHOLD - 1):
        active_directory.binds(dn, "wrong")

    guess(name, corp, times=5)

    assert active_directory.binds(dn)


@pytest.mark.parametrize("threshold", ["1", "2", "3", "6"])
def test_any_lockout_threshold_is_respected(
    active_directory: ActiveDirectory, corp: IdentityProvider, name: str, threshold: str
) -> None:
    dn = active_directory.add_person(name)
    active_directory.change(BASE, lockoutThreshold=threshold)
    try:
        guess(name, corp, times=int(threshold) + 2)

        assert wrong_passwords(active_directory, dn) < int(threshold)
        assert active_directory.binds(dn)
    finally:
        active_directory.change(BASE, lockoutThreshold=str(LOCKOUT_THRESHOLD))


@pytest.mark.django_db(transaction=True)
def test_simultaneous_wrong_passwords_do_not_lock_the_account(
    active_directory: ActiveDirectory, corp: IdentityProvider, name: str
) -> None:
    dn = active_directory.add_person(name)

    def attempt(number: int) -> None:
        sign_in_as(name, corp, Client(), "wrong", REMOTE_ADDR=f"203.0.113.{number}")
        connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(attempt, range(8)))

    assert active_directory.binds(dn)


def test_known_device_can_sign_in_after_guesses_by_others(
    active_directory: ActiveDirectory, corp: IdentityProvider, name: str
) -> None:
    active_directory.add_person(name)
    owner, elsewhere = Client(), Client()
    sign_in_as(name, corp, owner, REMOTE_ADDR=OFFICE)
    owner.post("/sign-out/")
    guess(name, corp, times=LOCKOUT_THRESHOLD + 2)
    sign_in_as(name, corp, elsewhere, REMOTE_ADDR=STRANGER)
    assert person_in(elsewhere) is None

    sign_in_as(name, corp, owner, REMOTE_ADDR=OFFICE)

    assert person_in(owner)


def test_sign_in_works_after_the_observation_window(
    active_directory: ActiveDirectory, corp: IdentityProvider, name: str
) -> None:
    active_directory.add_person(name)
    guess(name, corp, times=5)
    active_directory.change(BASE, lockOutObservationWindow=str(-(10**7)))
    client = Client()
    try:
        deadline = datetime.now(UTC) + timedelta(seconds=10)
        while person_in(client) is None:
            assert datetime.now(UTC) < deadline
            sign_in_as(name, corp, client, REMOTE_ADDR=OFFICE)
    finally:
        active_directory.change(BASE, lockOutObservationWindow=str(-30 * 60 * 10**7))


@pytest.mark.parametrize("state", ["disabled", "expired", "must change"])
def test_only_the_correct_password_reveals_the_account_state(
    active_directory: ActiveDirectory, corp: IdentityProvider, name: str, state: str
) -> None:
    dn = active_directory.add_person(name)
    match state:
        case "disabled":
            active_directory.change(dn, userAccountControl="514")
        case "expired":
            yesterday = datetime.now(UTC) - timedelta(days=1)
            active_directory.change(dn, accountExpires=windows_time(yesterday))
        case "must change":
            active_directory.change(dn, pwdLastSet="0")
    words = {"disabled": "is disabled", "expired": "has expired", "must change": "Choose a new"}

    right = sign_in_as(name, corp, Client(), PASSWORD)
    wrong = sign_in_as(name, corp, Client(), "wrong")

    assert words[state] in right.content.decode()
    assert "Incorrect user name or password" in wrong.content.decode()

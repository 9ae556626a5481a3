"""Lockout after wrong passwords."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
import time_machine
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import FailedLogins
from provisioning.passwords import lockout
from provisioning.passwords.lockout import FREE_TRIES, GuessedTooOften, wait_after
from provisioning.passwords.login import person_with_password
from provisioning.sign_in.errors import SignInRefused
from tests.factories import core
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
RIGHT = "correct horse"


def guess(email: str = "ada@acme.example", *, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused) as refused:
            person_with_password(email, "wrong")
        assert not isinstance(refused.value, GuessedTooOften)


def is_locked(email: str = "ada@acme.example", password: str = RIGHT) -> bool:
    try:
        person_with_password(email, password)
    except GuessedTooOften:
        return True
    except SignInRefused:
        return False
    return False


def test_first_wrong_passwords_cause_no_wait(ada: Person) -> None:
    guess(times=FREE_TRIES - 1)

    assert person_with_password(ada.email, RIGHT) == ada


def test_lockout_refuses_the_correct_password(ada: Person) -> None:
    with time_machine.travel(NOON, tick=False):
        guess(times=FREE_TRIES)

        with pytest.raises(GuessedTooOften, match="Try again after 12:00:30 UTC"):
            person_with_password(ada.email, RIGHT)


def test_correct_password_works_after_the_wait(ada: Person) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        guess(times=FREE_TRIES)
        clock.shift(timedelta(seconds=29))
        assert is_locked()

        clock.shift(timedelta(seconds=1))
        assert person_with_password(ada.email, RIGHT) == ada


def test_wait_doubles_up_to_15_minutes(ada: Person) -> None:
    waits = [wait_after(tries).total_seconds() for tries in range(1, 13)]

    assert waits == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]
    assert wait_after(10**6).total_seconds() == 900


def test_wrong_password_after_the_wait_doubles_it(ada: Person) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        guess(times=FREE_TRIES)
        clock.shift(timedelta(seconds=30))
        guess()
        clock.shift(timedelta(seconds=59))
        assert is_locked()

        clock.shift(timedelta(seconds=1))
        assert not is_locked()


def test_tries_during_the_wait_do_not_extend_it(ada: Person) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        guess(times=FREE_TRIES)
        assert all(is_locked(password="wrong") for _ in range(20))

        clock.shift(timedelta(seconds=30))
        assert not is_locked()


def test_correct_password_resets_the_count(ada: Person) -> None:
    guess(times=FREE_TRIES - 1)
    person_with_password(ada.email, RIGHT)

    guess(times=FREE_TRIES - 1)
    assert not is_locked()


def test_count_resets_after_a_day(ada: Person) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        guess(times=FREE_TRIES - 1)
        clock.shift(timedelta(days=1))

        guess(times=FREE_TRIES - 1)
        assert not is_locked()


def test_failed_logins_are_deleted_after_a_day(ada: Person) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        guess("one@acme.example")
        clock.shift(timedelta(days=1, seconds=1))
        guess("two@acme.example")

    # One row for the source, and one for all sources together.
    assert FailedLogins.objects.count() == 2


def test_address_is_counted_case_insensitively(ada: Person) -> None:
    for email in ["ada@acme.example", "ADA@ACME.EXAMPLE", "Ada@Acme.example", " ada@acme.example"]:
        guess(email)
    guess("adA@acme.example")

    assert is_locked()


def test_tries_at_all_tenants_count_together(ada: Person) -> None:
    for slug in ("", "acme", "other", "", "acme"):
        with pytest.raises(SignInRefused):
            person_with_password(ada.email, "wrong", slug=slug)

    assert is_locked()


def test_unknown_address_locks_out_with_the_same_work(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashing = Mock(wraps=MD5PasswordHasher().encode)
    monkeypatch.setattr(MD5PasswordHasher, "encode", hashing)
    calls = []
    for email in (ada.email, "nobody@acme.example"):
        hashing.reset_mock()
        guess(email, times=FREE_TRIES)
        assert is_locked(email)
        calls.append(hashing.call_count)

    assert calls == [FREE_TRIES, FREE_TRIES]


def test_lockout_of_another_address_has_no_effect(ada: Person) -> None:
    guess("nobody@acme.example", times=FREE_TRIES)

    assert person_with_password(ada.email, RIGHT) == ada


def test_login_names_are_counted_for_each_tenant(acme: Tenant) -> None:
    other = core.tenant()
    with tenancy.use(acme):
        for _ in range(FREE_TRIES):
            lockout.check("ada")
        with pytest.raises(GuessedTooOften):
            lockout.check("ada")
    with tenancy.use(other):
        lockout.check("ada")


def test_canceled_tries_are_not_counted(acme: Tenant) -> None:
    with tenancy.use(acme):
        for _ in range(3 * FREE_TRIES):
            lockout.check("ada")
            lockout.cancel_try("ada")
        lockout.check("ada")


def test_entered_text_is_not_stored(ada: Person) -> None:
    guess("my password by mistake")

    rows = list(FailedLogins.objects.values())
    assert rows
    assert "password" not in str(rows)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("\uff41da@acme.example", id="full width"),
        pytest.param("\U0001d41ada@acme.example", id="bold"),
        pytest.param("a\u00adda@acme.example", id="soft hyphen"),
        pytest.param("ada@acme.example\u200b", id="zero width space"),
        pytest.param("  ADA@acme.example\t", id="spaces"),
    ],
)
def test_equivalent_spellings_of_the_address_count_together(ada: Person, written: str) -> None:
    for _ in range(FREE_TRIES):
        with pytest.raises(SignInRefused):
            person_with_password(written, "wrong")

    assert is_locked()


class TestGuessingStranger:
    """A stranger guesses Ada's password, usually from another IP address."""

    STRANGER, OFFICE = "203.0.113.9", "198.51.100.7"

    def post(self, client: Client, password: str, address: str) -> Any:
        values = {"email": "ada@acme.example", "password": password}
        return client.post("/sign-in/", values, REMOTE_ADDR=address)

    def is_in(self, client: Client) -> bool:
        return "_auth_user_id" in client.session

    def test_does_not_lock_out_the_person_at_another_ip_address(self, ada: Person) -> None:
        stranger, owner = Client(), Client()
        answers = [self.post(stranger, "wrong", self.STRANGER).status_code for _ in range(12)]
        assert answers[-1] == 429

        self.post(owner, RIGHT, self.OFFICE)

        assert self.is_in(owner)

    def test_does_not_lock_out_a_known_device_at_the_same_ip_address(self, ada: Person) -> None:
        stranger, owner = Client(), Client()
        self.post(owner, RIGHT, self.OFFICE)
        owner.post("/sign-out/")
        for _ in range(12):
            self.post(stranger, "wrong", self.OFFICE)

        self.post(owner, RIGHT, self.OFFICE)

        assert self.is_in(owner)

    def test_is_locked_out_with_the_whole_ipv6_network(self, ada: Person) -> None:
        stranger = Client()
        for number in range(12):
            last = self.post(stranger, "wrong", f"2001:db8:1:2::{number}")

        assert last.status_code == 429
        self.post(stranger, RIGHT, "2001:db8:1:2:ffff::1")
        assert not self.is_in(stranger)

    def test_gets_few_tries_from_many_ip_addresses(self, ada: Person) -> None:
        judged = 0
        with time_machine.travel(NOON, tick=False):
            for number in range(110):
                answer = self.post(Client(), "wrong", f"203.0.113.{number}")
                judged += answer.status_code != 429

        assert judged == lockout.FREE_TRIES_OF_ALL

    def test_from_many_ip_addresses_does_not_lock_out_a_known_device(self, ada: Person) -> None:
        owner = Client()
        self.post(owner, RIGHT, self.OFFICE)
        owner.post("/sign-out/")
        with time_machine.travel(timezone.now(), tick=False):
            for number in range(lockout.FREE_TRIES_OF_ALL):
                self.post(Client(), "wrong", f"203.0.113.{number}")
            assert self.post(Client(), RIGHT, "192.0.2.1").status_code == 429

            self.post(owner, RIGHT, "192.0.2.1")

        assert self.is_in(owner)

    def test_at_one_ip_address_does_not_lock_out_others(self, ada: Person) -> None:
        with time_machine.travel(NOON, tick=False) as clock:
            for _ in range(lockout.FREE_TRIES_OF_ALL + 10):
                assert self.post(Client(), "wrong", self.STRANGER).status_code != 429
                clock.shift(lockout.MAX_WAIT)

            owner = Client()
            self.post(owner, RIGHT, self.OFFICE)

        assert self.is_in(owner)

    def test_with_a_known_device_is_locked_out_too(self, ada: Person) -> None:
        thief = Client()
        self.post(thief, RIGHT, self.OFFICE)
        thief.post("/sign-out/")
        answers = [self.post(thief, "wrong", f"203.0.113.{n}").status_code for n in range(12)]

        assert answers.count(429) == 12 - FREE_TRIES

    def test_with_a_forged_device_cookie_is_locked_out(self, ada: Person) -> None:
        stranger = Client()
        for number in range(12):
            stranger.cookies["known_device"] = f"forged-{number}:signature"
            last = self.post(stranger, "wrong", self.STRANGER)

        assert last.status_code == 429

    def test_with_a_device_of_another_account_is_locked_out(self, ada: Person) -> None:
        with tenancy.use(ada.tenant):
            core.person(email="eve@acme.example", password=RIGHT)
        judged = 0
        for _ in range(4):
            eve = Client()
            values = {"email": "eve@acme.example", "password": RIGHT}
            eve.post("/sign-in/", values, REMOTE_ADDR=self.STRANGER)
            eve.post("/sign-out/")
            for _ in range(4):
                judged += self.post(eve, "wrong", self.STRANGER).status_code != 429

        assert judged == FREE_TRIES


def test_page_shows_when_to_try_again(client: Client, ada: Person) -> None:
    values = {"email": ada.email, "password": "wrong"}
    with time_machine.travel(NOON, tick=False):
        for _ in range(FREE_TRIES):
            client.post("/sign-in/", values)
        response = client.post("/sign-in/", values | {"password": RIGHT})

    assert "Try again after 12:00:30 UTC" in response.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [20], indirect=True)
def test_simultaneous_tries_get_no_extra_tries(racers: Racers, ada: Person) -> None:
    outcomes = racers(*[lambda: is_locked(password="wrong")] * 20)

    assert sorted(outcomes) == [False] * FREE_TRIES + [True] * (20 - FREE_TRIES)

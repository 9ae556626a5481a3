"""The cache of all processes …"""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis
from django.core.cache import cache
from pytest_django import Settings

from people import rate_limits, tenancy
from people.net import circuit_breaker
from people.net.circuit_breaker import CircuitOpen
from ramp import cache as shared_cache
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.services.postgres_redis_smtp import Redis

KEY_PREFIX = "ramp-tests"


@pytest.fixture
def service() -> Iterator[Redis]:
    """Start a Redis that may be stopped."""
    service = Redis()
    yield service
    service.process.send_signal(signal.SIGCONT)
    service.stop()


@pytest.fixture(autouse=True)
def shared(service: Redis, settings: Settings) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "ramp.cache.SharedCache",
            "LOCATION": service.url(),
            "KEY_PREFIX": KEY_PREFIX,
        }
    }


@pytest.fixture
def retries_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_cache, "RETRY_SECONDS", 0)


def in_another_process(act: Callable[[], object]) -> int:
    """Run the function in a fork, and return its number as the exit code."""
    child = os.fork()
    if not child:
        code = 255
        with suppress(BaseException):
            code = int(str(act()))
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Broken(Exception):
    pass


@pytest.mark.django_db
def test_scim_requests_do_not_wait_for_redis(service: Redis) -> None:
    client = client_of(service)
    with tenancy.use(core.tenant()):
        provider = Provider(scim_connection())
        before = client.info("stats")["total_commands_processed"]

        ada = provider.add("ada")
        provider.replace(ada, "title", "Countess")
        provider.read(ada)
        provider.find('userName eq "ada@acme.example"')

    # The question itself is one.
    assert client.info("stats")["total_commands_processed"] == before + 1


def fail() -> int:
    with suppress(Broken), circuit_breaker.circuit("ldap://directory", Broken):
        raise Broken
    return 0


def reset() -> int:
    circuit_breaker.reset("ldap://directory")
    return 0


def client_of(service: Redis) -> redis.Redis:
    return redis.Redis.from_url(service.url())


def keys(service: Redis) -> list[bytes]:
    return [*client_of(service).scan_iter(f"{KEY_PREFIX}:*")]


class TestWithRedis:
    @pytest.mark.parametrize("value", [7, -7, "text", "7", True, None, [1, "a"], ({"a": 1},)])
    def test_returns_what_was_stored(self, value: Any) -> None:
        cache.set("name", value)

        assert cache.get("name", "nothing") == value
        assert type(cache.get("name", "nothing")) is type(value)

    def test_adds_only_what_is_not_there(self) -> None:
        assert cache.add("name", "first")
        assert not cache.add("name", "second")

        assert cache.get("name") == "first"

    def test_forgets_what_was_deleted(self) -> None:
        cache.set("name", "value")

        assert cache.delete("name")

        assert cache.get("name") is None

    def test_forgets_after_the_timeout(self, service: Redis) -> None:
        cache.set("name", "value", timeout=60)
        cache.touch("name", timeout=90)

        [key] = keys(service)
        assert 60 < client_of(service).ttl(key) <= 90

    def test_processes_count_together(self) -> None:
        assert rate_limits.count("uses", seconds=10**9) == 1

        assert in_another_process(lambda: rate_limits.count("uses", seconds=10**9)) == 2
        assert rate_limits.count("uses", seconds=10**9) == 3

    def test_circuit_that_one_process_opens_is_open_for_the_others(self) -> None:
        for _ in range(circuit_breaker.FAILURES_UNTIL_OPEN):
            in_another_process(fail)

        with pytest.raises(CircuitOpen), circuit_breaker.circuit("ldap://directory"):
            pass

        in_another_process(reset)
        with circuit_breaker.circuit("ldap://directory"):
            pass

    def test_values_are_not_readable_in_redis(self, service: Redis) -> None:
        cache.set("token", "s3cret")

        [key] = keys(service)
        assert b"s3cret" not in (client_of(service).get(key) or b"")

    def test_value_of_another_key_is_not_accepted(self, service: Redis) -> None:
        """Somebody who can write to Redis copies the keys of one provider to another."""
        cache.set("keys:mine", ["my key"])
        cache.set("keys:yours", ["your key"])

        mine, yours = sorted(keys(service))
        client = client_of(service)
        client.set(yours, client.get(mine) or b"")

        assert cache.get("keys:yours") is None

    @pytest.mark.parametrize("forged", [b"\x80\x04K\x01.", b"forged", b"", b"--1", b"1.5"])
    def test_value_that_ramp_did_not_store_is_ignored(self, service: Redis, forged: bytes) -> None:
        cache.set("name", "value")

        [key] = keys(service)
        client_of(service).set(key, forged)

        assert cache.get("name", "nothing") == "nothing"

    def test_clear_does_not_delete_the_queue(self, service: Redis) -> None:
        client_of(service).lpush("celery", "job")

        with pytest.raises(NotImplementedError):
            cache.clear()

        assert client_of(service).llen("celery") == 1


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def stopped(self, service: Redis) -> None:
        cache.set("name", "stored in Redis")
        service.kill()

    def test_limits_stay_in_force(self) -> None:
        assert [rate_limits.count("uses", seconds=10**9) for _ in range(3)] == [1, 2, 3]

    def test_circuits_open(self) -> None:
        for _ in range(circuit_breaker.FAILURES_UNTIL_OPEN):
            fail()

        with pytest.raises(CircuitOpen), circuit_breaker.circuit("ldap://directory"):
            pass

    def test_values_are_stored_in_memory(self) -> None:
        assert cache.get("name") is None

        cache.set("name", ["in memory"])

        assert cache.get("name") == ["in memory"]
        assert cache.get_or_set("other", "computed") == "computed"
        assert cache.touch("name")
        assert cache.delete("name")

    def test_log_says_so_once(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING, "ramp.cache"):
            for number in range(5):
                cache.set("name", number)

        [line] = caplog.messages
        assert line.startswith("Redis does not answer; each process uses its own cache")

    @pytest.mark.usefixtures("retries_at_once")
    def test_redis_is_used_again_when_it_is_back(
        self, service: Redis, caplog: pytest.LogCaptureFixture
    ) -> None:
        cache.set("name", "in memory")
        service.restart()

        assert cache.get("name") is None

        cache.set("name", "shared")
        assert len(keys(service)) == 1
        assert "Redis answers again; the processes share their cache" in caplog.messages

    @pytest.mark.usefixtures("retries_at_once")
    def test_what_was_stored_in_an_outage_is_not_used_in_the_next_one(self, service: Redis) -> None:
        cache.set("name", "of the first outage")
        service.restart()
        cache.set("other", "shared")

        service.kill()

        assert cache.get("name") is None


class TestWithFrozenRedis:
    """A frozen Redis accepts connections, and answers nothing until the timeout."""

    @pytest.fixture(autouse=True)
    def frozen(self, service: Redis) -> None:
        cache.set("name", "stored in Redis")
        service.process.send_signal(signal.SIGSTOP)

    def test_only_the_first_request_asks_it(
        self, service: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shared_cache, "RETRY_SECONDS", 10**6)
        assert cache.get("name") is None

        service.process.send_signal(signal.SIGCONT)

        # It would answer now, so it is not asked.
        assert cache.get("name") is None

    def test_only_one_of_many_requests_asks_it_again(self) -> None:
        availability = shared_cache.Availability()
        availability.note_failure(redis.RedisError("timeout"))
        availability._next_try_at = 0

        assert [availability.may_try() for _ in range(3)] == [True, False, False]

"""Too many requests …"""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import redis as redis_client
from pytest_django import Settings

from people.models import Person
from scim.api import rate_limits
from scim.models import RequestLog, ScimUser
from scim.models.connection import issue_token
from tests.clients.scim import ENT, Provider, someone
from tests.scim.conftest import Connect
from tests.services.postgres_redis_smtp import Redis, free_port
from tests.services.process import within

pytestmark = pytest.mark.django_db

RATE = 5


class Clock:
    """Stands still until it is moved; counting goes by `time.monotonic`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Let each token ask five times a second."""
    clock = Clock()
    settings.SCIM_REQUESTS_PER_SECOND = RATE
    monkeypatch.setattr(rate_limits, "time", clock)
    rate_limits.local_buckets.clear()
    yield clock
    rate_limits.local_buckets.clear()


def spend_all(scim: Provider) -> None:
    """Ask all that may be asked at once, reads and writes."""
    for _ in range(RATE):
        assert scim("POST", "/Users/.search", {"count": 0}).status == 200
        assert scim("POST", "/Groups", {}).status == 400


def test_count_a_write_once_though_it_has_to_begin_again(scim: Provider, clock: Clock) -> None:
    """A manager is chosen in a transaction, which shows when one statement is begun without."""
    ada, *bosses = [scim.add(name) for name in ("ada", "bob", "cy")]
    rate_limits.local_buckets.clear()

    chosen = [scim.replace(ada, f"{ENT}:manager", bosses[turn % 2]) for turn in range(RATE + 1)]

    assert [answer.status for answer in chosen] == [200] * RATE + [429]


WRITES = [
    ("POST", "/Users", someone("bob")),
    ("PUT", "/Users/{ada}", someone("ada", title="Countess")),
    ("PATCH", "/Users/{ada}", {"Operations": [{"op": "add", "path": "title", "value": "x"}]}),
    ("PATCH", "/Users/{ada}", {"Operations": [{"op": "add", "path": "active", "value": True}]}),
    ("POST", "/Groups", {"displayName": "x"}),
    ("POST", "/Users/.search", {}),
    ("POST", "/Bulk", {"Operations": []}),
    ("GET", "/Users", None),
    ("GET", "/Users/{ada}", None),
    ("GET", '/Users?filter=userName eq "ada"', None),
]
DEACTIVATIONS = [
    ("PATCH", {"Operations": [{"op": "replace", "path": "active", "value": "False"}]}),
    ("PATCH", {"Operations": [{"op": "replace", "value": {"active": False}}]}),
    ("PUT", someone("ada", active=False)),
    ("DELETE", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_are_put_off(scim: Provider, clock: Clock, method: str, path: str, body: object) -> None:
    ada = scim.add()
    clock.now += 1
    spend_all(scim)

    answer = scim(method, path.format(ada=ada), body)

    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    assert "Try again in 1 s" in answer.detail
    assert answer.request_id
    assert ScimUser.objects.count() == 1


@pytest.mark.parametrize(("method", "body"), DEACTIVATIONS)
def test_never_put_off_a_deactivation(
    scim: Provider, clock: Clock, method: str, body: object
) -> None:
    ada = scim.add()
    clock.now += 1
    spend_all(scim)

    assert scim(method, f"/Users/{ada}", body).status in (200, 204)
    assert not Person.objects.get(email="ada@example.com").is_active


def test_never_put_off_a_deactivation_in_bulk(scim: Provider, clock: Clock) -> None:
    ada = scim.add()
    clock.now += 1
    for _ in range(RATE - 1):
        scim("POST", "/Groups", {})

    data = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    operations = [
        {"method": "PATCH", "path": f"/Users/{ada}", "data": data},
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": someone("bob")},
    ]
    answer = scim("POST", "/Bulk", {"Operations": operations})

    assert [one["status"] for one in answer.body["Operations"]] == ["200", "429"]


def test_may_be_made_a_moment_later(scim: Provider, clock: Clock) -> None:
    spend_all(scim)
    assert scim("GET", "/Users").status == 429

    clock.now += 1 / RATE

    assert scim("GET", "/Users").status == 200
    assert scim("GET", "/Users").status == 429


def test_are_not_saved_up(scim: Provider, clock: Clock) -> None:
    clock.now += 3600
    spend_all(scim)

    assert scim("GET", "/Users").status == 429


def test_do_not_count_when_they_are_put_off(scim: Provider, clock: Clock) -> None:
    spend_all(scim)
    for _ in range(50):
        assert scim("GET", "/Users").status == 429

    clock.now += 1 / RATE

    assert scim("GET", "/Users").status == 200


def test_of_one_connection_leave_another_alone(connect: Connect, clock: Clock) -> None:
    okta, entra = connect(), connect("entra")
    spend_all(okta)

    assert okta("GET", "/Users").status == 429
    assert entra("GET", "/Users").status == 200


def test_are_counted_by_token(scim: Provider, clock: Clock) -> None:
    spend_all(scim)

    scim.token = issue_token(scim.connection)

    assert scim("GET", "/Users").status == 200


def test_fill_no_log(scim: Provider, clock: Clock) -> None:
    spend_all(scim)
    RequestLog.objects.all().delete()
    for _ in range(3):
        scim("POST", "/Users", someone())

    assert not RequestLog.objects.exists()


def test_to_read_leave_writes_alone(scim: Provider, clock: Clock) -> None:
    for _ in range(RATE):
        scim("GET", "/Users")

    assert scim("GET", "/Users").status == 429
    assert scim("POST", "/Users", someone()).status == 201


class Process(rate_limits.TokenBuckets):
    """Counts as a web process of its own."""

    def ask(self, times: int) -> int:
        """Ask so often, and return how often that was granted."""
        granted = 0
        for _ in range(times):
            with suppress(rate_limits.TooManyRequests):
                self.consume("Okta", RATE)
                granted += 1
        return granted


@pytest.fixture
def processes(redis: Redis) -> Iterator[Callable[[], list[Process]]]:
    """Two web processes, and what has them tell each other how much they were asked."""
    both, client = [Process(), Process()], redis_client.Redis.from_url(redis.url())

    def share() -> list[Process]:
        for process in both:
            process.exchange(client, RATE)
        return both

    client.flushdb()
    yield share
    client.close()


def test_are_counted_by_all_processes(processes: Callable[[], list[Process]], clock: Clock) -> None:
    one, other = processes()
    assert (one.ask(1), other.ask(1)) == (1, 1)
    processes()

    assert one.ask(9) == RATE - 1
    processes()
    other.ask(1)
    processes()

    # It was asked once too often, before it heard of the others.
    clock.now += 1 / RATE
    assert other.ask(9) == 0
    clock.now += 1 / RATE
    assert other.ask(9) == 1


def test_are_counted_by_all_processes_for_ever(
    processes: Callable[[], list[Process]], clock: Clock
) -> None:
    one, other = processes()
    granted = 0
    for _ in range(100):
        clock.now += 0.1
        granted += one.ask(3) + other.ask(3)
        processes()

    # Ten seconds' worth, what both had to begin with, and what they asked before they heard.
    assert 10 * RATE <= granted <= 10 * RATE + 2 * RATE + 2


def test_are_no_news_to_who_was_not_asked_for_long(
    processes: Callable[[], list[Process]], clock: Clock
) -> None:
    one, other = processes()
    one.ask(1), other.ask(1)
    processes()
    for _ in range(300):
        clock.now += 1
        assert one.ask(1) == 1
        processes()

    assert other.ask(1) == 1
    processes()

    assert other.ask(2) == 2


def test_wait_for_no_redis_that_is_gone(
    scim: Provider, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SCIM_LIMITS_URL = f"redis://127.0.0.1:{free_port()}/0"

    assert scim("GET", "/Users").status == 200

    within(60, lambda: "count the requests of each token alone" in caplog.text)
    assert scim("GET", "/Users").status == 200


def test_are_never_too_many_where_there_is_no_limit(scim: Provider, settings: Settings) -> None:
    settings.SCIM_REQUESTS_PER_SECOND = 0

    for _ in range(30):
        assert scim("GET", "/ServiceProviderConfig").status == 200

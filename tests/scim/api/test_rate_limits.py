"""Rate limits of SCIM requests for each token."""

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
    """A clock that is moved by hand; rate limits use `time.monotonic`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Allow each token five requests per second."""
    clock = Clock()
    settings.SCIM_REQUESTS_PER_SECOND = RATE
    monkeypatch.setattr(rate_limits, "time", clock)
    rate_limits.local_buckets.clear()
    yield clock
    rate_limits.local_buckets.clear()


def use_up_limit(scim: Provider) -> None:
    """Send all reads and writes that are allowed at once."""
    for _ in range(RATE):
        assert scim("POST", "/Users/.search", {"count": 0}).status == 200
        assert scim("POST", "/Groups", {}).status == 400


def test_write_that_is_retried_in_a_transaction_counts_once(scim: Provider, clock: Clock) -> None:
    """An assigned manager needs a transaction, which is noticed after the first statement."""
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
def test_request_above_the_limit_is_answered_with_429(
    scim: Provider, clock: Clock, method: str, path: str, body: object
) -> None:
    ada = scim.add()
    clock.now += 1
    use_up_limit(scim)

    answer = scim(method, path.format(ada=ada), body)

    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    assert "Try again in 1 s" in answer.detail
    assert answer.request_id
    assert ScimUser.objects.count() == 1


@pytest.mark.parametrize(("method", "body"), DEACTIVATIONS)
def test_deactivation_is_never_limited(
    scim: Provider, clock: Clock, method: str, body: object
) -> None:
    ada = scim.add()
    clock.now += 1
    use_up_limit(scim)

    assert scim(method, f"/Users/{ada}", body).status in (200, 204)
    assert not Person.objects.get(email="ada@example.com").is_active


def test_deactivation_in_bulk_is_never_limited(scim: Provider, clock: Clock) -> None:
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


def test_request_succeeds_after_the_retry_time(scim: Provider, clock: Clock) -> None:
    use_up_limit(scim)
    assert scim("GET", "/Users").status == 429

    clock.now += 1 / RATE

    assert scim("GET", "/Users").status == 200
    assert scim("GET", "/Users").status == 429


def test_unused_requests_are_not_saved_up(scim: Provider, clock: Clock) -> None:
    clock.now += 3600
    use_up_limit(scim)

    assert scim("GET", "/Users").status == 429


def test_refused_requests_do_not_count(scim: Provider, clock: Clock) -> None:
    use_up_limit(scim)
    for _ in range(50):
        assert scim("GET", "/Users").status == 429

    clock.now += 1 / RATE

    assert scim("GET", "/Users").status == 200


def test_other_connections_have_their_own_limit(connect: Connect, clock: Clock) -> None:
    okta, entra = connect(), connect("entra")
    use_up_limit(okta)

    assert okta("GET", "/Users").status == 429
    assert entra("GET", "/Users").status == 200


def test_each_token_has_its_own_limit(scim: Provider, clock: Clock) -> None:
    use_up_limit(scim)

    scim.token = issue_token(scim.connection)

    assert scim("GET", "/Users").status == 200


def test_refused_requests_are_not_logged(scim: Provider, clock: Clock) -> None:
    use_up_limit(scim)
    RequestLog.objects.all().delete()
    for _ in range(3):
        scim("POST", "/Users", someone())

    assert not RequestLog.objects.exists()


def test_reads_and_writes_have_separate_limits(scim: Provider, clock: Clock) -> None:
    for _ in range(RATE):
        scim("GET", "/Users")

    assert scim("GET", "/Users").status == 429
    assert scim("POST", "/Users", someone()).status == 201


class WebProcess(rate_limits.TokenBuckets):
    """Counts requests like one web process."""

    def consume_times(self, times: int) -> int:
        """Consume this many requests, and return how many were allowed."""
        granted = 0
        for _ in range(times):
            with suppress(rate_limits.TooManyRequests):
                self.consume("Okta", RATE)
                granted += 1
        return granted


@pytest.fixture
def exchange(redis: Redis) -> Iterator[Callable[[], list[WebProcess]]]:
    """Two web processes; a call exchanges their counts and returns them."""
    both, client = [WebProcess(), WebProcess()], redis_client.Redis.from_url(redis.url())

    def exchange_counts() -> list[WebProcess]:
        for process in both:
            process.exchange(client, RATE)
        return both

    client.flushdb()
    yield exchange_counts
    client.close()


def test_processes_share_their_counts(
    exchange: Callable[[], list[WebProcess]], clock: Clock
) -> None:
    one, other = exchange()
    assert (one.consume_times(1), other.consume_times(1)) == (1, 1)
    exchange()

    assert one.consume_times(9) == RATE - 1
    exchange()
    other.consume_times(1)
    exchange()

    # The other process allowed one request too many, before it received the counts.
    clock.now += 1 / RATE
    assert other.consume_times(9) == 0
    clock.now += 1 / RATE
    assert other.consume_times(9) == 1


def test_long_term_rate_of_two_processes_stays_within_the_limit(
    exchange: Callable[[], list[WebProcess]], clock: Clock
) -> None:
    one, other = exchange()
    granted = 0
    for _ in range(100):
        clock.now += 0.1
        granted += one.consume_times(3) + other.consume_times(3)
        exchange()

    # Ten seconds of requests, the initial allowance of both, and requests before each exchange.
    assert 10 * RATE <= granted <= 10 * RATE + 2 * RATE + 2


def test_unused_process_recovers_its_full_allowance(
    exchange: Callable[[], list[WebProcess]], clock: Clock
) -> None:
    one, other = exchange()
    one.consume_times(1), other.consume_times(1)
    exchange()
    for _ in range(300):
        clock.now += 1
        assert one.consume_times(1) == 1
        exchange()

    assert other.consume_times(1) == 1
    exchange()

    assert other.consume_times(2) == 2


def test_requests_succeed_without_redis(
    scim: Provider, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SCIM_LIMITS_URL = f"redis://127.0.0.1:{free_port()}/0"

    assert scim("GET", "/Users").status == 200

    within(60, lambda: "count the requests of each token alone" in caplog.text)
    assert scim("GET", "/Users").status == 200


def test_limit_of_zero_means_no_limit(scim: Provider, settings: Settings) -> None:
    settings.SCIM_REQUESTS_PER_SECOND = 0

    for _ in range(30):
        assert scim("GET", "/ServiceProviderConfig").status == 200

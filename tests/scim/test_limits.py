"""Too many requests …"""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from people.models import Person
from scim import limits
from scim.models import RequestLog, ScimUser
from scim.models.connection import issue_token
from tests.scim.conftest import Connect
from tests.scim.provider import Provider, someone

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
    monkeypatch.setattr(limits, "time", clock)
    limits._allowances.clear()
    yield clock
    limits._allowances.clear()


def spend_all(scim: Provider) -> None:
    for _ in range(RATE):
        assert scim("POST", "/Users/.search", {"count": 0}).status == 200


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
        scim("GET", "/Users")

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
    for _ in range(3):
        scim("POST", "/Users", someone())

    assert not RequestLog.objects.exists()


def test_are_never_too_many_where_there_is_no_limit(scim: Provider, settings: Settings) -> None:
    settings.SCIM_REQUESTS_PER_SECOND = 0

    for _ in range(30):
        assert scim("GET", "/ServiceProviderConfig").status == 200

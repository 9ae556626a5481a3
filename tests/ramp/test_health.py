import pytest
from django.test import Client
from pytest_django import Settings

from ramp import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that answers; the tests of this process have none."""
    monkeypatch.setitem(health.NEEDED, "broker", lambda: None)


def test_is_alive_whatever_else_is_missing(client: Client) -> None:
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json() == {"status": "alive"}


@pytest.mark.usefixtures("broker")
def test_is_ready_when_everything_is_there(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ready"}


def test_names_what_is_missing(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "missing": {"broker": "OperationalError"}}


@pytest.mark.usefixtures("broker")
def test_tells_strangers_nothing_about_our_hosts(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise OSError("no route to db.internal as ramp")

    monkeypatch.setitem(health.NEEDED, "database", broken)

    assert client.get("/readyz").json()["missing"] == {"database": "OSError"}


def test_changes_nothing_by_being_asked(client: Client) -> None:
    assert client.post("/readyz").status_code == 405


def test_answers_over_plain_http_where_pages_move_to_https(
    client: Client, settings: Settings
) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 301

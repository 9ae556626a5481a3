import os
import time
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from ramp import health, heartbeats

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


@pytest.mark.usefixtures("broker")
def test_answers_to_any_host_name(client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200
    assert client.get("/", headers={"Host": "10.1.2.3:8000"}).status_code == 400


class TestPrograms:
    """Where a supervisor runs, it …"""

    @pytest.fixture(autouse=True)
    def supervisor(self, settings: Settings, tmp_path: Path, broker: None) -> None:
        settings.SIGNS_DIR, settings.SIGNS_OF = str(tmp_path), ["worker", "beat"]

    def test_names_what_has_not_started(self, client: Client) -> None:
        heartbeats.leave(heartbeats.BEAT)

        answer = client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["missing"] == {"worker": "has not started"}
        assert answer.json()["seconds_since_progress"]["worker"] is None

    def test_is_ready_while_they_make_progress(self, client: Client) -> None:
        heartbeats.leave(heartbeats.WORKER)
        heartbeats.leave(heartbeats.BEAT)

        answer = client.get("/readyz")

        assert answer.status_code == 200
        assert answer.json()["seconds_since_progress"].keys() == {"worker", "beat"}

    @pytest.mark.parametrize("name", ["worker", "beat"])
    def test_says_how_long_one_has_been_silent(
        self, client: Client, settings: Settings, name: str
    ) -> None:
        heartbeats.leave(heartbeats.WORKER)
        heartbeats.leave(heartbeats.BEAT)
        silent_since = time.monotonic() - 100
        os.utime(Path(settings.SIGNS_DIR) / name, (silent_since, silent_since))

        answer = client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["missing"] == {name: "no progress for 100 s"}

    def test_waits_for_a_worker_that_is_busy_with_a_long_job(
        self, client: Client, settings: Settings
    ) -> None:
        heartbeats.leave(heartbeats.BEAT)
        heartbeats.leave(heartbeats.WORKER)
        long_ago = time.monotonic() - 90
        os.utime(Path(settings.SIGNS_DIR) / heartbeats.WORKER, (long_ago, long_ago))
        heartbeats.leave(heartbeats.of_process(heartbeats.BUSY))

        assert client.get("/readyz").status_code == 200

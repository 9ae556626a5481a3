"""The health checks /healthz and /readyz."""

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


def test_healthz_succeeds_without_a_broker(client: Client) -> None:
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json() == {"status": "alive"}


@pytest.mark.usefixtures("broker")
def test_readyz_succeeds_if_all_services_respond(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ready"}


def test_readyz_names_the_missing_service(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "missing": {"broker": "OperationalError"}}


@pytest.mark.usefixtures("broker")
def test_readyz_reveals_no_host_names(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("no route to db.internal as ramp")

    monkeypatch.setitem(health.NEEDED, "database", broken)

    assert client.get("/readyz").json()["missing"] == {"database": "OSError"}


def test_readyz_refuses_post(client: Client) -> None:
    assert client.post("/readyz").status_code == 405


def test_healthz_is_not_redirected_to_https(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 301


@pytest.mark.usefixtures("broker")
def test_health_checks_accept_any_host_name(client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200
    assert client.get("/", headers={"Host": "10.1.2.3:8000"}).status_code == 400


class TestSupervisedProcesses:
    @pytest.fixture(autouse=True)
    def supervisor(self, settings: Settings, tmp_path: Path, broker: None) -> None:
        settings.SIGNS_DIR, settings.SIGNS_OF = str(tmp_path), ["worker", "beat"]

    def test_process_that_has_not_started_is_named(self, client: Client) -> None:
        heartbeats.leave(heartbeats.BEAT)

        answer = client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["missing"] == {"worker": "has not started"}
        assert answer.json()["seconds_since_progress"]["worker"] is None

    def test_readyz_succeeds_while_all_processes_make_progress(self, client: Client) -> None:
        heartbeats.leave(heartbeats.WORKER)
        heartbeats.leave(heartbeats.BEAT)

        answer = client.get("/readyz")

        assert answer.status_code == 200
        assert answer.json()["seconds_since_progress"].keys() == {"worker", "beat"}

    @pytest.mark.parametrize("name", ["worker", "beat"])
    def test_process_without_progress_is_named_with_the_time(
        self, client: Client, settings: Settings, name: str
    ) -> None:
        heartbeats.leave(heartbeats.WORKER)
        heartbeats.leave(heartbeats.BEAT)
        silent_since = time.monotonic() - 100
        os.utime(Path(settings.SIGNS_DIR) / name, (silent_since, silent_since))

        answer = client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["missing"] == {name: "no progress for 100 s"}

    def test_worker_with_a_long_job_is_not_reported(
        self, client: Client, settings: Settings
    ) -> None:
        heartbeats.leave(heartbeats.BEAT)
        heartbeats.leave(heartbeats.WORKER)
        long_ago = time.monotonic() - 90
        os.utime(Path(settings.SIGNS_DIR) / heartbeats.WORKER, (long_ago, long_ago))
        heartbeats.leave(heartbeats.of_process(heartbeats.BUSY))

        assert client.get("/readyz").status_code == 200

import pytest
from django.conf import settings
from pytest_django import Settings

from ramp import checks


def test_a_generated_key_is_refused(settings: Settings) -> None:
    settings.SECRET_KEY_IS_GENERATED = True

    assert [found.id for found in checks.secret_key_is_given()] == ["ramp.W001"]


def test_a_given_key_is_fine(settings: Settings) -> None:
    settings.SECRET_KEY_IS_GENERATED = False

    assert checks.secret_key_is_given() == []


def test_a_connection_for_each_request_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "CONN_MAX_AGE", 0)

    assert [found.id for found in checks.connections_are_kept()] == ["ramp.E002"]


def test_connections_are_kept_by_default() -> None:
    assert checks.connections_are_kept() == []


def test_any_host_name_is_refused(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["ramp.example.com", "*"]

    assert [found.id for found in checks.hosts_are_named()] == ["ramp.W003"]


def test_sqlite_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")

    assert [found.id for found in checks.database_is_a_server()] == ["ramp.W004"]


def test_mail_in_the_log_is_warned_of(settings: Settings) -> None:
    settings.EMAIL_IS_SENT = False
    assert [found.id for found in checks.mail_is_sent()] == ["ramp.W006"]

    settings.EMAIL_IS_SENT = True
    assert checks.mail_is_sent() == []


def test_a_folder_as_broker_is_warned_of(settings: Settings) -> None:
    settings.REDIS_URL = ""

    assert [found.id for found in checks.broker_is_a_server()] == ["ramp.W005"]

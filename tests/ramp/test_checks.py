"""System checks of a deployment."""

from pathlib import Path

import pytest
from django.conf import settings
from pytest_django import Settings

from ramp import checks
from tests.services.ldap import certificate


def test_generated_secret_key_causes_a_warning(settings: Settings) -> None:
    settings.SECRET_KEY_IS_GENERATED = True

    assert [found.id for found in checks.check_secret_key()] == ["ramp.W001"]


def test_given_secret_key_passes(settings: Settings) -> None:
    settings.SECRET_KEY_IS_GENERATED = False

    assert checks.check_secret_key() == []


def test_nonpersistent_connections_cause_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "CONN_MAX_AGE", 0)

    assert [found.id for found in checks.check_persistent_connections()] == ["ramp.E002"]


def test_persistent_connections_are_the_default() -> None:
    assert checks.check_persistent_connections() == []


def test_wildcard_host_name_causes_a_warning(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["ramp.example.com", "*"]

    assert [found.id for found in checks.hosts_are_named()] == ["ramp.W003"]


def test_sqlite_causes_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")

    assert [found.id for found in checks.database_is_a_server()] == ["ramp.W004"]


def test_mail_that_is_only_logged_causes_a_warning(settings: Settings) -> None:
    settings.EMAIL_IS_SENT = False
    assert [found.id for found in checks.mail_is_sent()] == ["ramp.W006"]

    settings.EMAIL_IS_SENT = True
    assert checks.mail_is_sent() == []


def test_folder_as_broker_causes_a_warning(settings: Settings) -> None:
    settings.REDIS_URL = ""

    assert [found.id for found in checks.broker_is_a_server()] == ["ramp.W005"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.20.0.0/16", []),
        ("fd12:3456::/48", []),
        ("10.20.0.1/16", ["ramp.E007"]),
        ("intranet", ["ramp.E007"]),
        ("169.254.0.0/16", ["ramp.E008"]),
        ("0.0.0.0/0", ["ramp.E008"]),
        ("::/0", ["ramp.E008"]),
        ("127.0.0.0/8", ["ramp.W009"]),
        ("::1/128", ["ramp.W009"]),
    ],
)
def test_outbound_networks_must_be_private_and_narrow(
    settings: Settings, text: str, found: list[str]
) -> None:
    settings.PUBLIC_BASE_URL, settings.OUTBOUND_ALLOW = "https://ramp.example.com", [text]

    assert [one.id for one in checks.outbound_networks_are_narrow()] == found


def test_loopback_is_allowed_with_a_local_base_url() -> None:
    assert settings.OUTBOUND_ALLOW
    assert checks.outbound_networks_are_narrow() == []


def test_unreadable_certificate_causes_an_error(settings: Settings, tmp_path: Path) -> None:
    assert checks.certificate_is_readable() == []

    (tmp_path / "none.pem").write_text("no certificate")
    for named in (tmp_path / "none.pem", tmp_path / "missing.pem", tmp_path):
        settings.TLS_CERTIFICATE = str(named)
        assert [found.id for found in checks.certificate_is_readable()] == ["ramp.E010"]

    settings.TLS_CERTIFICATE = str(certificate(tmp_path, "localhost")[0])
    assert checks.certificate_is_readable() == []


def test_tls_key_without_certificate_causes_an_error(settings: Settings) -> None:
    settings.TLS_KEY = "/etc/ramp/key.pem"

    assert [found.id for found in checks.certificate_is_readable()] == ["ramp.E010"]


@pytest.mark.parametrize(
    ("proxies", "header", "found"),
    [
        (2, "X-Forwarded-For", []),
        (["10.0.0.0/8", "2001:db8::1"], "Forwarded", []),
        (["10.0.0.0/8", "two"], "X-Forwarded-For", ["ramp.E011"]),
        (1, "X-Real-IP", ["ramp.E012"]),
    ],
)
def test_trusted_proxies_must_be_a_number_or_networks(
    settings: Settings, proxies: object, header: str, found: list[str]
) -> None:
    settings.TRUSTED_PROXIES, settings.PROXY_HEADER = proxies, header

    assert [one.id for one in checks.proxies_are_known()] == found

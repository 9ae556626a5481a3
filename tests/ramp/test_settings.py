"""Settings read from environment variables."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.services.server import ROOT

SHOW = """
import json
import re
from ramp import settings
print(json.dumps(
    {name: getattr(settings, name) for name in dir(settings) if name.isupper()}, default=str
))
"""


def loaded(**environment: str) -> dict[str, Any]:
    """Load the settings in a new process with this environment."""
    shown = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    settings: dict[str, Any] = json.loads(shown.stdout)
    return settings


@pytest.fixture(scope="module")
def defaults(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return loaded(VAR_DIR=str(tmp_path_factory.mktemp("var")))


@pytest.fixture(scope="module")
def production() -> dict[str, Any]:
    return loaded(
        DATABASE_URL="postgres://ramp:secret@db.internal:5433/ramp?sslmode=require",
        REDIS_URL="redis://redis.internal/0",
        SECRET_KEY="given",
        PUBLIC_BASE_URL="https://ramp.example.com/",
        VAR_DIR="/nowhere/that/exists",
    )


class TestDefaults:
    def test_database_is_sqlite_with_wal_and_immediate_transactions(
        self, defaults: dict[str, Any]
    ) -> None:
        database = defaults["DATABASES"]["default"]

        assert database["NAME"] == f"{defaults['VAR_DIR']}/ramp.sqlite3"
        assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
        assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]

    def test_broker_is_a_folder(self, defaults: dict[str, Any]) -> None:
        assert defaults["CELERY_BROKER_URL"].startswith("folder://")
        assert defaults["CELERY_BROKER_TRANSPORT_OPTIONS"]["polling_interval"] == 0.05

    def test_base_url_is_loopback_without_https(self, defaults: dict[str, Any]) -> None:
        assert defaults["PUBLIC_BASE_URL"] == "http://127.0.0.1:8000"
        assert not defaults["SESSION_COOKIE_SECURE"]
        assert not defaults["DEBUG"]

    def test_secret_key_is_random_and_readable_only_by_its_owner(
        self, defaults: dict[str, Any]
    ) -> None:
        key = Path(defaults["VAR_DIR"]) / "secret-key"

        assert defaults["SECRET_KEY_IS_GENERATED"]
        assert defaults["SECRET_KEY"] == key.read_text()
        assert len(defaults["SECRET_KEY"]) > 50
        assert key.stat().st_mode & 0o077 == 0


class TestProduction:
    def test_var_dir_is_not_created(self, production: dict[str, Any]) -> None:
        assert production["VAR_DIR"] == "/nowhere/that/exists"
        assert not Path("/nowhere").exists()

    def test_connections_are_persistent_and_have_timeouts(self, production: dict[str, Any]) -> None:
        database = production["DATABASES"]["default"]

        assert database["CONN_MAX_AGE"] is None
        assert database["CONN_HEALTH_CHECKS"]
        assert database["OPTIONS"]["sslmode"] == "require"
        assert database["OPTIONS"]["tcp_user_timeout"] == 10_000
        assert "statement_timeout=10s" in database["OPTIONS"]["options"]
        assert "lock_timeout=5s" in database["OPTIONS"]["options"]

    def test_unreachable_broker_is_not_retried(self, production: dict[str, Any]) -> None:
        options = production["CELERY_BROKER_TRANSPORT_OPTIONS"]

        assert options["max_retries"] == 0
        assert options["socket_connect_timeout"] == 1
        assert options["visibility_timeout"] > production["CELERY_TASK_TIME_LIMIT"]

    def test_cookies_and_hsts_require_https(self, production: dict[str, Any]) -> None:
        assert production["SESSION_COOKIE_SECURE"]
        assert production["CSRF_COOKIE_SECURE"]
        assert production["SECURE_HSTS_SECONDS"] >= 31_536_000
        assert production["ALLOWED_HOSTS"][0] == "ramp.example.com"

    def test_proxy_header_is_ignored_by_default(self, production: dict[str, Any]) -> None:
        assert production["SECURE_PROXY_SSL_HEADER"] is None


def test_port_is_part_of_the_default_base_url(tmp_path: Path) -> None:
    settings = loaded(PORT="9000", VAR_DIR=str(tmp_path))

    assert settings["PUBLIC_BASE_URL"] == "http://127.0.0.1:9000"


def test_generated_secret_key_is_kept(tmp_path: Path) -> None:
    keys = [loaded(VAR_DIR=str(tmp_path))["SECRET_KEY"] for _ in range(2)]

    assert keys[0] == keys[1]


# Only the supervisor sets these, for the processes that it starts; see ramp/heartbeats.py.
OF_THE_SUPERVISOR = {"PROMETHEUS_MULTIPROC_DIR", "SIGNS_DIR", "SIGNS_OF"}


def test_every_variable_is_documented() -> None:
    source = (ROOT / "ramp" / "settings.py").read_text()
    documented = (ROOT / "docs" / "running.md").read_text()

    variables = set(re.findall(r'\benv(?:\.\w+)?\(\s*"(\w+)"', source)) - OF_THE_SUPERVISOR

    assert len(variables) > 10
    assert {name for name in variables if f"`{name}`" not in documented} == set()


@pytest.mark.parametrize(
    ("values", "trusted"),
    [
        ({}, 0),
        ({"BEHIND_PROXY": "true"}, 1),
        ({"TRUSTED_PROXIES": "2"}, 2),
        (
            {"BEHIND_PROXY": "true", "TRUSTED_PROXIES": "10.0.0.0/8,2001:db8::/32"},
            ["10.0.0.0/8", "2001:db8::/32"],
        ),
    ],
)
def test_trusted_proxies_are_parsed_as_number_or_networks(
    tmp_path: Path, values: dict[str, str], trusted: int | list[str]
) -> None:
    assert loaded(VAR_DIR=str(tmp_path), **values)["TRUSTED_PROXIES"] == trusted

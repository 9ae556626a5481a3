"""The self-test of a connection."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.apps import apps
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from people import tenancy
from people.models import Mail, Person, Tenant
from people.values import Actor
from scim.connections.presets import SELF_TESTED
from scim.models import Connection, RequestLog, ScimUser, SelfTest, Token
from scim.models.connection import issue_token
from scim.tools import public_http, self_test
from scim.tools.suites import SUITES
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.scim.conftest import Connect
from tests.services.postgres_redis_smtp import free_port
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def public(live_server: LiveServer, settings: Settings) -> str:
    """Make the test server the public address of Ramp."""
    settings.PUBLIC_BASE_URL = live_server.url
    return str(live_server.url)


def run(connection: Connection, provider: str = "", *, suite: str = "") -> SelfTest:
    """Run a self-test as a worker does after an administrator started it."""
    test = SelfTest.objects.create(
        tenant_id=connection.tenant_id,
        provider=provider or connection.provider,
        suite=suite,
        started_by="person:olga@example.com",
        started_at=timezone.now(),
    )
    self_test.run(test.pk, connection.pk)
    test.refresh_from_db()
    return test


def failed_steps(test: SelfTest) -> list[tuple[str, str, str, str]]:
    return [
        (step["title"], step["expected"], step["got"], step["answer"])
        for step in test.steps
        if not step["passed"]
    ]


def sandbox() -> Tenant:
    found: Tenant = Tenant.objects.get(is_sandbox=True)
    return found


def row_counts() -> dict[str, int]:
    with tenancy.across_tenants():
        return {
            model._meta.label: model._base_manager.count()
            for model in apps.get_models()
            if model._meta.app_label in ("people", "scim")
        }


MAPPED = {
    "location": "title",
    "department": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter",
}


@pytest.mark.parametrize("provider", SELF_TESTED)
@pytest.mark.parametrize(
    "rules",
    [
        {"incomplete_policy": "refuse"},
        {"incomplete_policy": "hold", "unknown_manager": "reject", "role_source": "ramp"},
        {"incomplete_policy": "fill", "default_department": "General", "default_location": "Rome"},
        {"incomplete_policy": "refuse", "mapping": MAPPED},
    ],
    ids=["refuse", "hold", "fill", "mapped"],
)
def test_self_test_passes_for_every_provider_and_policy(
    public: str, connect: Connect, provider: str, rules: dict[str, Any]
) -> None:
    test = run(connect("generic", **rules).connection, provider)

    assert (test.problem, failed_steps(test)) == ("", [])
    assert test.finished_at
    assert len(test.steps) >= 12


def test_step_shows_request_expectation_and_result(public: str, connect: Connect) -> None:
    test = run(connect("okta").connection)

    [refused] = [step for step in test.steps if "own manager" in step["title"]]
    message = "Employees can't be assigned as their own manager"
    assert refused["request"].startswith("PUT /Users/")
    assert refused["expected"] == refused["got"] == f'400, detail "{message}"'
    assert message in refused["answer"]
    assert '"manager"' in refused["sent"]
    assert refused["ms"] >= 0


def test_report_contains_no_token(public: str, connect: Connect) -> None:
    test = run(connect("okta").connection)

    assert "Bearer" not in str(test.steps)
    assert "Authorization" not in str(test.steps)


def test_people_are_created_only_in_a_sandbox_and_not_mailed(public: str, connect: Connect) -> None:
    connection = connect("okta").connection
    before = Person.objects.count(), RequestLog.objects.count(), ScimUser.objects.count()

    run(connection)

    assert (
        Person.objects.count(),
        RequestLog.objects.count(),
        ScimUser.objects.count(),
    ) == before
    with tenancy.use(sandbox()):
        assert Person.objects.filter(email__endswith="@sandbox.invalid").count() == 2
        assert not Mail.objects.exists()


def test_no_token_stays_active(public: str, connect: Connect) -> None:
    run(connect("okta").connection)

    with tenancy.use(sandbox()):
        assert not Token.objects.active().exists()


def test_repeated_runs_leave_no_additional_rows(public: str, connect: Connect) -> None:
    connection = connect("okta").connection
    run(connection)
    before = row_counts()

    run(connection)
    run(connection, "entra")
    run(connection)

    assert row_counts() | {"scim.SelfTest": 0} == before | {"scim.SelfTest": 0}


def test_each_tenant_has_its_own_sandbox(public: str, connect: Connect) -> None:
    run(connect("okta").connection)
    with core.in_another_tenant():
        run(scim_connection("okta"))

    names = Tenant.objects.filter(is_sandbox=True).values_list("name", flat=True)
    assert len(set(names)) == len(names) == 2


def test_finished_self_test_is_not_run_again(public: str, connect: Connect) -> None:
    connection = connect("okta").connection
    test = run(connection)

    self_test.run(test.pk, connection.pk)

    assert SelfTest.objects.get().finished_at == test.finished_at


def test_self_test_restarts_after_its_worker_died(public: str, connect: Connect) -> None:
    connection = connect("okta").connection
    test = run(connection)
    steps = len(test.steps)
    SelfTest.objects.update(finished_at=None, steps=test.steps[:5])

    self_test.run(test.pk, connection.pk)

    assert len(SelfTest.objects.get().steps) == steps


def test_abandoned_self_test_is_ended(connect: Connect) -> None:
    connection = connect("okta").connection
    then = timezone.now() - timedelta(minutes=10)
    SelfTest.objects.create(
        tenant_id=connection.tenant_id, provider="okta", started_by="x", started_at=then
    )
    with core.in_another_tenant() as another:
        Tenant.objects.filter(pk=another.pk).update(is_sandbox=True)
        issue_token(scim_connection("okta"))
        Token.objects.update(created_at=then)

    self_test.end_overdue(as_of=timezone.now())

    assert "no worker is running" in SelfTest.objects.get().problem
    with tenancy.use(another):
        assert Token.objects.get().revoked_at
    assert Token.objects.active().count() == 1


def test_time_limit_is_reported(
    public: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exceed_time_limit(*_: Any, **__: Any) -> None:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(public_http, "send", exceed_time_limit)

    assert run(connect("okta").connection).problem.startswith("It took longer than 90 seconds.")


def test_internal_error_is_reported_and_revokes_the_token(
    public: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(public_http, "send")
    with pytest.raises(AttributeError):
        run(connect("okta").connection)

    assert SelfTest.objects.get().problem.startswith("An internal error occurred.")
    with tenancy.use(sandbox()):
        assert not Token.objects.active().exists()


@pytest.mark.parametrize("racers", [4], indirect=True)
def test_simultaneous_starts_run_one_self_test(
    connect: Connect, racers: Racers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celery.current_app.send_task", lambda *_, **__: None)
    connection = connect("okta").connection
    olga = Actor("person", "olga@example.com")

    def start() -> bool:
        try:
            self_test.start(connection, "okta", actor=olga)
        except self_test.AlreadyRunning:
            return False
        return True

    assert sum(racers(start, start, start, start)) == 1
    assert SelfTest.objects.count() == 1


class OtherServer(BaseHTTPRequestHandler):
    """Answers like a server that is not this Ramp."""

    answer = (200, "text/html", b"<h1>Hello</h1>")

    def do_GET(self) -> None:
        status, media_type, body = self.answer
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class AnotherRampServer(OtherServer):
    answer = (401, "application/scim+json", b'{"status": "401"}')


@pytest.fixture
def other_server(request: pytest.FixtureRequest, settings: Settings) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), request.param)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.PUBLIC_BASE_URL = f"http://127.0.0.1:{server.server_port}"
    yield
    server.shutdown()
    thread.join()
    server.server_close()


class TestWrongPublicAddress:
    def test_closed_port_is_reported(self, connect: Connect, settings: Settings) -> None:
        settings.PUBLIC_BASE_URL = f"http://127.0.0.1:{free_port()}"

        test = run(connect("okta").connection)

        assert test.problem.startswith("127.0.0.1:")
        assert settings.PUBLIC_BASE_URL in test.problem
        assert [(step["got"], step["passed"]) for step in test.steps] == [("no answer", False)]

    def test_unknown_host_name_is_reported(self, connect: Connect, settings: Settings) -> None:
        settings.PUBLIC_BASE_URL = "https://ramp.invalid"

        assert run(connect("okta").connection).problem.startswith(
            "The name ramp.invalid cannot be resolved."
        )

    def test_timeout_is_reported(
        self, connect: Connect, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(public_http, "SECONDS", 0.2)
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            settings.PUBLIC_BASE_URL = f"http://127.0.0.1:{silent.getsockname()[1]}"
            test = run(connect("okta").connection)

        assert "did not answer within 0.2 seconds" in test.problem

    @pytest.mark.parametrize("other_server", [OtherServer], indirect=True)
    def test_other_web_server_is_reported(self, connect: Connect, other_server: None) -> None:
        test = run(connect("okta").connection)

        assert test.problem.startswith("The server that answered is not Ramp: 200 with text/html.")
        assert "Hello" in test.steps[0]["answer"]

    @pytest.mark.parametrize("other_server", [AnotherRampServer], indirect=True)
    def test_another_installation_of_ramp_is_reported(
        self, connect: Connect, other_server: None
    ) -> None:
        assert "leads to another installation" in run(connect("okta").connection).problem

    @pytest.mark.parametrize("other_server", [OtherServer], indirect=True)
    def test_server_without_tls_is_reported(
        self, connect: Connect, other_server: None, settings: Settings
    ) -> None:
        settings.PUBLIC_BASE_URL = settings.PUBLIC_BASE_URL.replace("http:", "https:")

        assert "The TLS handshake with" in run(connect("okta").connection).problem

    def test_invalid_certificate_is_reported(
        self, connect: Connect, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            error = ssl.SSLCertVerificationError(1, "certificate verify failed")
            error.verify_message = "certificate has expired"
            raise error

        settings.PUBLIC_BASE_URL = "https://ramp.example.com"
        monkeypatch.setattr("http.client.HTTPSConnection.connect", refuse)

        problem = run(connect("okta").connection).problem
        assert (
            "The certificate of ramp.example.com is not valid: certificate has expired." in problem
        )

    def test_no_token_stays_active(self, connect: Connect, settings: Settings) -> None:
        settings.PUBLIC_BASE_URL = f"http://127.0.0.1:{free_port()}"
        run(connect("okta").connection)

        with tenancy.use(sandbox()):
            assert not Token.objects.active().exists()


def test_run_continues_after_a_failed_step_until_an_id_is_missing(
    public: str, connect: Connect
) -> None:
    okta = connect("okta", incomplete_policy="refuse", mapping={"location": "no.such.attribute"})

    test = run(okta.connection)

    assert test.problem == "The response has no “id”, which the next steps need."
    assert failed_steps(test)[0][0] == "Create them"
    assert "Missing required fields: location" in test.steps[-1]["answer"]


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("policy", ["refuse", "hold"])
def test_published_suite_passes(public: str, connect: Connect, suite: str, policy: str) -> None:
    """People of a suite are incomplete for some policies, so the sandbox is in certification."""
    connection = connect("generic", incomplete_policy=policy).connection

    test = run(connection, SUITES[suite].provider, suite=suite)

    assert (test.problem, failed_steps(test)) == ("", [])
    assert len(test.steps) > 15
    with tenancy.use(sandbox()):
        assert not Mail.objects.exists()

"""The metrics for Prometheus."""

import urllib.request
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from people import tenancy
from people.models import Mail
from ramp import metrics
from tests.conftest import StartServer
from tests.factories import core
from tests.services.db import connect
from tests.services.server import Server

pytestmark = pytest.mark.django_db

TOKEN = "a token for Prometheus"
Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture(autouse=True)
def token(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN


def parsed(text: str) -> Samples:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(client: Client) -> Samples:
    response = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200
    return parsed(response.content.decode())


def test_require_the_token(client: Client) -> None:
    for headers in ({}, {"Authorization": "Bearer another"}, {"Authorization": "Bearer"}):
        response = client.get("/metrics", headers=headers)
        assert response.status_code == 401
        assert response.content == b""


def test_are_not_found_if_no_token_is_set(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""

    response = client.get("/metrics", headers={"Authorization": "Bearer "})

    assert response.status_code == 404


def test_accept_any_host_name_without_https(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "10.1.2.3:8000"}

    assert client.get("/metrics", headers=headers).status_code == 200


def test_count_and_time_requests(client: Client) -> None:
    name = ("ramp_requests_total", ("page", "4xx"))
    before = scraped(client).get(name, 0)

    client.get("/no-such-page/")

    after = scraped(client)
    assert after[name] == before + 1
    assert after[("ramp_request_seconds_count", ("page",))] > 0


def test_count_waiting_and_given_up_mails(client: Client) -> None:
    with tenancy.use(core.tenant()):
        person = core.person()
        now = timezone.now()
        values: dict[str, Any] = {"kind": Mail.Kind.INVITE, "person": person, "to": person.email}
        due = {"created_at": now, "due_at": now - timedelta(minutes=5)}
        Mail.objects.create(tenant_id=person.tenant_id, **values, **due)
        Mail.objects.create(
            tenant_id=person.tenant_id, **values, **due, given_up_at=now, attempts=8
        )

    found = scraped(client)

    assert found["ramp_mails_waiting", ()] == 1
    assert 300 <= found["ramp_mail_overdue_seconds", ()] < 400
    assert found["ramp_mails_given_up_last_day", ()] == 1


def test_show_that_the_broker_is_down(client: Client) -> None:
    found = scraped(client)

    assert found["ramp_up", ("database",)] == 1
    assert found["ramp_up", ("broker",)] == 0


def test_take_the_same_queries_for_many_companies(client: Client) -> None:
    with CaptureQueriesContext(connection) as few:
        scraped(client)
    for _ in range(20):
        with tenancy.use(core.tenant()):
            core.person()

    with CaptureQueriesContext(connection) as many:
        scraped(client)

    assert len(many) == len(few) == 5


@pytest.mark.parametrize(
    ("path", "interface"),
    [
        ("/scim/v2/Users", "scim"),
        ("/api/v1/people", "api"),
        ("/static/x.css", "static"),
        ("/people/", "page"),
        ("/readyz", "probe"),
        ("", "page"),
    ],
)
def test_interface_follows_from_the_path(path: str, interface: str) -> None:
    assert metrics._interface(path) == interface


@pytest.fixture(scope="module")
def service(start_server: StartServer) -> Server:
    return start_server("postgresql", "serve", METRICS_TOKEN=TOKEN, SECRET_KEY="of the tests")


@pytest.mark.django_db(transaction=True)
class TestRunningInstallation:
    def scraped(self, service: Server) -> Samples:
        request = urllib.request.Request(
            f"{service.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return parsed(answer.read().decode())

    def test_sums_requests_of_a_connection_over_processes(self, service: Server) -> None:
        acme = connect(service)
        for _ in range(20):
            request = urllib.request.Request(
                f"{service.scim_url}/Users", headers={"Authorization": f"Bearer {acme.token}"}
            )
            urllib.request.urlopen(request).close()

        found = self.scraped(service)

        assert found["ramp_scim_requests_total", (acme.connection, "accepted")] == 20

    def test_shows_progress_of_worker_and_beat(self, service: Server) -> None:
        found = self.scraped(service)

        assert found["ramp_up", ("broker",)] == 1
        ages = {name: value for name, value in found.items() if "progress" in name[0]}
        assert {labels for _, labels in ages} == {("worker",), ("beat",)}
        assert all(0 <= age < 60 for age in ages.values())

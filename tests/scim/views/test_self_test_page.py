"""The page of the self-test."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Person
from scim.models import SelfTest
from scim.tools.self_test import KEPT
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def sent_tasks(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Record the tasks that would go to workers."""
    jobs: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "celery.current_app.send_task", lambda name, kwargs, **_: jobs.append({name: kwargs})
    )
    return jobs


def address(scim: Provider) -> str:
    return f"/integrations/scim/{scim.connection.pk}/self-test/"


def create_run(scim: Provider, *steps: dict[str, Any], **fields: Any) -> SelfTest:
    now = timezone.now()
    usual = {"provider": "okta", "started_by": "person:owner@example.com", "started_at": now}
    fields.setdefault("finished_at", now)
    tenant = scim.connection.tenant_id
    return SelfTest.objects.create(tenant_id=tenant, steps=list(steps), **usual | fields)


def step(title: str, **fields: Any) -> dict[str, Any]:
    return {
        "title": title,
        "request": "GET /Users",
        "sent": "",
        "expected": "200, totalResults 0",
        "got": "200, totalResults 0",
        "answer": '{"totalResults": 0}',
        "passed": True,
        "ms": 12,
    } | fields


def test_shows_explanation_before_the_first_run(scim: Provider, client: Client) -> None:
    page = text_of(client.get(address(scim)))

    assert "No self-tests yet" in page
    assert "http://127.0.0.1:8000/scim/v2" in page


@pytest.mark.parametrize(
    ("provider", "chosen"),
    [("okta", "okta"), ("entra", "entra"), ("rippling", "rippling"), ("generic", "okta")],
)
def test_provider_of_the_connection_is_preselected(
    connect: Connect, client: Client, provider: str, chosen: str
) -> None:
    page = text_of(client.get(address(connect(provider))))

    assert f'<option value="{chosen}" selected>' in page


@pytest.mark.django_db(transaction=True)
def test_start_sends_a_task_to_a_worker(
    scim: Provider, client: Client, sent_tasks: list[Any]
) -> None:
    response = client.post(address(scim), {"provider": "entra"})

    assert response["Location"] == address(scim)
    test = SelfTest.objects.get()
    assert (test.provider, test.started_by) == ("entra", "person:owner@example.com")
    ids = {"self_test_id": str(test.pk), "connection_id": str(scim.connection.pk)}
    assert sent_tasks == [{"scim.tasks.run_self_test": ids}]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("suite", "provider"), [("okta-spec", "okta"), ("entra-validator", "entra")]
)
def test_published_suite_can_be_started(
    scim: Provider, client: Client, sent_tasks: list[Any], suite: str, provider: str
) -> None:
    client.post(address(scim), {"provider": suite})

    test = SelfTest.objects.get()
    assert (test.provider, test.suite) == (provider, suite)
    assert len(sent_tasks) == 1


class TestReport:
    """The printable report of a provider."""

    def test_shows_latest_finished_run_of_each_kind(self, scim: Provider, client: Client) -> None:
        earlier = timezone.now() - timedelta(hours=1)
        create_run(scim, step("An older step"), started_at=earlier)
        create_run(scim, step("A usual step"), step("A wrong step", passed=False))
        create_run(scim, step("A published step"), suite="okta-spec")
        create_run(scim, step("A step of Entra"), provider="entra")
        create_run(scim, step("A running step"), finished_at=None)

        page = text_of(client.get(f"{address(scim)}okta/"))

        for shown in (
            "1. A usual step",
            "Okta's SPEC test",
            "1. A published step",
            "failed, 12 ms",
        ):
            assert shown in page.replace("&#x27;", "'")
        for hidden in ("An older step", "A running step", "A step of Entra"):
            assert hidden not in page
        assert f'href="{address(scim)}okta/"' in text_of(client.get(address(scim)))

    def test_says_if_there_is_no_finished_run(self, scim: Provider, client: Client) -> None:
        assert "No finished self-test" in text_of(client.get(f"{address(scim)}rippling/"))

    def test_is_for_administrators_only(self, scim: Provider) -> None:
        response = signed_in(core.person()).get(f"{address(scim)}okta/")

        assert response.status_code == 302


@pytest.mark.django_db(transaction=True)
def test_unreachable_job_queue_is_reported(scim: Provider, client: Client) -> None:
    page = text_of(client.post(address(scim), {"provider": "okta"}, follow=True))

    assert "The job queue is not responding, so no worker can run the test." in page


def test_second_run_is_refused_while_one_is_running(scim: Provider, client: Client) -> None:
    create_run(scim, finished_at=None)

    page = text_of(client.post(address(scim), {"provider": "okta"}, follow=True))

    assert "A self-test is already running. Wait until it finishes." in page
    assert SelfTest.objects.count() == 1


def test_unknown_provider_is_refused(scim: Provider, client: Client) -> None:
    client.post(address(scim), {"provider": "generic"})

    assert not SelfTest.objects.exists()


def test_running_test_shows_progress_and_refreshes(scim: Provider, client: Client) -> None:
    create_run(scim, step("Test the connection"), step("Look for a new user"), finished_at=None)

    page = text_of(client.get(address(scim)))

    assert "Running: 2 steps done so far." in page
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page
    assert page.count('data-refresh="2"') == 2


def test_finished_test_does_not_refresh(scim: Provider, client: Client) -> None:
    create_run(scim, step("Test the connection"))

    page = text_of(client.get(address(scim)))

    assert "All 1 steps passed." in page
    assert "refresh" not in page


def test_failed_step_is_shown(scim: Provider, client: Client) -> None:
    wrong = step("Look for a new user", got="404", passed=False, answer="<h1>Not here</h1>")
    create_run(scim, step("Test the connection"), wrong)

    page = text_of(client.get(address(scim)))

    assert "1 of 2 steps failed." in page
    assert "2. Look for a new user – failed" in page
    assert "&lt;h1&gt;Not here&lt;/h1&gt;" in page


def test_interrupted_run_is_reported(scim: Provider, client: Client) -> None:
    create_run(scim, finished_at=None, started_at=timezone.now() - timedelta(minutes=4))

    page = text_of(client.get(address(scim)))

    assert "Interrupted: no worker is running" in page
    assert "refresh" not in page


def test_earlier_run_can_be_shown(scim: Provider, client: Client) -> None:
    older = create_run(scim, step("The older"), started_at=timezone.now() - timedelta(hours=1))
    create_run(scim, step("The newer"), provider="entra")

    assert "The newer" in text_of(client.get(address(scim)))
    page = text_of(client.get(address(scim), {"run": str(older.pk)}))

    assert "The older" in page
    assert "By <bdi>Olga Owner</bdi>." in page


@pytest.mark.django_db(transaction=True)
def test_oldest_runs_are_deleted(scim: Provider, client: Client, sent_tasks: list[Any]) -> None:
    for number in range(KEPT + 3):
        create_run(scim, started_at=timezone.now() - timedelta(hours=number + 1))

    client.post(address(scim), {"provider": "okta"})

    assert SelfTest.objects.count() == KEPT


def test_disconnected_connection_cannot_be_tested(scim: Provider, client: Client) -> None:
    scim.connection.disconnected_at = timezone.now()
    scim.connection.save()

    page = text_of(client.post(address(scim), {"provider": "okta"}))

    assert "so it cannot be tested" in page
    assert not SelfTest.objects.exists()


def test_connection_of_another_company_is_not_found(scim: Provider, client: Client) -> None:
    with core.in_another_tenant():
        foreign = scim_connection("okta")

    assert client.get(f"/integrations/scim/{foreign.pk}/self-test/").status_code == 404


def test_is_for_administrators_only(scim: Provider) -> None:
    assert signed_in(core.person()).get(address(scim)).status_code == 302


def test_query_count_does_not_grow_with_runs(scim: Provider, client: Client) -> None:
    create_run(scim, step("One"))
    before = len(queries_of(client, address(scim)))
    for _ in range(8):
        create_run(scim, *[step("Many")] * 15)

    assert len(queries_of(client, address(scim))) == before

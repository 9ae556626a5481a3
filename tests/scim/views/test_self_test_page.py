"""The page of the self-test …"""

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
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Take what would go to the workers."""
    jobs: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "celery.current_app.send_task", lambda name, kwargs, **_: jobs.append({name: kwargs})
    )
    return jobs


def address(scim: Provider) -> str:
    return f"/integrations/scim/{scim.connection.pk}/self-test/"


def ran(scim: Provider, *steps: dict[str, Any], **fields: Any) -> SelfTest:
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


def test_says_what_it_is_for_before_the_first_run(scim: Provider, client: Client) -> None:
    page = text_of(client.get(address(scim)))

    assert "No self-tests yet" in page
    assert "http://127.0.0.1:8000/scim/v2" in page


@pytest.mark.parametrize(
    ("provider", "chosen"),
    [("okta", "okta"), ("entra", "entra"), ("rippling", "rippling"), ("generic", "okta")],
)
def test_offers_the_provider_of_the_connection_first(
    connect: Connect, client: Client, provider: str, chosen: str
) -> None:
    page = text_of(client.get(address(connect(provider))))

    assert f'<option value="{chosen}" selected>' in page


@pytest.mark.django_db(transaction=True)
def test_has_a_worker_run_it(scim: Provider, client: Client, sent: list[Any]) -> None:
    response = client.post(address(scim), {"provider": "entra"})

    assert response["Location"] == address(scim)
    test = SelfTest.objects.get()
    assert (test.provider, test.started_by) == ("entra", "person:owner@example.com")
    ids = {"self_test_id": str(test.pk), "connection_id": str(scim.connection.pk)}
    assert sent == [{"scim.tasks.run_self_test": ids}]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("suite", "provider"), [("okta-spec", "okta"), ("entra-validator", "entra")]
)
def test_has_a_worker_run_a_published_suite(
    scim: Provider, client: Client, sent: list[Any], suite: str, provider: str
) -> None:
    client.post(address(scim), {"provider": suite})

    test = SelfTest.objects.get()
    assert (test.provider, test.suite) == (provider, suite)
    assert len(sent) == 1


class TestReport:
    """The printable report of a provider …"""

    def test_shows_the_latest_run_of_each_kind(self, scim: Provider, client: Client) -> None:
        earlier = timezone.now() - timedelta(hours=1)
        ran(scim, step("An older step"), started_at=earlier)
        ran(scim, step("A usual step"), step("A wrong step", passed=False))
        ran(scim, step("A published step"), suite="okta-spec")
        ran(scim, step("A step of Entra"), provider="entra")
        ran(scim, step("A running step"), finished_at=None)

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

    def test_asks_for_a_self_test_where_there_was_none(
        self, scim: Provider, client: Client
    ) -> None:
        assert "No finished self-test" in text_of(client.get(f"{address(scim)}rippling/"))

    def test_is_for_administrators(self, scim: Provider) -> None:
        response = signed_in(core.person()).get(f"{address(scim)}okta/")

        assert response.status_code == 302


@pytest.mark.django_db(transaction=True)
def test_says_when_no_worker_can_be_told(scim: Provider, client: Client) -> None:
    page = text_of(client.post(address(scim), {"provider": "okta"}, follow=True))

    assert "The job queue is not responding, so no worker can run the test." in page


def test_runs_one_at_a_time(scim: Provider, client: Client) -> None:
    ran(scim, finished_at=None)

    page = text_of(client.post(address(scim), {"provider": "okta"}, follow=True))

    assert "A self-test is already running. Wait until it finishes." in page
    assert SelfTest.objects.count() == 1


def test_refuses_a_provider_that_there_is_not(scim: Provider, client: Client) -> None:
    client.post(address(scim), {"provider": "generic"})

    assert not SelfTest.objects.exists()


def test_shows_how_far_it_has_come_and_looks_again(scim: Provider, client: Client) -> None:
    ran(scim, step("Test the connection"), step("Look for a new user"), finished_at=None)

    page = text_of(client.get(address(scim)))

    assert "Running: 2 steps done so far." in page
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page
    assert page.count('data-refresh="2"') == 2


def test_does_not_look_again_when_it_has_ended(scim: Provider, client: Client) -> None:
    ran(scim, step("Test the connection"))

    page = text_of(client.get(address(scim)))

    assert "All 1 steps passed." in page
    assert "refresh" not in page


def test_shows_what_went_wrong(scim: Provider, client: Client) -> None:
    wrong = step("Look for a new user", got="404", passed=False, answer="<h1>Not here</h1>")
    ran(scim, step("Test the connection"), wrong)

    page = text_of(client.get(address(scim)))

    assert "1 of 2 steps failed." in page
    assert "2. Look for a new user – failed" in page
    assert "&lt;h1&gt;Not here&lt;/h1&gt;" in page


def test_says_that_it_was_cut_off(scim: Provider, client: Client) -> None:
    ran(scim, finished_at=None, started_at=timezone.now() - timedelta(minutes=4))

    page = text_of(client.get(address(scim)))

    assert "Interrupted: no worker is running" in page
    assert "refresh" not in page


def test_leads_to_the_runs_before(scim: Provider, client: Client) -> None:
    older = ran(scim, step("The older"), started_at=timezone.now() - timedelta(hours=1))
    ran(scim, step("The newer"), provider="entra")

    assert "The newer" in text_of(client.get(address(scim)))
    page = text_of(client.get(address(scim), {"run": str(older.pk)}))

    assert "The older" in page
    assert "By <bdi>Olga Owner</bdi>." in page


@pytest.mark.django_db(transaction=True)
def test_keeps_the_last_runs(scim: Provider, client: Client, sent: list[Any]) -> None:
    for number in range(KEPT + 3):
        ran(scim, started_at=timezone.now() - timedelta(hours=number + 1))

    client.post(address(scim), {"provider": "okta"})

    assert SelfTest.objects.count() == KEPT


def test_is_not_offered_for_a_connection_that_ended(scim: Provider, client: Client) -> None:
    scim.connection.disconnected_at = timezone.now()
    scim.connection.save()

    page = text_of(client.post(address(scim), {"provider": "okta"}))

    assert "so it cannot be tested" in page
    assert not SelfTest.objects.exists()


def test_is_another_companys_nobody_else_sees(scim: Provider, client: Client) -> None:
    with core.in_another_tenant():
        foreign = scim_connection("okta")

    assert client.get(f"/integrations/scim/{foreign.pk}/self-test/").status_code == 404


def test_is_for_administrators(scim: Provider) -> None:
    assert signed_in(core.person()).get(address(scim)).status_code == 302


def test_asks_the_same_however_many_runs(scim: Provider, client: Client) -> None:
    ran(scim, step("One"))
    before = len(queries_of(client, address(scim)))
    for _ in range(8):
        ran(scim, *[step("Many")] * 15)

    assert len(queries_of(client, address(scim))) == before

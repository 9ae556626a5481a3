"""Two hosts, each with web processes and beat, on one PostgreSQL and one Redis …"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import httpx
import pytest
import redis

from tests.conftest import StartServer
from tests.faults.visitor import Visitor
from tests.services.db import Connected, connect
from tests.services.fake_server import Listener
from tests.services.process import within
from tests.services.server import Server
from tests.support.sign_in_flow import OIDC

PASSWORD = "correct horse"
PER_MINUTE = 6
# Workers would empty the queue, in which a test counts what beat sends.
ROLE = ("serve", "--web", "1", "--worker", "0")
SETTINGS = {"SECRET_KEY": "a key of the tests", "API_REQUESTS_PER_MINUTE": str(PER_MINUTE)}
API_TOKEN = re.compile(r"ramp_api_\w+")


@pytest.fixture(scope="module")
def first(start_server: StartServer) -> Server:
    return start_server("postgresql", *ROLE, **SETTINGS)


@pytest.fixture(scope="module")
def second(first: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("second")
    server = Server(folder, first.database_url, first.redis_url, settings=SETTINGS, command=ROLE)
    yield server
    server.end()


@pytest.fixture(scope="module")
def company(first: Server) -> Connected:
    return connect(first)


@pytest.fixture
def owner(first: Server, company: Connected) -> Iterator[Visitor]:
    """Sign the owner in at the first host."""
    with closing(Visitor(first.url)) as owner:
        owner.sign_in(company.tenant, f"owner@{company.tenant}.example.com", PASSWORD)
        yield owner


def test_session_of_one_host_works_at_the_other(owner: Visitor, second: Server) -> None:
    assert owner.get(f"{second.url}/home/").status_code == 200


def test_sign_in_may_change_hosts(first: Server, second: Server, company: Connected) -> None:
    """A load balancer sends the page to one host and the form to the other."""
    name = f"owner@{company.tenant}.example.com"
    credentials = {"email": name, "username": name, "password": PASSWORD}
    with closing(Visitor(first.url)) as visitor:
        form = f"/sign-in/{company.tenant}/?form"
        visitor.get(form)
        visitor.post(f"{second.url}{form}", credentials)

        assert visitor.get("/home/").status_code == 200


def test_failed_sign_ins_at_one_host_delay_those_at_the_other(
    first: Server, second: Server, company: Connected
) -> None:
    name = f"nobody@{company.tenant}.example.com"
    with closing(Visitor(first.url)) as guesser:
        for _ in range(5):
            guesser.sign_in(company.tenant, name, "wrong")

    with closing(Visitor(second.url)) as guesser:
        assert "Too many incorrect passwords" in guesser.sign_in(company.tenant, name, "wrong").text


def test_settings_that_change_at_one_host_are_in_force_at_the_other(
    owner: Visitor, first: Server, second: Server, company: Connected
) -> None:
    page = f"/tenants/{company.tenant}/settings/"
    for number, (here, there) in enumerate([(first, second), (second, first)]):
        new = {"name": f"Acme {number}", "domain": ""}
        assert owner.post(f"{here.url}{page}", new).status_code == 302

        assert f"Acme {number}" in owner.get(f"{there.url}{page}").text


def test_token_that_is_replaced_at_one_host_is_refused_at_the_other(
    first: Server, second: Server
) -> None:
    company = connect(first)
    headers = {"Authorization": f"Bearer {company.token}"}

    def status() -> int:
        with httpx.Client(trust_env=False, timeout=60) as client:
            return client.get(f"{second.scim_url}/Users", headers=headers).status_code

    assert status() == 200

    first.manage("rotate_token", company.tenant, "--revoke", "--yes", "--json")

    assert status() == 401


def test_requests_to_both_hosts_count_for_one_limit(
    owner: Visitor, first: Server, second: Server
) -> None:
    form = {"name": "Payroll", "scopes": "people:read", "days": "90"}
    [token] = {*API_TOKEN.findall(owner.post("/api-tokens/", form).text)}
    headers = {"Authorization": f"Bearer {token}"}

    def statuses() -> list[int]:
        with httpx.Client(trust_env=False, headers=headers, timeout=60) as client:
            return [
                client.get(f"{host.url}/api/v1/people").status_code
                for host in [first, second] * PER_MINUTE
            ]

    answers = in_one_minute(statuses)

    assert answers == [200] * PER_MINUTE + [429] * PER_MINUTE


def in_one_minute(act: Callable[[], list[int]]) -> list[int]:
    """Return what the function returns when it begins and ends within one minute of the clock."""
    while True:
        minute = time.time() // 60
        answers = act()
        if time.time() // 60 == minute:
            return answers


def test_circuit_that_opens_at_one_host_is_open_at_the_other(
    first: Server, second: Server, company: Connected, tmp_path: Path
) -> None:
    with Listener(says=b"") as provider:
        sign_in = add_provider(first, company, f"http://127.0.0.1:{provider.port}", tmp_path)
        for _ in range(3):
            httpx.get(f"{first.url}{sign_in}", trust_env=False, timeout=60)
        assert provider.connections == 3

        httpx.get(f"{second.url}{sign_in}", trust_env=False, timeout=60)

        assert provider.connections == 3


def add_provider(server: Server, company: Connected, issuer: str, folder: Path) -> str:
    """Add a provider that people sign in with, and return the path that begins a sign-in."""
    settings = OIDC | {"issuer": issuer, "client_secret": "s3cret"}
    file = folder / "provider.json"
    file.write_text(json.dumps({"kind": "oidc", "name": "Down", **settings}))
    content = json.loads(
        server.manage("add_identity_provider", company.tenant, "--file", str(file))
    )
    return f"/sign-in/{company.tenant}/{content['id']}/"


@pytest.mark.usefixtures("second")
def test_each_job_is_sent_once_for_its_time_although_two_beats_run(first: Server) -> None:
    """The jobs wait in the queue. If both beats sent one every 5 s, six would take 15 s at most."""
    queue = redis.Redis.from_url(first.redis_url)
    jobs = 6

    within(180, lambda: len(times_of_webhook_jobs(queue)) >= jobs)

    times = times_of_webhook_jobs(queue)[:jobs]
    assert times[-1] - times[0] >= (jobs - 2.5) * 5


def times_of_webhook_jobs(queue: redis.Redis) -> list[float]:
    """Return when the waiting jobs that send webhooks expire, which is 5 s after they were sent."""
    waiting = [json.loads(message)["headers"] for message in queue.lrange("celery", 0, -1)]
    return sorted(
        datetime.fromisoformat(job["expires"]).timestamp()
        for job in waiting
        # Those of beat have an expiry.
        if job["task"] == "people.tasks.send_webhooks" and job["expires"]
    )

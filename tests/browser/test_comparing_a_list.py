"""An administrator who compares thousands of rows with thousands of people …"""

import csv
import io
import json
import os
import re
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Size, StartServer
from tests.services.process import descendants, programs, within
from tests.services.server import Server

OWNER, PASSWORD = "olga@acme.example", "correct horse"
HEADER = ("Work email", "First name", "Surname", "Department", "Manager email")
FURNISH = """
from django.utils import timezone
from people import tenancy
from people.models import Department, Person, Tenant
tenant = Tenant.objects.get(slug="acme")
with tenancy.use(tenant):
    sales = Department.objects.create(tenant=tenant, name="Sales", name_key="sales")
    now = timezone.now()
    Person.objects.bulk_create(
        [
            Person(
                tenant=tenant, given_name="Ada", family_name="Lovelace", state="active",
                email=f"p{{number}}@acme.example", email_key=f"p{{number}}@acme.example",
                department=sales, joined_at=now, role_source="command:tests", role_assigned_at=now,
            )
            for number in range({people})
        ],
        batch_size=1000,
    )
"""
STATES = """
import json
from collections import Counter
from people import tenancy
from people.models import BulkChangeItem, Event, Invite, Person
with tenancy.across_tenants():
    counts = {
        "states": Counter(Person.objects.values_list("state", flat=True)),
        "legal": Person.objects.filter(department__name="Legal").count(),
        "events": Counter(
            Event.objects.exclude(person=None).values_list("kind", flat=True)
        ),
        "items": BulkChangeItem.objects.count(),
        "invites": Invite.objects.open().filter(hold_reason="").count(),
    }
print(json.dumps(counts))
"""
IN_THE_MIDDLE = "SELECT 1 FROM people_comparison WHERE state = 'applying' AND done_count > 20"


@dataclass(frozen=True)
class Amounts:
    """How many people the list leaves as they are, changes and lacks, and what else it has."""

    unchanged: int
    different: int
    gone: int
    new: int
    bad: int


@pytest.fixture
def amounts(size: Size) -> Amounts:
    return Amounts(
        unchanged=size(1_940, full=9_400),
        different=size(100, full=200),
        gone=size(60, full=100),
        new=size(59, full=99),
        bad=size(60, full=300),
    )


@pytest.fixture
def acme(start_server: StartServer, amounts: Amounts) -> Server:
    server = start_server("postgresql")
    named = ("--name", "Acme", "--owner-name", "Olga Owner")
    owner = ("--owner-email", OWNER, "--owner-password", PASSWORD)
    server.manage("create_tenant", "acme", *named, *owner)
    people = amounts.unchanged + amounts.different + amounts.gone
    server.manage("shell", "-v", "0", "-c", FURNISH.format(people=people))
    return server


def listed(amounts: Amounts) -> bytes:
    """Return the list, whose unreadable rows are unreadable for three reasons."""
    people = [
        [
            f"p{number}@acme.example",
            "Ada",
            "Lovelace",
            "Sales" if number < amounts.unchanged else "Legal",
            "",
        ]
        for number in range(amounts.unchanged + amounts.different)
    ]
    new = [
        [f"n{number}@acme.example", "New", "Person", "Sales", ""] for number in range(amounts.new)
    ]
    bad = [
        (
            [f"bad {number}", "A", "B", "", ""],
            ["same@acme.example", "A", "B", "", ""],
            [f"x{number}@acme.example", "A", "B", "", f"nobody{number}@acme.example"],
        )[number % 3]
        for number in range(amounts.bad)
    ]
    rows = [[OWNER, "Olga", "Owner", "", ""], *people, *bad, *new]
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=";").writerows([HEADER, *rows])
    return written.getvalue().encode("utf-16")


def facts(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(server.manage("shell", "-v", "0", "-c", STATES))
    return found


def cpu_seconds_of_workers(server: Server) -> float:
    worker = programs(server)["worker"]
    ticks = 0
    for pid in (worker, *descendants(worker)):
        # Fields 14 and 15 of proc(5), counted after the program name.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def kill_the_worker_while_it_applies(server: Server) -> None:
    with psycopg.connect(server.database_url, autocommit=True) as database:

        def is_in_the_middle() -> bool:
            return database.execute(IN_THE_MIDDLE).fetchone() is not None

        within(300, is_in_the_middle)
    worker = programs(server)["worker"]
    for pid in (*descendants(worker), worker):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_applies_and_undoes_it_as_a_whole_although_the_worker_is_killed(
    acme: Server, page: Page, amounts: Amounts
) -> None:
    page.goto(f"{acme.url}/sign-in/")
    page.get_by_label("Email address").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{acme.url}/overview/")
    page.goto(f"{acme.url}/people/")

    page.get_by_role("link", name="Compare with a list").click()
    file = {"name": "hr.csv", "mimeType": "text/csv", "buffer": listed(amounts)}
    page.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/columns/")
    began = cpu_seconds_of_workers(acme)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=120_000)
    # Of the processor, because other tests run at the same time.
    assert cpu_seconds_of_workers(acme) - began < 20

    for tab in (
        f"New {amounts.new}",
        f"Different {amounts.different}",
        f"Gone {amounts.gone}",
        f"Unreadable {amounts.bad}",
    ):
        expect(page.get_by_role("link", name=tab)).to_be_visible()
    page.get_by_role("link", name="Gone").click()
    page.get_by_role("button", name="Select all in this tab").click()
    page.get_by_role("link", name="Review and apply").click()
    page.get_by_role("button", name=re.compile("^Apply")).click()
    page.wait_for_url("**/people/compare/*/")
    kill_the_worker_while_it_applies(acme)
    expect(page.get_by_role("heading", name="The selection was applied")).to_be_visible(
        timeout=240_000
    )
    applied = facts(acme)
    assert applied["states"] == {
        "active": amounts.unchanged + amounts.different + 1,
        "inactive": amounts.gone,
        "invited": amounts.new,
    }
    assert (applied["legal"], applied["items"]) == (
        amounts.different,
        amounts.new + amounts.different + amounts.gone,
    )
    assert applied["invites"] == amounts.new
    events = applied["events"]
    assert (events["person.revised"], events["person.deactivated"]) == (
        amounts.different,
        amounts.gone,
    )
    # Olga herself was added as well, by the command.
    assert events["person.added"] == amounts.new + 1

    page.get_by_role("link", name="See or undo the bulk change").click()
    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Undone by Olga Owner")).to_be_visible(timeout=240_000)
    undone = facts(acme)
    assert undone["states"] == {
        "active": amounts.unchanged + amounts.different + amounts.gone + 1,
        "inactive": amounts.new,
    }
    assert (undone["legal"], undone["invites"]) == (0, 0)

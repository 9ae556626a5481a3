"""An administrator who compares 10,000 rows with 9,700 people …"""

import csv
import io
import json
import os
import re
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import StartServer
from tests.services.process import descendants, programs, within
from tests.services.server import Server

OWNER, PASSWORD = "olga@acme.example", "correct horse"
UNCHANGED, DIFFERENT, GONE, NEW, BAD = 9_400, 200, 100, 99, 300
HEADER = ("Work email", "First name", "Surname", "Department", "Manager email")
FURNISH = f"""
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
            for number in range({UNCHANGED + DIFFERENT + GONE})
        ],
        batch_size=1000,
    )
"""
STATES = """
import json
from collections import Counter
from people import tenancy
from people.models import BulkChangeItem, Comparison, Event, Invite, Person
with tenancy.across_tenants():
    counts = {
        "progress": list(Comparison.objects.values_list("state", "done_count"))[0],
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


@pytest.fixture
def acme(start_server: StartServer) -> Server:
    server = start_server("postgresql")
    named = ("--name", "Acme", "--owner-name", "Olga Owner")
    owner = ("--owner-email", OWNER, "--owner-password", PASSWORD)
    server.manage("create_tenant", "acme", *named, *owner)
    server.manage("shell", "-v", "0", "-c", FURNISH)
    return server


def listed() -> bytes:
    """Return a list of 10,000 rows, of which 300 are unreadable."""
    people = [
        [
            f"p{number}@acme.example",
            "Ada",
            "Lovelace",
            "Sales" if number < UNCHANGED else "Legal",
            "",
        ]
        for number in range(UNCHANGED + DIFFERENT)
    ]
    new = [[f"n{number}@acme.example", "New", "Person", "Sales", ""] for number in range(NEW)]
    bad = [
        (
            [f"bad {number}", "A", "B", "", ""],
            ["same@acme.example", "A", "B", "", ""],
            [f"x{number}@acme.example", "A", "B", "", f"nobody{number}@acme.example"],
        )[number % 3]
        for number in range(BAD)
    ]
    rows = [[OWNER, "Olga", "Owner", "", ""], *people, *bad, *new]
    assert len(rows) == 10_000
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
    def is_in_the_middle() -> bool:
        state, done_count = facts(server)["progress"]
        return bool(state == "applying" and done_count > 20)

    within(300, is_in_the_middle)
    worker = programs(server)["worker"]
    for pid in (*descendants(worker), worker):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_applies_and_undoes_it_as_a_whole_although_the_worker_is_killed(
    acme: Server, page: Page
) -> None:
    page.goto(f"{acme.url}/sign-in/")
    page.get_by_label("Email address").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{acme.url}/overview/")
    page.goto(f"{acme.url}/people/")

    page.get_by_role("link", name="Compare with a list").click()
    file = {"name": "hr.csv", "mimeType": "text/csv", "buffer": listed()}
    page.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/columns/")
    began = cpu_seconds_of_workers(acme)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=120_000)
    # Of the processor, because other tests run at the same time.
    assert cpu_seconds_of_workers(acme) - began < 20

    for tab in (f"New {NEW}", f"Different {DIFFERENT}", f"Gone {GONE}", f"Unreadable {BAD}"):
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
        "active": UNCHANGED + DIFFERENT + 1,
        "inactive": GONE,
        "invited": NEW,
    }
    assert (applied["legal"], applied["items"]) == (DIFFERENT, NEW + DIFFERENT + GONE)
    assert applied["invites"] == NEW
    events = applied["events"]
    assert (events["person.revised"], events["person.deactivated"]) == (DIFFERENT, GONE)
    # Olga herself was added as well, by the command.
    assert events["person.added"] == NEW + 1

    page.get_by_role("link", name="See or undo the bulk change").click()
    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Undone by Olga Owner")).to_be_visible(timeout=240_000)
    undone = facts(acme)
    assert undone["states"] == {"active": UNCHANGED + DIFFERENT + GONE + 1, "inactive": NEW}
    assert (undone["legal"], undone["invites"]) == (0, 0)

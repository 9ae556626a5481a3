"""Exporting people …"""

import csv
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from people.models import Person, Tenant
from people.presentation.spreadsheets import escape_formula
from tests.clients.pages import signed_in
from tests.factories import core

pytestmark = pytest.mark.django_db

EXPORT = Path(__file__).resolve().parents[3] / "docs" / "export.md"


def exported(tenant: Tenant, **filters: Any) -> list[dict[str, str]]:
    response: Any = signed_in(core.administrator()).get("/people/export/", filters)
    assert response.streaming
    with core.in_another_tenant():
        # The lines are written after the request's own tenant has gone out of force.
        body = b"".join(response.streaming_content)
    return list(csv.DictReader(StringIO(body.decode("utf-8-sig"))))


def as_read_back(cell: str) -> str:
    """Do what docs/export.md tells whoever reads the file to do."""
    [pattern] = re.findall(r"expression [^`]*`(.+)`", EXPORT.read_text())
    return re.sub(pattern, "", cell, count=1)


def test_writes_whom_the_list_shows(tenant: Tenant) -> None:
    boss = core.person(given_name="Grace", family_name="Hopper", email="grace@example.com")
    core.person(
        family_name="Zuse", email="zuse@example.com", manager=boss, department=core.department()
    )
    core.person(family_name="Gone", state=Person.State.TERMINATED)

    rows = exported(tenant, q="zuse")

    assert rows == [
        {
            "First name": "Ada",
            "Last name": "Zuse",
            "Email address": "zuse@example.com",
            "Role": "Cardholder",
            "State": "Active",
            "Department": "Sales",
            "Location": "",
            "Manager": "Grace Hopper",
            "Manager's email address": "grace@example.com",
        }
    ]
    assert "Gone" not in str(exported(tenant))


def test_writes_all_pages(tenant: Tenant) -> None:
    for _ in range(60):
        core.person()

    assert len(exported(tenant)) == 61


@pytest.mark.parametrize(
    "name",
    [
        "=cmd|'/c calc'!A1",
        "+1",
        "-Ann",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        " =1+1",
        "'=1+1",
        "''-x",
        "＝1",
    ],
)
def test_disarms_formulas_and_gives_the_name_back(name: str) -> None:
    written = escape_formula(name)

    assert written == f"'{name}"
    assert as_read_back(written) == name


@pytest.mark.parametrize("name", ["Ada", "O'Brien", "'t Hart", "d'Arc", "x=1", "", "1-2"])
def test_leaves_other_names_alone(name: str) -> None:
    assert escape_formula(name) == name
    assert as_read_back(name) == name


def test_disarms_every_column(tenant: Tenant) -> None:
    core.person(given_name="=A", family_name="-Ann", department=core.department("+D"))

    [row] = exported(tenant, q="Ann")

    assert (row["First name"], row["Last name"], row["Department"]) == ("'=A", "'-Ann", "'+D")


def test_leads_to_the_list_by_filters_that_mean_nothing(tenant: Tenant) -> None:
    client = signed_in(core.administrator())

    answer = client.get("/people/export/", {"department__id__exact": "a\0b"})

    assert (answer.status_code, answer["Location"]) == (302, "/people/?e=1")

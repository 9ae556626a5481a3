"""Exporting people as CSV."""

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
        # The response is written after the request, without its tenant.
        body = b"".join(response.streaming_content)
    return list(csv.DictReader(StringIO(body.decode("utf-8-sig"))))


def as_read_back(cell: str) -> str:
    """Unescape the cell as docs/export.md describes."""
    [pattern] = re.findall(r"expression [^`]*`(.+)`", EXPORT.read_text())
    return re.sub(pattern, "", cell, count=1)


def test_contains_the_people_of_the_filtered_list(tenant: Tenant) -> None:
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


def test_contains_people_of_all_pages(tenant: Tenant) -> None:
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
def test_formulas_are_escaped_and_can_be_unescaped(name: str) -> None:
    written = escape_formula(name)

    assert written == f"'{name}"
    assert as_read_back(written) == name


@pytest.mark.parametrize("name", ["Ada", "O'Brien", "'t Hart", "d'Arc", "x=1", "", "1-2"])
def test_other_names_are_not_escaped(name: str) -> None:
    assert escape_formula(name) == name
    assert as_read_back(name) == name


def test_formulas_are_escaped_in_every_column(tenant: Tenant) -> None:
    core.person(given_name="=A", family_name="-Ann", department=core.department("+D"))

    [row] = exported(tenant, q="Ann")

    assert (row["First name"], row["Last name"], row["Department"]) == ("'=A", "'-Ann", "'+D")


def test_invalid_filters_redirect_to_the_list(tenant: Tenant) -> None:
    client = signed_in(core.administrator())

    answer = client.get("/people/export/", {"department__id__exact": "a\0b"})

    assert (answer.status_code, answer["Location"]) == (302, "/people/?e=1")

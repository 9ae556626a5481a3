"""Reviewing a list of people before it is applied."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from people.models import (
    Comparison,
    ComparisonRow,
    Person,
    Tenant,
)
from people.tasks import continue_comparisons
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.people.comparison.lists import HEADER, NEW, as_csv, as_stored, row_of, rows
from tests.people.comparison.visit import Visit

pytestmark = pytest.mark.django_db


def test_shows_differences_without_changing_people(
    visit: Visit, owner: Person, zoe: Person
) -> None:
    before = as_stored()

    visit.compare(rows(row_of(owner), row_of(zoe, family_name="Other"), NEW))

    page = visit.page()
    assert "1 row of 3 matches Ramp. Nobody has been changed yet." in page
    assert "Selected: 1 to add, 1 to change, 0 to deactivate." in page
    assert "New Person" in page
    assert "<del><bdi>Lovelace</bdi></del> → <ins><bdi>Other</bdi></ins>" in visit.page("different")
    assert as_stored() == before


def test_shows_the_name_of_the_file(visit: Visit, owner: Person) -> None:
    visit.compare(rows(row_of(owner), NEW))

    page = text_of(visit.client.get(f"{visit.url}apply/"))

    assert 'title="Back to list.csv"' in page


def test_shows_progress_without_javascript(visit: Visit, owner: Person) -> None:
    visit.compare(rows(row_of(owner), NEW), work=lambda: None)

    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in visit.page()
    continue_comparisons()
    assert "refresh" not in visit.page()


def test_row_with_only_managed_differences_cannot_be_selected(visit: Visit, owner: Person) -> None:
    Provider(scim_connection("okta")).add("zoe")
    zoe = Person.objects.select_related("department", "location").get(scim_users__isnull=False)
    visit.compare(rows(row_of(owner), row_of(zoe, department="Elsewhere")))

    page = visit.page("different")

    assert "Nothing to apply." in page
    assert 'name="row"' not in page


def test_people_above_the_administrators_rank_cannot_be_selected(
    owner: Person, tenant: Tenant
) -> None:
    admin = core.administrator(email="admin@example.com", role=Person.Role.ADMIN)
    visit = Visit(signed_in(admin))
    visit.compare(rows(row_of(owner, family_name="Changed"), NEW))

    assert "so only an Owner can change this account." in visit.page("different")
    # A forged selection is not stored.
    for row in ComparisonRow.objects.all():
        visit.post(show=row.kind, shown=row.pk, row=row.pk)
    assert set(ComparisonRow.objects.filter(is_selected=True).values_list("kind", flat=True)) == {
        "new"
    }
    assert "You cannot deactivate yourself by a list." in visit.page("gone")


def test_list_is_deleted_after_30_days(visit: Visit, owner: Person) -> None:
    visit.compare(rows(row_of(owner), NEW))
    visit.apply()

    with time_machine.travel(timezone.now() + timedelta(days=29)):
        continue_comparisons()
    assert Comparison.objects.exists()
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        continue_comparisons()

    assert not Comparison.objects.exists()
    assert Person.objects.filter(email="new@example.com").exists()


def test_list_is_invisible_to_other_companies(visit: Visit, owner: Person) -> None:
    visit.compare(rows(row_of(owner), NEW))
    with core.in_another_tenant():
        stranger = signed_in(core.owner())
    pages = ("", "columns/", "apply/", "unreadable.csv")

    answers = [stranger.get(f"{visit.url}{page}").status_code for page in pages]
    posted = [stranger.post(f"{visit.url}{page}").status_code for page in ("", "apply/", "delete/")]

    assert set(answers + posted) == {404}
    assert "list.csv" not in text_of(stranger.get("/people/compare/"))
    assert Comparison.objects.count() == 1


def test_list_is_visible_only_to_administrators(visit: Visit, owner: Person) -> None:
    visit.compare(rows(row_of(owner), NEW))
    cardholder = signed_in(core.person())

    assert cardholder.get(visit.url).status_code == 302
    assert Client().post("/people/compare/").status_code == 302


def test_paginates_rows_and_keeps_the_selection(visit: Visit, owner: Person) -> None:
    new = [[f"p{number:03}@example.com", "New", "One", "", "", ""] for number in range(120)]
    visit.compare(rows(row_of(owner), *new))
    shown = visit.client.get(f"{visit.url}?show=new").context["page"]
    ticked = [row.pk for row in shown][1:]

    visit.post(show="new", shown=[row.pk for row in shown], row=ticked, page="1", do="2")

    assert "Selected: 119 to add" in visit.page()
    assert "Page 2 of 3. 120 rows" in text_of(visit.client.get(f"{visit.url}?show=new&page=2"))
    assert "p007@example.com" in text_of(visit.client.get(f"{visit.url}?show=new&q=p007"))
    few = len(queries_of(visit.client, f"{visit.url}?show=new&q=p007"))
    assert len(queries_of(visit.client, f"{visit.url}?show=new")) == few


def test_unreadable_rows_can_be_downloaded(visit: Visit, owner: Person) -> None:
    bad = ["no address", "=1+1", "B", "", "", ""]
    visit.compare(rows(row_of(owner), bad))

    answer: Any = visit.client.get(f"{visit.url}unreadable.csv")

    lines = b"".join(answer).decode("utf-8-sig").splitlines()
    assert lines[0] == f"Row,Reason,{','.join(HEADER)}"
    assert lines[1] == "3,“no address” is not an email address.,no address,'=1+1,B,,,"


def test_list_can_be_read_again_with_another_encoding(visit: Visit, owner: Person) -> None:
    content = as_csv([("Email", "Surname"), (owner.email, "Łódź")]).encode("cp1250")
    visit.upload(content)
    assert "Łódź" not in text_of(visit.client.get(f"{visit.url}columns/"))

    visit.client.post(
        f"{visit.url}columns/",
        {"again": "yes", "encoding": "cp1250", "separator": ",", "key": "email"},
    )

    assert "Łódź" in text_of(visit.client.get(f"{visit.url}columns/"))


def test_list_cannot_be_discarded_while_it_is_applied(visit: Visit, owner: Person) -> None:
    visit.compare(rows(row_of(owner), NEW))
    Comparison.objects.update(state=Comparison.State.APPLYING)

    answer = visit.client.post(f"{visit.url}delete/", follow=True)

    assert "A job is working on this list" in text_of(answer)
    assert Comparison.objects.exists()


def test_discarding_deletes_the_list(visit: Visit, owner: Person) -> None:
    visit.compare(rows(row_of(owner), NEW))

    visit.client.post(f"{visit.url}delete/")

    assert not Comparison.objects.exists()
    assert not ComparisonRow.objects.exists()

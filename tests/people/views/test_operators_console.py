"""The list of tenants for operators, and adding a tenant."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.mail.messages import build_message
from people.models import Event, Invite, Mail, Person, Tenant
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

FORM = {
    "name": "Initech",
    "slug": "initech",
    "currency": "EUR",
    "given_name": "Bill",
    "family_name": "Lumbergh",
    "email": "bill@initech.example",
}


@pytest.fixture
def operator(tenant: Tenant) -> Client:
    return signed_in(core.owner(email="op@ramp.example", is_operator=True))


def add(client: Client, **values: str) -> Any:
    return client.post("/tenants/add/", FORM | values)


class TestList:
    @pytest.fixture
    def three(self, operator: Client) -> None:
        core.tenant(name="Suspended Ltd", is_active=False)
        core.tenant(name="Closed Ltd", is_active=False, closed_at=timezone.now())

    def test_shows_the_status_and_the_number_of_people(self, operator: Client, three: None) -> None:
        core.person()
        core.person(state=Person.State.TERMINATED)
        page = text_of(operator.get("/tenants/"))

        for status in ("Active", "Suspended", "Closed"):
            assert status in page
        assert re.search(r'data-label="People"[^>]*> ?2 ?<', page), page

    @pytest.mark.parametrize(
        ("status", "shown"),
        [("suspended", "Suspended Ltd"), ("closed", "Closed Ltd")],
    )
    def test_filter_by_status(
        self, operator: Client, three: None, tenant: Tenant, status: str, shown: str
    ) -> None:
        page = text_of(operator.get(f"/tenants/?status={status}"))

        assert shown in page
        (other,) = {"Suspended Ltd", "Closed Ltd"} - {shown}
        assert other not in page

    def test_takes_the_same_queries_for_more_tenants(self, operator: Client) -> None:
        before = queries_of(operator, "/tenants/")
        for _ in range(5):
            with core.in_another_tenant():
                core.person()

        assert len(queries_of(operator, "/tenants/")) == len(before)


class TestAddingATenant:
    def test_invites_the_owner(self, operator: Client) -> None:
        page = operator.get("/tenants/add/")
        assert "Company name" in text_of(page)

        answer = add(operator)

        initech = Tenant.objects.get(slug="initech")
        with tenancy.use(initech):
            bill = Person.objects.get()
            assert (bill.role, bill.state) == (Person.Role.OWNER, Person.State.INVITED)
            assert Invite.objects.get().person == bill
            assert Mail.objects.get().to == "bill@initech.example"
            assert set(Event.objects.values_list("actor", flat=True)) == {
                "operator:op@ramp.example"
            }
        assert (initech.owner, initech.domain) == (bill, "initech.example")
        assert answer["Location"].startswith("/tenants/")

    @pytest.mark.parametrize(
        ("values", "problem"),
        [
            ({"name": ""}, "This field is required"),
            ({"slug": "taken"}, "A tenant “taken” already exists"),
            ({"slug": "not a slug"}, "Enter a valid"),
            ({"currency": "euro"}, "at most 3 characters"),
            ({"currency": "eu1"}, "Use the ISO 4217 code"),
            ({"email": "nonsense"}, "Enter a valid email address"),
            ({"given_name": "☃"}, "name"),
        ],
    )
    def test_reports_invalid_values(
        self, operator: Client, values: dict[str, str], problem: str
    ) -> None:
        core.tenant(slug="taken")
        before = Tenant.objects.count()

        page = add(operator, **values)

        assert page.status_code == 200
        assert problem in text_of(page)
        assert Tenant.objects.count() == before

    def test_is_refused_for_others(self, tenant: Tenant) -> None:
        assert add(signed_in(core.owner())).status_code == 403
        assert add(signed_in(core.person())).status_code == 302
        assert add(Client())["Location"].startswith("/sign-in/")
        assert not Tenant.objects.filter(slug="initech").exists()


def test_invite_of_the_owner_comes_from_ramp(operator: Client, smtp: Any) -> None:
    add(operator)
    with tenancy.across_tenants():
        message = build_message(Mail.objects.select_related("person__tenant__owner").get())

    assert message.subject == "You are invited to Initech on Ramp"
    assert message.from_email.startswith("Ramp <")

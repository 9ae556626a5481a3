"""Creating a tenant."""

import json
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from people import tenancy
from people.models import Entity, Event, Invite, Person, Tenant
from people.operations import tenants
from people.values import Actor, Profile
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db

CLI = Actor("command", "create_tenant")
OLGA = Profile(
    given_name="Olga", family_name="Owner", email="Olga@Acme.example", role=Person.Role.OWNER
)


def open_tenant(slug: str = "acme", **values: Any) -> Tenant:
    usual: dict[str, Any] = {
        "owner": OLGA,
        "password": "correct horse",
        "currency": "EUR",
        "actor": CLI,
    }
    return tenants.create_tenant(slug, "Acme", **usual | values)


def test_creates_an_active_owner() -> None:
    tenant = open_tenant()

    with tenancy.use(tenant):
        owner = Person.objects.get()
        assert tenant.owner == owner
        assert (owner.state, owner.role) == (Person.State.ACTIVE, Person.Role.OWNER)
        assert owner.check_password("correct horse")
        assert not Invite.objects.exists()


def test_creates_a_default_entity() -> None:
    tenant = open_tenant()

    with tenancy.use(tenant):
        assert tenant.default_entity == Entity.objects.get(name="Acme", currency="EUR")


def test_domain_is_that_of_the_owners_address() -> None:
    assert open_tenant().domain == "acme.example"


def test_records_events() -> None:
    tenant = open_tenant()

    with tenancy.use(tenant):
        result = Event.objects.order_by("pk").values_list("kind", "actor")
        assert list(result) == [
            ("tenant.created", "command:create_tenant"),
            ("person.added", "command:create_tenant"),
            ("person.joined", "command:create_tenant"),
        ]


def test_owner_can_have_two_tenants() -> None:
    assert open_tenant("acme") != open_tenant("acme-too")


def test_refuses_a_slug_that_is_taken() -> None:
    open_tenant()

    with pytest.raises(tenants.SlugTaken):
        open_tenant()

    assert Tenant.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"slug": "not a slug"}, "slug", id="slug"),
        pytest.param({"slug": "x" * 51}, "50", id="long slug"),
        pytest.param({"currency": "EURO"}, "ISO 4217", id="currency"),
        pytest.param({"currency": "€"}, "ISO 4217", id="currency sign"),
        pytest.param({"password": "short"}, "too short", id="short password"),
        pytest.param({"password": "password"}, "too common", id="common password"),
    ],
)
def test_refuses_invalid_input(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        open_tenant(**wrong)

    assert not Tenant.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [4], indirect=True)
def test_concurrent_requests_for_one_slug_create_one_tenant(racers: Racers) -> None:
    results = racers(*[partial(open_tenant, password="correct horse")] * racers.number)

    kinds = [type(answer) for answer in results]
    assert (kinds.count(Tenant), kinds.count(tenants.SlugTaken)) == (1, 3)


class TestCommandCreateTenant:
    OPTIONS = {
        "name": "Acme",
        "owner_email": "ada.lovelace@acme.example",
        "owner_password": "correct horse",
    }

    def run(self, slug: str = "acme", **options: str) -> Any:
        out = StringIO()
        call_command("create_tenant", slug, stdout=out, **self.OPTIONS | options)
        return json.loads(out.getvalue())

    def test_prints_json(self) -> None:
        answer = self.run()

        tenant = Tenant.objects.get()
        assert answer == {"tenant": tenant.pk, "slug": "acme", "owner": str(tenant.owner_id)}

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ({}, "Ada Lovelace"),
            ({"owner_name": "Augusta King"}, "Augusta King"),
            ({"owner_email": "root@acme.example"}, "Root Owner"),
        ],
    )
    def test_derives_the_owners_name(self, values: dict[str, str], expected: str) -> None:
        self.run(**values)

        with tenancy.across_tenants():
            owner = Tenant.objects.get().owner
        assert owner
        assert owner.full_name == expected

    def test_reads_the_password_from_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # The list of processes shows options to everybody on the machine.
        monkeypatch.setattr("sys.stdin", StringIO("correct horse\nsomething else\n"))

        self.run(owner_password="")

        owner = Tenant.objects.get().owner
        assert owner
        assert owner.check_password("correct horse")

    def test_needs_a_password(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", StringIO(""))

        with pytest.raises(CommandError, match="there is no password for the Owner"):
            self.run(owner_password="")
        assert not Tenant.objects.exists()

    def test_accepts_a_currency_in_any_case(self) -> None:
        self.run(currency="eur")

        with tenancy.across_tenants():
            entity = Tenant.objects.get().default_entity
        assert entity
        assert entity.currency == "EUR"

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            pytest.param({"slug": "not a slug"}, "slug", id="slug"),
            pytest.param({"slug": "x" * 51}, "50 characters", id="long slug"),
            pytest.param({"name": " "}, "blank", id="name"),
            pytest.param({"name": "x" * 201}, "200 characters", id="long name"),
            pytest.param({"owner_email": "olga"}, "valid email", id="address"),
            pytest.param(
                {"owner_email": f"{'o' * 60}@{'x' * 63}.{'x' * 63}.{'x' * 63}.example"},
                "254 characters",
                id="long address",
            ),
            pytest.param({"owner_email": "1@acme.example"}, "first and last name", id="no name"),
            pytest.param({"owner_name": "-- --"}, "first and last name", id="not a name"),
            pytest.param({"owner_password": "short"}, "too short", id="password"),
            pytest.param({"currency": "EURO"}, "ISO 4217", id="currency"),
        ],
    )
    def test_reports_invalid_input_and_creates_nothing(
        self, wrong: dict[str, str], message: str
    ) -> None:
        with pytest.raises(CommandError, match=message):
            self.run(**wrong)

        assert not Tenant.objects.exists()

    def test_reports_that_the_slug_is_taken(self) -> None:
        self.run()

        with pytest.raises(CommandError, match="A tenant “acme” already exists"):
            self.run()

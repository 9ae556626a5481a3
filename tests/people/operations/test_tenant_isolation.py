"""Tenant isolation of every model."""

from threading import Thread

import pytest
from django.apps import apps
from django.db import models

from people import tenancy
from people.models import Department, Person, Tenant
from people.operations import people
from people.tenancy import NoTenantInForceError, TenantManager, TenantOwned
from people.values import Actor
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
# Computed, so that new models are tested too.
OWNED = [
    model
    for model in apps.get_models()
    if issubclass(model, TenantOwned) or any(field.name == "tenant" for field in model._meta.fields)
]
every_owned_model = pytest.mark.parametrize("model", OWNED, ids=lambda model: model.__name__)


@pytest.fixture
def other(db: None) -> Tenant:
    with core.in_another_tenant() as tenant:
        core.person(manager=core.person(), department=core.department(), location=core.location())
    return tenant


def test_owned_models_include_people() -> None:
    assert {"Person", "Department", "Event", "Card"} <= {model.__name__ for model in OWNED}


@every_owned_model
def test_query_without_a_current_tenant_raises(model: type[models.Model]) -> None:
    with pytest.raises(NoTenantInForceError, match=model.__name__):
        model._default_manager.count()


@every_owned_model
def test_every_manager_is_a_tenant_manager(model: type[models.Model]) -> None:
    for manager in model._meta.managers:
        assert isinstance(manager, TenantManager)


@every_owned_model
def test_query_is_filtered_by_the_current_tenant(model: type[models.Model]) -> None:
    with tenancy.use(7):
        sql, parameters = model._default_manager.all().query.sql_with_params()

    assert f'"{model._meta.db_table}"."tenant_id" = %s' in sql
    assert parameters == (7,)


@every_owned_model
def test_query_across_tenants_is_not_filtered(model: type[models.Model]) -> None:
    with tenancy.across_tenants():
        sql, _ = model._default_manager.all().query.sql_with_params()

    assert "WHERE" not in sql


def test_hides_rows_of_another_company(tenant: Tenant, other: Tenant) -> None:
    mine = core.person()

    assert list(Person.objects.all()) == [mine]
    assert not Department.objects.exists()
    with tenancy.across_tenants():
        assert Person.objects.count() == 3
    with tenancy.use(other):
        assert Person.objects.filter(pk=mine.pk).first() is None


def test_related_rows_need_a_current_tenant(other: Tenant) -> None:
    with tenancy.use(other):
        person = Person.objects.exclude(manager=None).get()
        manager, department = person.manager, person.department
    assert manager
    assert department

    for related in (manager.reports, manager.events, department.people, person.invites):
        with pytest.raises(NoTenantInForceError):
            related.count()


def test_hides_related_rows_of_another_company(tenant: Tenant, other: Tenant) -> None:
    with tenancy.use(other):
        boss = Person.objects.filter(manager=None).get()
        assert boss.reports.count() == 1

    assert boss.reports.count() == 0


def test_prefetched_rows_can_be_read(tenant: Tenant, other: Tenant) -> None:
    with tenancy.across_tenants():
        bosses = list(Person.objects.filter(manager=None))
        models.prefetch_related_objects(bosses, "reports")

    assert [boss.reports.count() for boss in bosses] == [1]


def test_there_is_no_current_tenant_across_tenants() -> None:
    with pytest.raises(NoTenantInForceError), tenancy.across_tenants():
        tenancy.current_id()


def test_operations_do_not_run_across_tenants(ada: Person) -> None:
    for operation in (people.deactivate_person, people.reactivate_person):
        with pytest.raises(NoTenantInForceError), tenancy.across_tenants():
            operation(ada, actor=OKTA)

    assert not ada.events.exists()


def test_operations_do_not_change_people_of_another_company(ada: Person, other: Tenant) -> None:
    with pytest.raises(Person.DoesNotExist), tenancy.use(other):
        people.deactivate_person(ada, actor=OKTA)

    assert Person.objects.get(pk=ada.pk).is_active


class TestCurrentTenant:
    def test_is_restored_after_the_block(self) -> None:
        with tenancy.use(7):
            with tenancy.use(8):
                assert tenancy.current_id() == 8
            with tenancy.across_tenants(), pytest.raises(NoTenantInForceError):
                tenancy.current_id()
            assert tenancy.current_id() == 7

        with pytest.raises(NoTenantInForceError):
            tenancy.current_id()

    @pytest.mark.parametrize("in_force", [lambda: tenancy.use(7), tenancy.across_tenants])
    def test_is_restored_after_an_exception(self, in_force: object) -> None:
        with pytest.raises(ZeroDivisionError), in_force():  # type: ignore[operator]
            raise ZeroDivisionError

        with pytest.raises(NoTenantInForceError):
            Person.objects.exists()

    def test_is_not_shared_with_another_thread(self) -> None:
        seen: list[Exception] = []

        def look() -> None:
            try:
                tenancy.current_id()
            except NoTenantInForceError as error:
                seen.append(error)

        with tenancy.use(7):
            thread = Thread(target=look)
            thread.start()
            thread.join()

        assert len(seen) == 1

    def test_must_be_stored(self) -> None:
        with tenancy.use(Tenant(slug="new")), pytest.raises(NoTenantInForceError):
            Person.objects.exists()

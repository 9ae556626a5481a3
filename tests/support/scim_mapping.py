"""What the tests of the mapping of attributes share."""

from django.test import Client
from django.utils import timezone

from people.models import CustomField, Person
from scim.models import Connection
from scim.tasks import run_sync_cycle
from tests.clients.pages import text_of
from tests.clients.scim import ENT, Json, Provider

COST_CENTER = f"{ENT}:costCenter"


def address_of(scim: Provider) -> str:
    return f"/integrations/scim/{scim.connection.pk}/mapping/"


def send(client: Client, scim: Provider, do: str, **paths: str) -> str:
    return text_of(client.post(address_of(scim), paths | {"do": do}, follow=True))


def mapping() -> dict[str, str]:
    kept: dict[str, str] = Connection.objects.get().mapping
    return kept


def custom_field(external_name: str = "cost_center", name: str = "Cost centre") -> CustomField:
    tenant_id = Connection.objects.get().tenant_id
    return CustomField.objects.create(tenant_id=tenant_id, name=name, external_name=external_name)


def centred(center: str = "CC-1", department: str = "Research") -> Json:
    return {ENT: {"department": department, "costCenter": center}}


def person(who: str) -> Person:
    people = Person.objects.select_related("department", "location", "manager")
    found: Person = people.get(email=f"{who}@example.com")
    return found


def cycle() -> None:
    run_sync_cycle(as_of=timezone.now())

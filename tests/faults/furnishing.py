"""One company with a row of everything that an address can name."""

from typing import Any

from django.apps import apps
from django.utils import timezone

from people import tenancy
from people.models import (
    BulkChange,
    CustomField,
    Event,
    Grant,
    Person,
    Role,
    Scope,
    Tenant,
    WebhookEndpoint,
)
from people.operations import api_tokens, tenants
from people.operations.people import activate_person, add_person
from people.values import INVITED, Actor, Profile, normalize_key
from provisioning.models import ExternalGroup, GroupMapping, Identity, IdentityProvider
from scim.models import Connection, ScimGroup
from scim.models import GroupMapping as ScimGroupMapping
from tests.clients.scim import Provider, someone
from tests.factories.scim import scim_connection
from tests.factories.signals import signal_stream
from tests.factories.webhooks import webhook_delivery, webhook_endpoint
from tests.faults.cast import ADMINISTRATORS, PASSWORD, ROLES, Company
from tests.support import offboarding

ACTOR = Actor("command", "furnish")
# The tables whose rows appear in addresses, and the column by which they do.
NAMED_IN_ADDRESSES = {
    "people.Person": "id",
    "people.Department": "id",
    "people.Location": "id",
    "people.Entity": "id",
    "people.Role": "id",
    "people.Card": "id",
    "people.Fund": "id",
    "people.Workflow": "id",
    "people.OutstandingItem": "id",
    "people.ApiToken": "id",
    "people.Invite": "id",
    "people.BulkChange": "id",
    "people.Grant": "id",
    "people.CustomField": "id",
    "people.WebhookEndpoint": "id",
    "people.WebhookDelivery": "id",
    "people.SignalStream": "endpoint_id",
    "scim.Connection": "id",
    "scim.Token": "id",
    "scim.SyncError": "id",
    "scim.ScimGroup": "id",
    "scim.GroupMapping": "id",
    "scim.RequestLog": "id",
    "scim.ScimUser": "scim_id",
    "provisioning.IdentityProvider": "id",
    "provisioning.Identity": "id",
    "provisioning.GroupMapping": "id",
}


def open_company(slug: str, mark: str) -> Company:
    """Open a company whose texts end with the mark, if there is one."""
    owner = Profile(
        given_name="Olga",
        family_name=f"Owner{mark}",
        email=f"founder@{slug}.example",
        role=Person.Role.OWNER,
    )
    tenant = tenants.create_tenant(
        slug, f"Company{mark}", owner=owner, password=PASSWORD, currency="EUR", actor=ACTOR
    )
    with tenancy.use(tenant):
        people = {name: _person(slug, name, mark) for name in ROLES}
        Person.objects.filter(pk=people["report"].pk).update(manager=people["manager"])
        offboarding.Leaver(people["manager"], people["report"])
        _mark_spend(mark)
        scim = _connect(mark)
        _sign_in_provider(tenant, people["employee"], mark)
        _loose_ends(tenant, people["employee"], mark)
        tokens = {
            name: api_tokens.create_api_token(
                people[name], f"Tests{mark}", scopes=Scope.values, actor=people[name].actor
            )
            for name in ADMINISTRATORS
        }
        return Company(
            slug=slug,
            tenant_id=tenant.pk,
            scim_token=scim.token,
            people={name: str(person.pk) for name, person in people.items()},
            emails={name: person.email for name, person in people.items()},
            api_tokens=tokens,
            objects=_objects(people["invited"]),
        )


def _person(slug: str, name: str, mark: str) -> Person:
    profile = Profile(
        given_name=name.title(),
        family_name=f"Cast{mark}",
        email=f"{name}@{slug}.example",
        department=f"Department{mark}",
        location=f"Location{mark}",
        role=ROLES[name],
    )
    is_invited = name == "invited"
    person = add_person(profile, actor=ACTOR, invitation=INVITED if is_invited else None)
    if not is_invited:
        activate_person(person, actor=ACTOR)
        person.set_password(PASSWORD)
        person.save(update_fields=["password"])
    return person


def _mark_spend(mark: str) -> None:
    """Add the mark to the names of what the manager holds."""
    named = {"Card": "name", "Fund": "name", "Workflow": "name", "OutstandingItem": "description"}
    for model, field in named.items():
        for row in apps.get_model("people", model).objects.all():
            setattr(row, field, f"{getattr(row, field)}{mark}")
            row.save(update_fields=[field])


def _connect(mark: str) -> Provider:
    """Connect Okta, have it push people and a group with a role, and be refused once."""
    connection = scim_connection(Connection.Provider.OKTA)
    scim = Provider(connection)
    ada = scim.add("ada", name={"givenName": "Ada", "familyName": f"Lovelace{mark}"})
    scim.replace(ada, "roles", [{"value": f"NONSENSE{mark}"}])
    scim("POST", "/Users", someone("incomplete", name={"givenName": f"Only{mark}"}))
    scim.add_group(f"Group{mark}", ada)
    ScimGroupMapping.objects.create(
        tenant_id=connection.tenant_id,
        connection=connection,
        group=ScimGroup.objects.get(),
        base_role=Person.Role.BOOKKEEPER,
    )
    return scim


def _sign_in_provider(tenant: Tenant, person: Person, mark: str) -> None:
    now = timezone.now()
    provider = IdentityProvider.objects.create(
        tenant=tenant,
        kind=IdentityProvider.Kind.OIDC,
        name=f"Corp{mark}",
        name_key=normalize_key(f"Corp{mark}"),
        settings={"issuer": "https://id.example", "client_id": "ramp"},
    )
    Identity.objects.create(
        tenant=tenant,
        provider=provider,
        subject="employee",
        person=person,
        how="created",
        stated_values={},
        first_seen_at=now,
        last_seen_at=now,
    )
    ExternalGroup.objects.create(
        tenant=tenant,
        provider=provider,
        external_id="finance",
        name=f"Finance{mark}",
        last_seen_at=now,
    )
    GroupMapping.objects.create(
        tenant=tenant,
        provider=provider,
        external_id="finance",
        group_name=f"Finance{mark}",
        base_role=Person.Role.BOOKKEEPER,
    )


def _loose_ends(tenant: Tenant, person: Person, mark: str) -> None:
    role = Role.objects.create(
        tenant=tenant, name=f"Auditor{mark}", name_key=normalize_key(f"Auditor{mark}")
    )
    now = timezone.now()
    Grant.objects.create(
        tenant=tenant, person=person, role=role, source=str(ACTOR), since=now, confirmed_at=now
    )
    CustomField.objects.create(tenant=tenant, name=f"Cost{mark}", external_name="cost_center")
    BulkChange.objects.create(
        tenant=tenant,
        kind=BulkChange.Kind.DEACTIVATED,
        actor="scim:okta",
        began_at=now,
        needs_confirmation=True,
    )
    # Paused, so that nothing is sent to it.
    endpoint = webhook_endpoint(
        person, description=f"Endpoint{mark}", state=WebhookEndpoint.State.PAUSED
    )
    webhook_delivery(endpoint, Event.objects.filter(tenant=tenant).latest("pk"))
    stream = signal_stream(person)
    stream.endpoint.state = WebhookEndpoint.State.PAUSED
    stream.endpoint.save()


def _objects(invited: Person) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, column in NAMED_IN_ADDRESSES.items():
        model: Any = apps.get_model(name)
        rows = model.objects.order_by("pk").values_list(column, flat=True)
        found[model._meta.db_table] = str(rows[0])
    found["people_invite"] = str(invited.invites.values_list("pk", flat=True)[0])
    return found

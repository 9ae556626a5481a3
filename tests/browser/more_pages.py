"""The pages that need a visitor or a row of their own, for `tests.browser.pictures`."""

import json
from typing import Final

from tests.clients.link_crawler import Addresses
from tests.replay.client import Client
from tests.services.server import Server

PASSWORD: Final = "correct horse battery staple"
OPERATOR: Final = "olga@operations.example"
# Adds the people and the rows, and prints the addresses of their pages.
FURNISH: Final = f"""
import json
from people import tenancy
from people.models import ApiToken, Event, Person, SavedView, Scope, Tenant
from people.operations.api_tokens import create_api_token
from people.operations.roles.withheld_roles import ASKED
from people.operations.second_factors import set_up_second_factor
with tenancy.use(Tenant.objects.get(slug="lumen")):
    olga = Person.objects.get(email="olga.brandt@lumen.example")
    active = Person.objects.filter(state="active", role="BUSINESS_USER", manager__isnull=False)
    guest, withheld, employee, careful = active.order_by("-email")[:4]
    Person.objects.filter(pk=guest.pk).update(role="GUEST_USER")
    Person.objects.filter(pk=withheld.pk).update(withheld_roles={{"BUSINESS_ADMIN": ASKED}})
    for person in (employee, careful):
        person.set_password("{PASSWORD}")
        person.save(update_fields=["password"])
    set_up_second_factor(
        careful, secret="nothing", step=0, recovery_digests=["nothing"], may_replace=True,
        actor=careful.actor)
    create_api_token(olga, "Payroll export", scopes=Scope.values[:2], actor=olga.actor)
    view = SavedView.objects.create(
        tenant=olga.tenant, owner=olga, name="Inactive people in Berlin", filters="state=inactive")
    print(json.dumps({{
        "guest": f"/people/{{guest.pk}}/",
        "withheld": f"/people/{{withheld.pk}}/",
        "invited": f"/people/{{Person.objects.filter(state='invited').order_by('email')[0].pk}}/",
        "inactive": f"/people/{{Person.objects.filter(state='inactive').order_by('email')[0].pk}}/",
        "employee": employee.email,
        "careful": careful.email,
        "event": f"/audit-log/{{Event.objects.order_by('-pk')[0].pk}}/",
        "saved_view": f"/people/views/{{view.pk}}/",
        "api_token": f"/api-tokens/{{ApiToken.objects.get(name='Payroll export').pk}}/",
    }}))
"""
QUESTION: Final = """
from people.tenancy import across_tenants
from scim.models import SamePersonQuestion
with across_tenants():
    print(SamePersonQuestion.objects.get().pk)
"""
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ADA: Final = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
    "userName": "ada.byron@lumen.example",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"value": "ada.byron@lumen.example", "type": "work", "primary": True}],
    "addresses": [{"type": "work", "locality": "London", "primary": True}],
    "active": True,
    ENTERPRISE: {"department": "Engineering"},
}
# The database answers every page with an error: with one that Ramp expects, and with another one.
UNAVAILABLE: Final = """
from django.db import connection
connection.cursor().execute("ALTER TABLE people_tenant RENAME TO gone")
"""
FAILING: Final = """
from django.db import connection
connection.cursor().execute("ALTER TABLE gone RENAME TO people_tenant")
connection.cursor().execute("UPDATE people_person SET managed_fields = '[]'")
"""

FOR_ADMINISTRATORS: Final = {
    "a guest": "{guest}",
    "last day of a guest": "{guest}guest/",
    "somebody invited": "{invited}",
    "somebody inactive": "{inactive}",
    "reactivate": "{inactive}reactivate/",
    "somebody whose role is withheld": "{withheld}",
    "to review": "/people/updates/review/",
    "the same person or not": "{question}",
    "one saved view": "/people/views/",
    "delete a saved view": "{saved_view}delete/",
    "one api token": "/api-tokens/",
    "revoke an api token": "{api_token}revoke/",
    "change password": "/home/password/",
    "confirm it is you": "/confirm-identity/",
    "groups of a connection": "{scim}groups/",
    "an event of the audit log": "{event}",
    "entra": "/integrations/entra/",
    "ping identity": "/integrations/ping/",
    "jumpcloud": "/integrations/jumpcloud/",
    "any scim provider": "/integrations/generic/",
    "no access": "/tenants/add/",
    "page not found": "/nonsense/",
    "bad request": "/people/?" + "&".join(["x"] * 1001),
}
FOR_OPERATORS: Final = {
    "tenants": "/tenants/",
    "no such tenant": "/tenants/?q=xyzzy",
    "add a tenant": "/tenants/add/",
    "settings of a tenant": "/tenants/lumen/settings/",
    "suspend a tenant": "/tenants/lumen/settings/suspend/",
    "close a tenant": "/tenants/lumen/settings/close/",
    "search of an operator": "/search/?q=lumen",
    "account of an operator": "/account/",
}
FOR_EMPLOYEES: Final = {
    "home of an employee": "/home/",
    "account of an employee": "/account/",
    "change password of an employee": "/home/password/",
    "page not found for an employee": "/nonsense/",
}
FOR_STRANGERS: Final = {
    "page not found for strangers": "/sign-in/nonsense/",
    "no link for it": "/setup/nonsense/",
}


def furnish(server: Server, scim_token: str) -> Addresses:
    """Add the people and the rows that these pages show, and return their addresses."""
    owner = ("--owner-email", OPERATOR, "--owner-password", PASSWORD)
    server.manage("create_tenant", "operations", "--name", "Operations", *owner)
    server.manage("make_operator", OPERATOR)
    addresses: Addresses = json.loads(server.manage("shell", "--no-imports", "--command", FURNISH))
    _ask_whether_same_person(Client(f"{server.url}/scim/v2", scim_token))
    question = server.manage("shell", "--no-imports", "--command", QUESTION).strip()
    return addresses | {"question": f"/people/updates/review/{question}/"}


def _ask_whether_same_person(okta: Client) -> None:
    """Delete a person, and add one with the same address and another externalId."""
    created = _send(okta, "POST", "/Users", ADA | {"externalId": "00u-1"})
    _send(okta, "DELETE", f"/Users/{created['id']}")
    other = {"externalId": "00u-2", "name": {"givenName": "Ada", "familyName": "Byron"}}
    _send(okta, "POST", "/Users", ADA | other)


def _send(okta: Client, method: str, path: str, body: object = None) -> Addresses:
    payload = None if body is None else json.dumps(body).encode()
    answer = okta.send(method, path, {}, payload)
    assert answer.status < 300, answer.body
    read: Addresses = json.loads(answer.body or b"{}")
    return read

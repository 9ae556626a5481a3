"""Creates an example company with a year of history, in a few seconds.

All data comes from SCIM requests and operations, as in a real company, so the history is realistic.
After each chapter, the dates of its rows are moved into the past.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import F
from django.test import RequestFactory
from django.utils import timezone

from people import events, tenancy
from people.models import (
    Authorization,
    Card,
    Delegation,
    Entity,
    Event,
    Fund,
    Grant,
    Invite,
    Location,
    Mail,
    OutstandingItem,
    Person,
    Tenant,
)
from people.operations import tenants
from people.operations.people import activate_person, deactivate_person
from people.operations.roles.group_mappings import Author
from people.tokens import token_digest
from people.values import Actor, Profile, normalize_key
from ramp.demo import sign_in, spend
from ramp.demo.people import DOMAIN, ENTERPRISE, Colleague, colleagues
from scim.api.dispatch import serve
from scim.models import Connection, RequestLog, ScimGroup, ScimUser, SyncError, Token
from scim.sync import group_mappings

SLUG = "lumen"
OWNER = Profile(
    given_name="Olga",
    family_name="Brandt",
    email=f"olga.brandt@{DOMAIN}",
    department="People",
    location="Berlin",
    role=Person.Role.OWNER,
)
PASSWORD = "lumen-demo-2026"  # noqa: S105  printed for everybody who runs the demo
ACTOR = Actor("command", "seed_demo")
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
# The change of a person who moves to another department.
TRANSFER = {ENTERPRISE: {"department": "Operations"}}

# The date columns that are moved into the past.
DATED: dict[Any, Sequence[str]] = {
    Tenant: ["created_at"],
    Connection: ["created_at", "activated_at"],
    Event: ["happened_at", "dispatched_at"],
    Invite: ["created_at", "accepted_at", "revoked_at"],
    Mail: ["created_at", "due_at", "sent_at", "given_up_at"],
    Person: ["created_at", "joined_at", "deactivated_at", "role_assigned_at", "changed_at"],
    RequestLog: ["received_at"],
    ScimUser: ["created_at", "modified_at", "deleted_at"],
    ScimGroup: ["created_at", "modified_at"],
    Grant: ["since", "confirmed_at"],
    SyncError: ["happened_at", "resolved_at"],
    Card: ["created_at"],
    Fund: ["created_at"],
    OutstandingItem: ["created_at"],
    Delegation: ["starts_at", "created_at"],
    Authorization: ["decided_at"],
    Token: ["created_at", "last_used_at"],
}


@transaction.atomic
def open_company(token: str) -> None:
    """Create the company, with a connection that accepts the given SCIM token."""
    began = timezone.now()
    tenant = tenants.create_tenant(
        SLUG, "Lumen", owner=OWNER, password=PASSWORD, currency="EUR", actor=ACTOR
    )
    with tenancy.use(tenant):
        # Give the company a second entity, with its own currency.
        us = Entity.objects.create(
            tenant=tenant, name="Lumen Inc.", name_key=normalize_key("Lumen Inc."), currency="USD"
        )
        for city in ("Boston", "Denver"):
            Location.objects.create(
                tenant=tenant, name=city, name_key=normalize_key(city), entity=us
            )
        okta = Okta(tenant, token)
        _move_to_past(began, days=400)
        for days, chapter in _chapters(okta, colleagues(240)):
            began = timezone.now()
            chapter()
            events.dispatch_all(as_of=timezone.now())
            # Mark all mail as sent, so that a worker does not send it today.
            soon_after = F("created_at") + timedelta(seconds=4)
            Mail.objects.waiting().update(attempts=1, sent_at=soon_after)
            _move_to_past(began, days=days)


class Okta:
    """Lumen's identity provider, which sends SCIM requests like the real Okta."""

    def __init__(self, tenant: Tenant, token: str) -> None:
        connection = Connection.objects.create(
            tenant=tenant,
            provider=Connection.Provider.OKTA,
            incomplete_policy=Connection.Incomplete.REFUSE,
            activated_at=timezone.now(),
        )
        Token.objects.create(
            tenant=tenant, connection=connection, digest=token_digest(token), hint=token[-4:]
        )
        self.headers = {"authorization": f"Bearer {token}", "user-agent": "Okta SCIM"}
        self.ids: dict[Colleague, str] = {}

    def send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = RequestFactory().generic(
            method,
            f"/scim/v2{path}",
            json.dumps(body),
            content_type="application/scim+json",
            headers=self.headers,
        )
        answer: dict[str, Any] = json.loads(serve(request).content)
        return answer

    def push(self, colleague: Colleague) -> None:
        answer = self.send("POST", "/Users", colleague.resource)
        if "id" in answer:
            self.ids[colleague] = answer["id"]

    def change(self, colleague: Colleague, **values: Any) -> None:
        operation = {"op": "replace", "value": values}
        body = {"schemas": [PATCH], "Operations": [operation]}
        self.send("PATCH", f"/Users/{self.ids[colleague]}", body)


def _chapters(okta: Okta, staff: list[Colleague]) -> list[tuple[float, Callable[[], object]]]:
    """Return the events of the year with their age in days, the oldest first."""
    arriving = iter(staff)
    return [
        (380, lambda: _arrive(okta, list(islice(arriving, 70)))),
        (290, lambda: _arrive(okta, list(islice(arriving, 60)))),
        (240, lambda: _change_all(okta, staff[20:32], **TRANSFER)),
        (180, lambda: _arrive(okta, list(islice(arriving, 50)))),
        (170, lambda: _hand_out(staff)),
        (150, lambda: _give_roles(okta, staff)),
        (140, lambda: _push_groups(okta, staff)),
        (95, lambda: _arrive(okta, list(islice(arriving, 30)))),
        (70, lambda: _run_up(staff)),
        (60, lambda: _change_all(okta, staff[40:54], active=False)),
        (31, lambda: _change_all(okta, staff[40:42], active=True)),
        (12, lambda: _arrive(okta, list(islice(arriving, 20)), joining=9)),
        (4, lambda: _review(staff)),
        (3, sign_in.let_partners_in),
        (2, spend.shop),
        (0.8, lambda: _change_all(okta, staff[90:96], **TRANSFER)),
        (0.5, lambda: _change_all(okta, staff[110:113], **TRANSFER)),
        (0.3, lambda: _go_away(staff)),
        (0.2, lambda: _go_wrong(okta, staff, list(arriving))),
    ]


def _arrive(okta: Okta, newcomers: list[Colleague], joining: int | None = None) -> None:
    for colleague in newcomers:
        okta.push(colleague)
    for colleague in newcomers[:joining]:
        person = Person.objects.get(email=colleague.email)
        activate_person(person, actor=Actor("person", person.email))


def _change_all(okta: Okta, staff: list[Colleague], **values: Any) -> None:
    for colleague in staff:
        okta.change(colleague, **values)


def _give_roles(okta: Okta, staff: list[Colleague]) -> None:
    roles = (Person.Role.ADMIN, Person.Role.IT_ADMIN, Person.Role.BOOKKEEPER)
    for colleague, role in zip((staff[2], staff[10], staff[12]), roles, strict=True):
        okta.change(colleague, roles=[{"type": "rampUserRole", "value": role, "primary": True}])


def _push_groups(okta: Okta, staff: list[Colleague]) -> None:
    """Push groups, and map one of them to a role."""
    pushed = {"Accounting": staff[60:63], "Berlin office": staff[4:24], "Chess club": staff[20:26]}
    for name, members in pushed.items():
        values = [{"value": okta.ids[one]} for one in members]
        okta.send("POST", "/Groups", {"displayName": name, "members": values})
    author = Author(actor=Person.objects.get(email=OWNER.email).actor)
    accounting = ScimGroup.objects.get(scim_display_name="Accounting")
    mapping = partial(group_mappings.map_group, accounting, Person.Role.BOOKKEEPER, author=author)
    group_mappings.apply(mapping)


def _hand_out(staff: list[Colleague]) -> None:
    """Assign cards, funds and approval steps, also to some people who leave later."""
    heads, olga = _people(staff[:8]), Person.objects.get(email=OWNER.email).actor
    spend.give_cards_and_funds(_people(staff[:30] + staff[42:50]), actor=olga)
    spend.give_team_funds([*heads[:3], *_people(staff[43:45])], actor=olga)
    finance, manager, leaver = _people([staff[2], staff[12], staff[46]])
    approvers = {"Travel": [leaver, finance], "Purchases": [manager, finance]}
    spend.set_up_workflows(approvers, actor=olga)


def _run_up(staff: list[Colleague]) -> None:
    olga = Person.objects.get(email=OWNER.email).actor
    spend.run_up(_people(staff[4:20] + staff[42:52]), actor=olga)


def _go_away(staff: list[Colleague]) -> None:
    """Let the account owner decide for a manager who is away, at a workflow with a request."""
    [manager] = _people(staff[12:13])
    spend.go_away(manager, Person.objects.get(email=OWNER.email))


def _people(staff: list[Colleague]) -> list[Person]:
    """Return the people of the company for these colleagues, in the same order."""
    people = {person.email: person for person in Person.objects.all()}
    return [people[colleague.email] for colleague in staff]


def _review(staff: list[Colleague]) -> None:
    """Deactivate a person manually, because it could not wait for the identity provider."""
    olga = Person.objects.get(email=OWNER.email).actor
    urgent = Person.objects.get(email=staff[77].email)
    deactivate_person(urgent, actor=olga, reason="Laptop stolen")


def _go_wrong(okta: Okta, staff: list[Colleague], newcomers: list[Colleague]) -> None:
    """Add rows for Team updates: sync errors, a waiting manager, and a bounced mail."""
    okta.change(staff[0], **{ENTERPRISE: {"manager": {"value": staff[8].email}}})
    okta.change(staff[30], roles=[{"type": "rampUserRole", "value": "SUPER_ADMIN"}])
    okta.change(staff[31], emails=[{"value": staff[32].email, "type": "work", "primary": True}])
    okta.change(staff[33], emails=[{"value": f"new.name@{DOMAIN}", "type": "work"}])
    waiting, incomplete, *_ = newcomers
    resource = waiting.resource
    resource[ENTERPRISE]["manager"] = {"value": f"not.yet.here@{DOMAIN}"}
    okta.send("POST", "/Users", resource)
    okta.send("POST", "/Users", incomplete.resource | {"addresses": []})
    Token.objects.update(last_used_at=timezone.now(), last_user_agent="Okta SCIM")
    bounced = Mail.objects.filter(kind=Mail.Kind.INVITE, person__email=staff[225].email)
    bounced.update(given_up_at=timezone.now(), problem="550 5.1.1 The mailbox does not exist")


def _move_to_past(began: datetime, *, days: float) -> None:
    """Move the dates of all rows that were written since `began` back by this many days."""
    ago = timedelta(days=days)
    Invite.objects.filter(created_at__gte=began).update(expires_at=F("expires_at") - ago)
    for model, names in DATED.items():
        for name in names:
            rows = model.objects.filter(**{f"{name}__gte": began})
            rows.update(**{name: F(name) - ago})
    for person in Person.objects.exclude(managed_fields={}):
        for mark in person.managed_fields.values():
            since = datetime.fromisoformat(mark["since"])
            if since >= began:
                mark["since"] = (since - ago).isoformat()
        Person.objects.filter(pk=person.pk).update(managed_fields=person.managed_fields)

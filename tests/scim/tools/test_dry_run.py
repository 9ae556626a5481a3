"""Dry runs of SCIM requests."""

import json
from typing import Any

import pytest
from django.apps import apps
from django.db import connection as database

from people import tenancy
from people.models import Event, Person
from people.operations import people
from people.values import Actor
from scim.api.request import ScimRequest
from scim.tools import dry_run
from tests.clients.scim import ENT, PATCH, RAMP, Json, Provider, mail, managed_by, someone

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")
Changes = list[tuple[str, str, Json]]


def changes_of_request(request: ScimRequest) -> Changes:
    return changes_by(request.request_id)


def changes_by(request_id: Any) -> Changes:
    """Return the changes that a request made, without ids."""
    events = Event.objects.filter(request_id=request_id).order_by("pk").select_related("person")
    return [
        (event.kind, event.person.email if event.person else "", event.changes) for event in events
    ]


def preview(scim: Provider, method: str, path: str, body: Any) -> tuple[int, Json, Changes]:
    text = body if isinstance(body, str) else json.dumps(body)
    response, seen = dry_run.dry_run(
        scim.connection,
        method=method,
        path=path,
        body=text,
        actor=HELPDESK,
        inspect=changes_of_request,
    )
    return response.status_code, json.loads(response.content or "{}"), seen


def rows() -> dict[str, list[Any]]:
    """Return every row of every table."""
    with tenancy.across_tenants():
        return {
            model._meta.label: list(model._base_manager.order_by("pk").values())
            for model in apps.get_models()
        }


def ada(**values: Any) -> Json:
    return {"schemas": [PATCH], "Operations": [{"op": "replace", "value": values}]}


REQUESTS: dict[str, tuple[str, str, Any]] = {
    "new user": ("POST", "/Users", someone("grace", **managed_by("ada@example.com"))),
    "unknown manager": (
        "POST",
        "/Users",
        someone("grace", **managed_by("nobody@example.com")),
    ),
    "changed department": ("PATCH", "/Users/{ada}", ada(**{ENT: {"department": "Legal"}})),
    "changed name and role": (
        "PATCH",
        "/Users/{ada}",
        ada(name={"givenName": "Augusta"}, roles=[{"value": "BUSINESS_BOOKKEEPER"}]),
    ),
    "changed email": ("PATCH", "/Users/{ada}", ada(emails=[mail("countess@example.com")])),
    "replacement by PUT": ("PUT", "/Users/{ada}", someone("ada", **{RAMP: {"location": "Rome"}})),
    "deactivation": ("PATCH", "/Users/{ada}", ada(active="False")),
    "deletion": ("DELETE", "/Users/{ada}", ""),
    "no change": ("PATCH", "/Users/{ada}", ada(active=True)),
    "new group": ("POST", "/Groups", {"displayName": "Sales", "members": [{"value": "{ada}"}]}),
    "taken userName": ("POST", "/Users", someone("ada")),
    "taken email": ("POST", "/Users", someone("grace", emails=[mail("owner@example.com")])),
    "incomplete user": ("POST", "/Users", someone("grace", **{RAMP: None})),
    "own manager": ("PATCH", "/Users/{ada}", ada(**managed_by("ada@example.com"))),
    "unknown role": ("PATCH", "/Users/{ada}", ada(roles=[{"value": "KING"}])),
    "invalid name": ("PATCH", "/Users/{ada}", ada(name={"givenName": "123"})),
    "unknown path": ("POST", "/Nothing", {}),
    "unknown user": ("PATCH", "/Users/00000000-0000-4000-8000-000000000000", ada()),
    "unsupported method": ("DELETE", "/Users", ""),
    "invalid JSON": ("POST", "/Users", '{"userName": '),
    "too large body": ("POST", "/Users", " " * (1024 * 1024 + 1)),
}


@pytest.fixture(params=list(REQUESTS.values()), ids=list(REQUESTS))
def sent(scim: Provider, request: pytest.FixtureRequest) -> tuple[str, str, Any]:
    """Make Ada an active person, and return a request about her or a new user."""
    scim_id = scim.add()
    people.activate_person(Person.objects.get(email="ada@example.com"), actor=HELPDESK)
    method, path, body = request.param
    return method, with_id(path, scim_id), with_id(body, scim_id)


def with_id(value: Any, scim_id: str) -> Any:
    text = value if isinstance(value, str) else json.dumps(value)
    text = text.replace("{ada}", scim_id)
    return text if isinstance(value, str) else json.loads(text)


def test_dry_run_writes_no_row(scim: Provider, sent: tuple[str, str, Any]) -> None:
    before = rows()

    preview(scim, *sent)

    assert rows() == before


def test_dry_run_equals_the_real_request(scim: Provider, sent: tuple[str, str, Any]) -> None:
    method, path, body = sent
    status, document, foretold = preview(scim, method, path, body)

    answer = scim(method, path, body.encode() if isinstance(body, str) else body)

    assert (answer.status, changes_by(answer.request_id)) == (status, foretold)
    assert without_ids(json.loads(answer.content or "{}")) == without_ids(document)


def without_ids(document: Json) -> Json:
    """Leave out the attributes that differ each time."""
    return {name: value for name, value in document.items() if name not in ("id", "meta")}


def test_dry_run_wakes_no_worker_and_holds_no_lock(
    scim: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr("people.events.waker.wake", lambda: woken.append("events"))
    monkeypatch.setattr("people.events.mail_waker.wake", lambda: woken.append("mails"))

    preview(scim, "POST", "/Users", someone("grace"))

    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        assert cursor.fetchone()[0] == 0
    assert woken == []


def test_dry_run_uses_no_token_and_does_not_count_for_rate_limits(
    scim: Provider, settings: Any
) -> None:
    settings.SCIM_REQUESTS_PER_SECOND = 1

    for _ in range(5):
        assert preview(scim, "POST", "/Users", someone("grace"))[0] == 201

    token = scim.connection.tokens.get()
    assert token.last_used_at is None

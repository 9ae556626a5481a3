"""Requests that identity providers are known to send in production."""

import json
import secrets
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.replay import templates
from tests.replay.client import Client
from tests.replay.field_cases import FieldCase, load_cases
from tests.replay.replaying import replay
from tests.services.db import Connected, connect
from tests.services.server import Server

CASES = load_cases(Path(__file__).parents[2] / "traces" / "field" / "cases.jsonl")
# A worker finishes the work of a request within this time.
SECONDS = 20
KNOWN = """
import json
from people import tenancy
from people.models import Tenant
from scim.models import ScimUser, SyncError
with tenancy.use(Tenant.objects.get(slug="{tenant}")):
    user = ScimUser.objects.select_related("person").get(scim_id="{scim_id}")
    person = user.person
    listed = list(SyncError.objects.open().filter(user=user).values_list("reason", flat=True))
    known = {{
        "state": person.state,
        "email": person.email,
        "given": person.given_name,
        "family": person.family_name,
        "department": person.profile.department,
        "location": person.profile.location,
        "role": person.role,
        "manager": person.manager.email if person.manager else None,
    }} if person else {{}}
    print(json.dumps(known | {{"listed": listed}}))
"""

ConnectKind = Callable[[str], Connected]


@pytest.fixture(scope="module")
def connect_kind(server: Server) -> ConnectKind:
    """Connect each kind of provider once, for example connect_kind("entra")."""
    return cache(lambda kind: connect(server, provider=kind))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_request_has_the_expected_result(
    server: Server, connect_kind: ConnectKind, case: FieldCase
) -> None:
    connected = connect_kind(case.provider)
    run = {"run": secrets.token_hex(3)}

    outcomes = list(replay(Client(connected.base, connected.token), case.steps, run, tell=str))

    wrong = [outcome for outcome in outcomes if outcome.failed]
    assert not wrong, "\n".join(map(str, wrong))
    if case.person:
        expected = templates.fill(case.person, outcomes[-1].variables)
        check_person(server, connected.tenant, expected.pop("of"), expected)


def check_person(server: Server, tenant: str, scim_id: str, expected: dict[str, Any]) -> None:
    """Check the person of a resource; a worker may still be changing it."""
    script = KNOWN.format(tenant=tenant, scim_id=scim_id)
    until = time.monotonic() + SECONDS
    while True:
        known = json.loads(server.manage("shell", "--no-imports", "-c", script))
        if expected.items() <= known.items() or time.monotonic() > until:
            break
        time.sleep(0.5)
    assert expected.items() <= known.items(), known

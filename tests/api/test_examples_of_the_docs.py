"""The examples in docs/api.md."""

import json
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from people.models import CustomField, Person, Role, Scope
from people.operations import api_tokens
from people.operations.roles import base_roles
from people.values import normalize_key
from tests.clients import spend
from tests.factories import core
from tests.factories.scim import scim_connection, scim_user

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"^```(sh|python|json)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def ada(owner: Person) -> Person:
    """Make the person in the examples."""
    ada = core.person(
        email="ada@example.com",
        manager=owner,
        department=core.department("Engineering"),
        location=core.location("Rome"),
        custom_values={"cost_center": "K-12"},
    )
    tenant = ada.tenant
    CustomField.objects.create(tenant=tenant, name="Cost center", external_name="cost_center")
    role = Role.objects.create(tenant=tenant, name="Auditor", name_key=normalize_key("Auditor"))
    base_roles.grant_role(ada, role, actor=owner.actor)
    user = scim_user(scim_connection(), ada.email, externalId="00u1a2b3c4")
    user.person = ada
    user.save()
    return ada


@pytest.fixture
def environment(
    ada: Person,
    owner: Person,
    live_server: LiveServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Set the variables that the examples read."""
    settings.PUBLIC_BASE_URL = live_server.url
    token = api_tokens.create_api_token(owner, "Docs", scopes=Scope.values, actor=owner.actor)
    monkeypatch.setenv("RAMP_URL", live_server.url)
    monkeypatch.setenv("RAMP_TOKEN", token)
    monkeypatch.setenv("PERSON", str(ada.pk))
    monkeypatch.setenv("CARD", str(spend.card(ada).pk))


# One test, because the examples follow each other.
@pytest.mark.usefixtures("environment")
def test_examples_run_and_return_the_printed_responses(
    ada: Person,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    # Changes appear after two minutes.
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        run(BLOCKS)

    stored = json.loads((tmp_path / "people.json").read_text())
    assert stored["people"][str(ada.pk)]["email"] == "ada@example.com"
    assert capsys.readouterr().out.splitlines() == ["ada@example.com K-12", "True approved"]
    assert set(states(ada)) == {"person.deactivated", "person.reactivated"}


def run(blocks: list[tuple[str, str]]) -> None:
    """Run the blocks in order, and compare each response with the one that is printed."""
    names: dict[str, Any] = {}
    answer: Any = None
    for language, text in blocks:
        if language == "sh":
            done = subprocess.run(
                ["bash", "-euc", text], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            answer = json.loads(done.stdout)
        elif language == "python":
            exec(compile(text, "docs/api.md", "exec"), names)  # noqa: S102  the point of the test
        elif answer is not None:
            assert shape(answer) == shape(json.loads(text))
            answer = None
    # The session and the responses hold connections, for which the server keeps its own to the
    # database.
    names["ramp"].close()
    names.clear()


def shape(value: Any) -> Any:
    """Return the structure of the value: each text or number is replaced by its type."""
    match value:
        case dict():
            return {name: shape(one) for name, one in value.items()}
        case list():
            return [shape(one) for one in value]
        case _:
            return type(value).__name__


def states(person: Person) -> list[str]:
    kinds = person.events.filter(kind__in=["person.deactivated", "person.reactivated"])
    return list(kinds.values_list("kind", flat=True))

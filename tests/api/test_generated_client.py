"""A client generated from the OpenAPI schema."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from people.models import Person, Scope
from people.operations import api_tokens
from tests.clients import spend

PACKAGE = "ramp_client"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the client; return the folder that contains its package."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "schema.yaml").write_bytes(Client().get("/api/v1/schema/").content)
    # Without ruff, which would only format the generated code.
    (folder / "config.json").write_text(
        json.dumps({"package_name_override": PACKAGE, "post_hooks": []})
    )
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    options = ["--path", "schema.yaml", "--config", "config.json", "--output-path", PACKAGE]
    done = subprocess.run(
        [*command, *options, "--fail-on-warning"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def ramp(
    generated: Path, owner: Person, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """Make a client with a token of the owner."""
    monkeypatch.syspath_prepend(generated)
    token = api_tokens.create_api_token(owner, "Client", scopes=Scope.values, actor=owner.actor)
    made = import_module(PACKAGE).AuthenticatedClient(base_url=live_server.url, token=token)
    with made as client:
        yield client


def operation(name: str) -> Any:
    return import_module(f"{PACKAGE}.api.{name}")


# One test, because emptying the database after a test with a server takes seconds.
def test_generated_client_lists_deactivates_authorizes_and_reads_errors(
    ramp: Any, ada: Person
) -> None:
    authorize = operation("authorizations.authorize")
    models = import_module(f"{PACKAGE}.models")

    page = operation("people.list_people").sync(client=ramp, email="ada@example.com")
    assert [one.id for one in page.results] == [ada.pk]
    assert page.results[0].changed_at == ada.changed_at
    lunch = models.PurchaseRequest(
        card=spend.card(ada).pk, amount=1250, currency="EUR", merchant="Café Nero"
    )
    assert authorize.sync(client=ramp, body=lunch).approved

    why = models.DeactivationReasonRequest(reason="She left.")
    deactivated = operation("people.deactivate_person").sync(ada.pk, client=ramp, body=why)
    assert deactivated.state == "inactive"
    declined = authorize.sync(client=ramp, body=lunch)
    assert (declined.approved, declined.reason) == (False, "holder-inactive")

    answer = operation("people.read_person").sync_detailed(UUID(int=5), client=ramp)

    assert (answer.status_code, answer.parsed.code) == (404, "not-found")

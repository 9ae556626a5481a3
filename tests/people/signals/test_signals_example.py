"""The examples in docs/signal-streams.md."""

import gc
import json
import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from people.models import Person, WebhookDelivery
from people.operations import api_tokens, people
from tests.people.webhooks.changes import HELPDESK

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "signal-streams.md").read_text()


def block(language: str) -> str:
    [text] = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    return str(text)


def test_example_program_receives_the_event_of_a_deactivated_person(
    ada: Person,
    owner: Person,
    live_server: LiveServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.PUBLIC_BASE_URL = live_server.url
    scopes = ["signals:manage"]
    token = api_tokens.create_api_token(owner, "Docs", scopes=scopes, actor=owner.actor)
    monkeypatch.setenv("RAMP_TOKEN", token)
    monkeypatch.setenv("ISSUER", f"{live_server.url}/signals/{owner.tenant.slug}")
    added = subprocess.run(["bash", "-euc", block("sh")], capture_output=True, check=True)
    assert json.loads(added.stdout)["delivery"]["method"] == "urn:ietf:rfc:8936"
    with time_machine.travel(timezone.now() + timedelta(seconds=1)):
        people.deactivate_person(ada, actor=HELPDESK)

        code = compile(block("python"), "docs/signal-streams.md", "exec")
        exec(code, {})  # noqa: S102  the point of the test
    # Close the connections of the program: an open one keeps a server thread and its database
    # connection.
    gc.collect()

    assert capsys.readouterr().out.splitlines() == [f"end the sessions of {ada.email}"]
    assert WebhookDelivery.objects.get().state == WebhookDelivery.State.DELIVERED


def test_example_token_has_the_claims_of_real_tokens() -> None:
    claims = json.loads(block("json"))

    assert set(claims) == {"iss", "jti", "iat", "aud", "txn", "toe", "sub_id", "events"}

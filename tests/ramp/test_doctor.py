"""The command doctor …"""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from people import tenancy
from people.models import Delivery, Event, Installation, Mail
from people.models.deliveries import STUCK_ATTEMPTS
from people.values import Actor
from provisioning.providers import config, manage
from tests.conftest import StartServer
from tests.factories import core
from tests.support.second_factors import set_up

pytestmark = pytest.mark.django_db


def findings() -> dict[str, list[dict[str, str]]]:
    """Return what it finds, by check. The processes and the broker of these tests do not run."""
    out = StringIO()
    with pytest.raises(SystemExit) as ending:
        call_command("doctor", "--json", stdout=out)
    assert ending.value.code == 1
    answer: dict[str, Any] = json.loads(out.getvalue())
    assert not answer["healthy"]
    found: dict[str, list[dict[str, str]]] = {}
    for finding in answer["findings"]:
        found.setdefault(finding["check"], []).append(finding)
    return found


def mail(**facts: Any) -> Mail:
    with tenancy.use(core.tenant()):
        person = core.person()
        now = timezone.now()
        values = {"to": person.email, "created_at": now, "due_at": now} | facts
        made: Mail = Mail.objects.create(
            tenant_id=person.tenant_id, kind=Mail.Kind.SIGN_IN_LINKED, person=person, **values
        )
    return made


def test_says_what_to_do_about_each_problem() -> None:
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("doctor", stdout=out)

    assert "problem  broker: " in out.getvalue()
    assert "Check REDIS_URL" in out.getvalue()
    assert "OK       migrations: all are applied" in out.getvalue()


def test_names_the_versions() -> None:
    [finding] = findings()["versions"]

    assert finding["level"] == "OK"
    assert finding["text"].startswith("Ramp ")


def test_warns_of_a_role_that_may_do_everything() -> None:
    assert [one["level"] for one in findings()["database"]] == ["OK", "warning"]


def test_warns_of_limits_that_do_not_hold() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")

    [finding] = findings()["timeouts"]

    assert finding["level"] == "warning"
    assert "lock_timeout" in finding["text"]


def test_finds_an_email_that_nobody_sends() -> None:
    mail(due_at=timezone.now() - timedelta(hours=1))

    first = findings()["mails"][0]

    assert first["level"] == "problem"
    assert "60 minutes" in first["text"]


def test_finds_emails_that_were_given_up() -> None:
    mail(given_up_at=timezone.now(), attempts=8, problem="550 No such user")
    mail(given_up_at=timezone.now() - timedelta(days=2), attempts=8)
    mail(given_up_at=timezone.now(), problem="They are inactive.")

    assert findings()["mails"][1]["text"] == "1 were given up within a day"


def test_finds_events_that_are_stuck() -> None:
    with tenancy.use(core.tenant()):
        person = core.person()
        event = Event.objects.create(
            tenant_id=person.tenant_id,
            kind=Event.Kind.PERSON_ADDED,
            actor="job:test",
            interface=Event.Interface.JOB,
            happened_at=timezone.now(),
        )
        Delivery.objects.create(
            tenant_id=person.tenant_id,
            event=event,
            subscriber="scim.tasks.close_errors",
            due_at=timezone.now(),
            attempts=STUCK_ATTEMPTS,
            problem="OSError",
        )

    assert findings()["events"][0]["level"] == "problem"


def test_says_that_jobs_are_held() -> None:
    Installation.objects.create(pk=Installation.ONLY, held_since=timezone.now())

    assert findings()["restore"][0]["level"] == "warning"


def test_finds_secrets_without_a_key(settings: Settings) -> None:
    values = {
        "kind": "oidc",
        "name": "Corp",
        "issuer": "https://id.example",
        "client_id": "ramp",
        "client_secret": "a client secret",
    }
    with tenancy.use(core.tenant()):
        manage.add_provider(config.read(values), actor=Actor("command", "tests"))
        core.owner(email="olga@example.com", password="correct horse")
    session = Client()
    session.post("/sign-in/", {"email": "olga@example.com", "password": "correct horse"})
    set_up(session)
    assert findings()["key"][0]["level"] == "OK"

    key, settings.SECRET_KEY = settings.SECRET_KEY, "another"

    assert [one["text"] for one in findings()["key"]] == [
        "no key for the secrets of 1 sign-in providers",
        "no key for the secrets of 1 second factors",
    ]
    settings.SECRET_KEY_FALLBACKS = [key]
    assert findings()["key"][0]["level"] == "OK"


@pytest.mark.django_db(transaction=True)
def test_finds_nothing_wrong_with_a_running_installation(start_server: StartServer) -> None:
    service = start_server("postgresql", "serve", SECRET_KEY="a key of the tests" * 4)

    answer = json.loads(service.manage("doctor", "--json"))

    assert answer["healthy"]
    levels = {(one["check"], one["level"]) for one in answer["findings"]}
    assert {("processes", "OK"), ("broker", "OK"), ("clock", "OK")} <= levels

"""Deletion of expired sessions."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from people.models import PersonSession, Tenant
from people.operations import sessions
from tests.factories import core

pytestmark = pytest.mark.django_db

PASSWORD = "a horse that is correct"


@pytest.fixture
def clients(tenant: Tenant) -> list[Client]:
    """Return three browsers of one person; two have sessions that expired a month ago."""
    core.person(email="ada@example.com", password=PASSWORD)
    clients = [Client() for _ in range(3)]
    for client in clients:
        client.post("/sign-in/", {"email": "ada@example.com", "password": PASSWORD})
    keys = [client.session.session_key for client in clients[:2]]
    Session.objects.filter(pk__in=keys).update(expire_date=timezone.now() - timedelta(days=30))
    return clients


def test_run_due_deletes_only_expired_sessions(clients: list[Client]) -> None:
    call_command("run_due", stdout=(printed := StringIO()))

    done = json.loads(printed.getvalue())["done"]
    assert done["people.operations.sessions.delete_expired_sessions"] == 2
    kept = clients[2].session.session_key
    assert list(Session.objects.values_list("session_key", flat=True)) == [kept]
    assert list(PersonSession.objects.values_list("session_key", flat=True)) == [kept]
    assert clients[2].get("/home/").status_code == 200


def test_expired_sessions_are_deleted_in_batches(
    clients: list[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "BATCH", 1)

    assert sessions.delete_expired_sessions(as_of=timezone.now()) == 2
    assert Session.objects.count() == 1


def test_deletion_stops_when_the_time_is_over(clients: list[Client]) -> None:
    assert sessions.delete_expired_sessions(as_of=timezone.now(), seconds=0) == 0
    assert Session.objects.count() == 3

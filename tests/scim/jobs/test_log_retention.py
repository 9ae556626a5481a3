"""Deleting old requests from the SCIM request log."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from scim.models import RequestLog, ScimUser
from tests.clients.scim import Provider, someone
from tests.factories.large_companies import kept

pytestmark = pytest.mark.django_db


def test_old_requests_are_deleted_in_batches(
    scim: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scim.jobs.log_retention.BATCH", 3)
    kept(scim.connection, 8)
    RequestLog.objects.update(received_at=timezone.now() - timedelta(days=31))
    refused = scim("POST", "/Users", someone(roles="EMPEROR"))

    call_command("run_due")

    assert str(RequestLog.objects.get().pk) == refused.request_id


def test_people_and_resources_stay(scim: Provider) -> None:
    scim.add()
    scim("POST", "/Users", someone("bob", roles="EMPEROR"))
    RequestLog.objects.update(received_at=timezone.now() - timedelta(days=31))

    call_command("run_due")

    assert not RequestLog.objects.exists()
    assert ScimUser.objects.get().person

"""Names and salts that earlier versions stored, signed or printed."""

import json
from io import StringIO
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.signing import Signer
from django.utils.module_loading import import_string

from people import hooks
from people.mail import signed_links
from provisioning.passwords.known_devices import SALT

KEYS = [
    "scim.tasks.carry_over_all",
    "scim.jobs.async_requests.process_all",
    "people.operations.mass_changes.undo_asked",
    "people.operations.comparison.continue_all",
    "people.operations.guests.deactivate_due",
    "provisioning.directory_checks.check_due",
    "provisioning.shared_signals.job.serve_due",
    "people.operations.departing.terminate_due",
    "people.operations.digests.send_due",
    "people.events.dispatch_all",
    "scim.tasks.look_again",
    "people.mail.send_due",
    "people.operations.webhooks.send_due",
    "scim.self_test.end_overdue",
    "scim.tasks.forget",
    "people.operations.webhooks.delete_old_deliveries",
    "people.operations.forget_idempotency_keys",
    "people.operations.sessions.delete_expired_sessions",
    "people.operations.daily_counts",
]
# Values of `Delivery.subscriber`.
SUBSCRIBERS = [
    "people.operations.bulk.alerts.note_deactivation",
    "scim.tasks.carry_over_at_once",
    "scim.tasks.close_errors",
    "scim.tasks.resolve_waiting_managers",
]


@pytest.mark.django_db
def test_signed_links_keep_their_salt() -> None:
    row_id = UUID(int=7)
    token = Signer(sep=".", salt="people.links.invites").sign(row_id.hex)

    assert signed_links.unsign("invites", token) == row_id


def test_known_devices_keep_their_salt() -> None:
    assert SALT == "provisioning.known_devices"


@pytest.mark.django_db
def test_run_due_prints_the_same_job_names() -> None:
    printed = StringIO()

    call_command("run_due", stdout=printed)

    assert list(json.loads(printed.getvalue())["done"]) == KEYS


def test_subscriber_names_of_earlier_versions_exist() -> None:
    for name in SUBSCRIBERS:
        assert callable(hooks.subscriber(name))


def test_every_due_job_can_be_imported() -> None:
    for path in settings.DUE_JOBS.values():
        assert callable(import_string(path))

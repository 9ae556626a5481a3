"""The periodic jobs: when beat runs each, and in which order the command `run_due` runs them."""

from typing import Any, Final

from celery.schedules import crontab

BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    # Only a fallback: an event with subscribers also triggers the dispatcher when it commits.
    "dispatch-events": {"task": "people.tasks.dispatch_events", "schedule": 10},
    "send-mails": {"task": "people.tasks.send_mails", "schedule": 10, "options": {"expires": 10}},
    "send-webhooks": {
        "task": "people.tasks.send_webhooks",
        "schedule": 5,
        "options": {"expires": 5},
    },
    "sync-cycle": {"task": "scim.tasks.run_cycle", "schedule": 5 * 60},
    # Only a fallback: the request triggers the job, which a killed worker leaves to the next.
    "process-async-requests": {
        "task": "scim.tasks.process_async_requests",
        "schedule": 10,
        "options": {"expires": 10},
    },
    "carry-over": {"task": "scim.tasks.carry_over", "schedule": 60},
    "end-self-tests": {"task": "scim.tasks.end_self_tests", "schedule": 60},
    # By the clock, so that restarts of beat do not delay it.
    "terminate-due": {"task": "people.tasks.terminate_due", "schedule": crontab(minute=0)},
    "deactivate-guests": {"task": "people.tasks.deactivate_guests", "schedule": crontab(minute=5)},
    # Every quarter of an hour, because time zones differ by quarters.
    "send-digests": {
        "task": "people.tasks.send_digests",
        "schedule": crontab(minute="1,16,31,46"),
        "options": {"expires": 15 * 60},
    },
    "check-directories": {
        "task": "provisioning.tasks.check_directories",
        "schedule": crontab(minute="10,25,40,55"),
        "options": {"expires": 15 * 60},
    },
    "serve-signal-streams": {
        "task": "provisioning.tasks.serve_signal_streams",
        "schedule": 60,
        "options": {"expires": 60},
    },
    # The request undoes as many changes as it can in 3 s; this job does the rest.
    "undo-bulk-changes": {"task": "people.tasks.undo_bulk_changes", "schedule": 60},
    "count-days": {"task": "people.tasks.count_days", "schedule": 5 * 60},
    # Only a fallback: the request triggers the job, which a killed worker leaves to the next.
    "continue-comparisons": {"task": "people.tasks.continue_comparisons", "schedule": 60},
    "forget-idempotency-keys": {
        "task": "people.tasks.forget_idempotency_keys",
        "schedule": 60 * 60,
    },
    "delete-expired-sessions": {
        "task": "people.tasks.delete_expired_sessions",
        "schedule": crontab(minute=20),
    },
    "forget-webhook-deliveries": {
        "task": "people.tasks.forget_webhook_deliveries",
        "schedule": 60 * 60,
    },
    "forget-requests": {"task": "scim.tasks.forget_requests", "schedule": 60 * 60},
}
# The jobs of `run_due`, in this order; the same as in the schedule above. It prints the keys with
# the numbers, and programs read them, so a key stays when its function moves.
DUE_JOBS: Final = {
    "scim.tasks.carry_over_all": "scim.tasks.import_all",
    "scim.jobs.async_requests.process_all": "scim.jobs.async_requests.process_all",
    "people.operations.mass_changes.undo_asked": "people.operations.bulk.undo.undo_requested",
    "people.operations.comparison.continue_all": "people.operations.comparison.job.continue_all",
    "people.operations.guests.deactivate_due": "people.operations.guests.deactivate_due",
    "provisioning.directory_checks.check_due": "provisioning.directory.account_checks.check_due",
    "provisioning.shared_signals.job.serve_due": "provisioning.shared_signals.job.serve_due",
    "people.operations.departing.terminate_due": "people.operations.offboarding.job.terminate_due",
    "people.operations.digests.send_due": "people.operations.digests.send_due",
    "people.events.dispatch_all": "people.events.dispatch_all",
    "scim.tasks.look_again": "scim.tasks.run_sync_cycle",
    "people.mail.send_due": "people.mail.sending.send_due",
    "people.operations.webhooks.send_due": "people.operations.webhooks.sending.send_due",
    "scim.self_test.end_overdue": "scim.tools.self_test.end_overdue",
    "scim.tasks.forget": "scim.jobs.log_retention.delete_old_requests",
    "people.operations.webhooks.delete_old_deliveries": (
        "people.operations.webhooks.log_retention.delete_old_deliveries"
    ),
    "people.operations.forget_idempotency_keys": (
        "people.operations.spend.idempotency.forget_idempotency_keys"
    ),
    "people.operations.sessions.delete_expired_sessions": (
        "people.operations.sessions.delete_expired_sessions"
    ),
    "people.operations.daily_counts": "people.operations.daily_counts.count_days",
}

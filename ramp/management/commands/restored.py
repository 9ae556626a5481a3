from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from people.management.operator_command import (
    Facts,
    OperatorCommand,
    add_confirmation,
    confirm,
)
from people.models import Installation
from people.operations import restores
from people.values import Actor

COMMAND = Actor("command", "restored")


class Command(OperatorCommand):
    help = (
        "Run this after a restore from a backup, before Ramp starts: it ends all sessions, mailed "
        "links and tokens, and holds jobs and emails until `--release`. See docs/operating.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--status", action="store_true", help="list the emails and events that are on hold"
        )
        what.add_argument("--release", action="store_true", help="let jobs and emails go on")
        what.add_argument(
            "--moved",
            action="store_true",
            help="the database was moved, and nothing is missing: hold and end nothing",
        )
        parser.add_argument(
            "--keep-tokens",
            action="store_true",
            help="keep SCIM and API tokens, if none was revoked since the backup",
        )
        mails = parser.add_mutually_exclusive_group()
        mails.add_argument(
            "--drop-mails",
            action="store_true",
            help="with --release: do not send the emails that wait in the backup",
        )
        mails.add_argument(
            "--send-mails",
            action="store_true",
            help="with --release: send them, also those that were sent after the backup",
        )
        add_confirmation(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["drop_mails"] or options["send_mails"]) and not options["release"]:
            raise CommandError("--drop-mails and --send-mails need --release. Nothing was changed.")
        if options["keep_tokens"] and (options["release"] or options["status"] or options["moved"]):
            raise CommandError(
                "--keep-tokens is for the run after the restore, without --release, --status or "
                "--moved. Nothing was changed."
            )
        if options["moved"]:
            restores.accept_database()
        elif options["release"]:
            self._release(options)
        elif not options["status"]:
            self._hold(options)
        facts = _status()
        self.show(facts, _lines(facts), as_json=options["json"])

    def _hold(self, options: dict[str, Any]) -> None:
        keeps_tokens = options["keep_tokens"]
        ended = "sessions and mailed links" if keeps_tokens else "sessions, mailed links and tokens"
        confirm(
            f"This ends all {ended} of all tenants, and holds all jobs and emails until "
            "`manage.py restored --release`.",
            is_confirmed=options["yes"],
        )
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    # There may be many sessions and tokens.
                    cursor.execute("SET LOCAL statement_timeout = 0")
            restores.hold(keeps_tokens=keeps_tokens, actor=COMMAND)
            if not keeps_tokens and apps.is_installed("scim"):
                import_string("scim.connections.manage.revoke_all_tokens")()

    def _release(self, options: dict[str, Any]) -> None:
        held_since = Installation.current().held_since
        mails = restores.waiting_mails(held_since) if held_since else {}
        if mails and not (options["drop_mails"] or options["send_mails"]):
            raise CommandError(
                f"Emails wait in the backup: {_counts(mails)}. Some may have been sent after it. "
                "Add --drop-mails or --send-mails."
            )
        if options["send_mails"]:
            confirm(f"This sends {_counts(mails)}.", is_confirmed=options["yes"])
        try:
            restores.release(drops_mails=options["drop_mails"])
        except restores.NotHeld as error:
            raise CommandError(str(error)) from error


def _status() -> Facts:
    held_since = Installation.current().held_since
    return {
        "held_since": held_since.isoformat() if held_since else None,
        "mails": restores.waiting_mails(held_since or timezone.now()),
        "events": restores.waiting_deliveries(),
    }


def _lines(facts: Facts) -> list[str]:
    since = facts["held_since"]
    first = f"Jobs and emails are held since {since}." if since else "Nothing is held."
    return [
        first,
        f"Emails that wait: {_counts(facts['mails'])}.",
        f"Events that wait: {facts['events']}.",
    ]


def _counts(mails: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in mails.items()) or "none"

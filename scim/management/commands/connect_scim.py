import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.models import Tenant
from people.operations.offboarding import auto_termination
from people.values import Actor
from scim.api.request import base_url
from scim.connections.presets import PRESETS
from scim.models import Connection
from scim.models.connection import issue_token
from scim.views.settings.auto_termination_preview import AutoTerminationPreview

COMMAND = Actor("command", "connect_scim")


class Command(BaseCommand):
    help = (
        "Connect an identity provider to a tenant, active at once. "
        "Answers JSON: base_url, token (shown this one time), connection."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the tenant's slug")
        parser.add_argument("--provider", required=True, choices=Connection.Provider.values)
        parser.add_argument(
            "--incomplete",
            choices=Connection.Incomplete.values,
            help=(
                "what to do with people who lack a required field (default: the provider's "
                "usual policy)"
            ),
        )
        parser.add_argument(
            "--unknown-manager",
            choices=Connection.UnknownManager.values,
            default=Connection.UnknownManager.HOLD,
        )
        parser.add_argument(
            "--may-assign-owner",
            action="store_true",
            help="let the provider make people Owner (default: such a request is refused)",
        )
        parser.add_argument(
            "--auto-terminate-days",
            metavar="N",
            help=(
                "terminate people this many 24-hour periods after an identity provider "
                "deactivated them; applies to the whole company (default: unchanged, initially "
                "never)"
            ),
        )
        parser.add_argument(
            "--yes",
            action="store_true",
            help=(
                "set --auto-terminate-days even if people are already inactive; without it the "
                "command lists them and changes nothing"
            ),
        )
        parser.add_argument("--default-department", default="", help="for --incomplete fill")
        parser.add_argument("--default-location", default="", help="for --incomplete fill")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["slug"]).first()
        if tenant is None:
            raise CommandError(
                f"There is no tenant “{options['slug']}”. Create it with create_tenant."
            )
        incomplete = options["incomplete"] or PRESETS[options["provider"]].incomplete
        defaults = options["default_department"], options["default_location"]
        if incomplete == Connection.Incomplete.FILL and not all(defaults):
            raise CommandError(
                "To fill in missing fields, set --default-department and --default-location."
            )
        days = _days(options["auto_terminate_days"])
        now = timezone.now()
        with tenancy.use(tenant), transaction.atomic():
            if days and days != tenant.auto_terminate_days and not options["yes"]:
                self._check_nobody_is_concerned(
                    AutoTerminationPreview(days, now, not tenant.auto_terminate_days)
                )
            connection = Connection.objects.create(
                tenant=tenant,
                provider=options["provider"],
                incomplete_policy=incomplete,
                unknown_manager=options["unknown_manager"],
                may_assign_owner=options["may_assign_owner"],
                default_department=options["default_department"],
                default_location=options["default_location"],
                activated_at=now,
                initial_import_finished_at=now,
            )
            token = issue_token(connection)
            if days:
                auto_termination.set_auto_termination(tenant, days, actor=COMMAND)
        self.stdout.write(
            json.dumps({"base_url": base_url(), "token": token, "connection": str(connection.pk)})
        )

    def _check_nobody_is_concerned(self, preview: AutoTerminationPreview) -> None:
        people = list(preview.everybody())
        for one in people:
            when = f"terminated {one.due_at:%Y-%m-%d %H:%M} UTC" if one.due_at else "exempt"
            self.stderr.write(f"{one.person.full_name} <{one.person.email}>: {when} {one.note}")
        if people:
            raise CommandError(
                f"{len(people)} people are already inactive and would be terminated as listed. "
                "Nothing was changed. Check the list, then repeat the command with --yes."
            )


def _days(text: str | None) -> int | None:
    try:
        return auto_termination.read_days(text) if text is not None else None
    except auto_termination.InvalidDays as error:
        raise CommandError(f"--auto-terminate-days: {error}") from error

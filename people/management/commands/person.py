from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from people import tenancy
from people.management.operator_command import (
    Facts,
    OperatorCommand,
    add_address,
    nobody_has,
    people_with_address,
)
from people.models import ApiToken, Invite, Mail, Person

MAILS = 5


class Command(OperatorCommand):
    help = (
        "Show what support has to know about a person: state, role, invite, API tokens, latest "
        "emails, and what manages their fields. Lists everybody who has the address."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_address(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        people = people_with_address(options["address"], options["tenant"])
        if not people:
            raise CommandError(nobody_has(options["address"], options["tenant"]))
        found = []
        for person in people:
            with tenancy.use(person.tenant):
                found.append(_facts(person))
        lines = [line for facts in found for line in _lines(facts)]
        self.show({"people": found}, lines, as_json=options["json"])


def _facts(person: Person) -> Facts:
    now = timezone.now()
    invite = Invite.objects.open().filter(person=person).first()
    mails = Mail.objects.filter(person=person).order_by("-created_at")[:MAILS]
    return {
        "id": str(person.pk),
        "tenant": person.tenant.slug,
        "tenant_status": str(person.tenant.status),
        "name": person.full_name,
        "email": person.email,
        "pending_email": person.pending_email,
        "state": person.state,
        "role": person.get_role_display(),
        "is_operator": person.is_operator,
        "joined_at": _text(person.joined_at),
        "deactivated_at": _text(person.deactivated_at),
        "deactivated_by": person.deactivated_by,
        "has_password": person.has_usable_password(),
        "managed_by": sorted({one["by"] for one in person.managed_fields.values()}),
        "invite": _invite(invite, now),
        "api_tokens": ApiToken.objects.active().filter(person=person).count(),
        "mails": [_mail(mail) for mail in mails],
    }


def _invite(invite: Invite | None, now: datetime) -> Facts | None:
    if invite is None:
        return None
    status = "on hold" if invite.hold_reason else "open" if invite.expires_at > now else "expired"
    expires_at = invite.expires_at.isoformat()
    return {"status": status, "hold_reason": invite.hold_reason, "expires_at": expires_at}


def _mail(mail: Mail) -> Facts:
    status = "sent" if mail.sent_at else "given up" if mail.given_up_at else "waiting"
    return {
        "kind": mail.kind,
        "to": mail.to,
        "status": status,
        "at": _text(mail.sent_at or mail.given_up_at or mail.created_at),
        "problem": mail.problem,
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def _lines(facts: Facts) -> list[str]:
    lines = [f"{facts['name']} <{facts['email']}>, tenant {facts['tenant']}"]
    for name, value in facts.items():
        if name in ("name", "email", "tenant", "invite", "mails") or value in (None, ""):
            continue
        text = str(value)
        if isinstance(value, list):
            text = ", ".join(value) or "nothing"
        elif isinstance(value, bool):
            text = "yes" if value else "no"
        lines.append(f"  {name.replace('_', ' '):<15} {text}")
    if invite := facts["invite"]:
        why = f" ({invite['hold_reason']})" if invite["hold_reason"] else ""
        lines.append(f"  {'invite':<15} {invite['status']}{why}, expires {invite['expires_at']}")
    for mail in facts["mails"]:
        problem = f": {mail['problem']}" if mail["problem"] else ""
        lines.append(f"  {'email':<15} {mail['kind']} {mail['status']} {mail['at']}{problem}")
    return lines

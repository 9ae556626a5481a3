"""Reads bounces (RFC 3464) and records them with the mails that they are about."""

import re
import unicodedata
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from uuid import UUID

from django.utils import timezone

from people import tenancy
from people.models import Mail

MAX_PROBLEM_LENGTH = 1000
MESSAGE_ID = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@[^>\s]+>", re.IGNORECASE)


class NotABounce(ValueError):
    """The message is not a bounce of one of our mails. The text says why."""


@dataclass(frozen=True)
class Bounce:
    mail_id: UUID
    # False if the mail server is only late and still tries (RFC 3464, Action: delayed).
    is_final: bool
    problem: str


def read_bounce(text: bytes) -> Bounce:
    """Read a delivery status notification.

    :raises NotABounce: if it is something else, or about no mail of ours.
    """
    message = message_from_bytes(text)
    about = _about_recipient(message)
    problem = _value(about, "Diagnostic-Code") or _value(about, "Status") or "The mail bounced."
    # RFC 3464 section 2.3.6: the field begins with the type of the diagnosis, such as “smtp;”.
    problem = re.sub(r"^smtp\s*;\s*", "", problem, flags=re.IGNORECASE)
    problem = "".join("" if unicodedata.category(one).startswith("C") else one for one in problem)
    return Bounce(
        mail_id=_mail_id(message),
        is_final=_value(about, "Action").lower() == "failed",
        problem=" ".join(problem.split())[:MAX_PROBLEM_LENGTH],
    )


def record_bounce(bounce: Bounce) -> bool:
    """Store the problem with the mail. Return False if there is no such mail."""
    with tenancy.across_tenants():
        mails = Mail.objects.filter(pk=bounce.mail_id)
        if bounce.is_final:
            # A second bounce of the same mail keeps the time of the first one.
            mails.filter(given_up_at=None).update(given_up_at=timezone.now())
        return bool(mails.update(problem=bounce.problem))


def _about_recipient(message: Message) -> Message:
    """Return the fields about the recipient. Our mails have exactly one."""
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            for fields in part.get_payload():
                if isinstance(fields, Message) and "Action" in fields:
                    return fields
    raise NotABounce("This is not a delivery status notification.")


def _mail_id(message: Message) -> UUID:
    # The texts that may contain the Message-ID of our mail, the most likely first.
    texts = []
    for part in message.walk():
        if part is not message and part.get("Message-ID"):
            texts.append(str(part["Message-ID"]))
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            texts.append(payload.decode(errors="replace") if isinstance(payload, bytes) else "")
    texts += [str(message.get(name, "")) for name in ("In-Reply-To", "References")]
    for text in texts:
        found = MESSAGE_ID.search(text)
        if found:
            return UUID(found[1])
    raise NotABounce("It does not refer to an email from Ramp.")


def _value(fields: Message, name: str) -> str:
    return " ".join(str(fields.get(name, "")).split())

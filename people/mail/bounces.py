"""What a bounce (RFC 3464) says about a mail of ours."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from uuid import UUID

from django.utils import timezone

from people import tenancy
from people.models import Mail

LONGEST_PROBLEM = 1000
MESSAGE_ID = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@[^>\s]+>", re.IGNORECASE)


class NotABounce(ValueError):
    """Nothing is known from this message. The text says why."""


@dataclass(frozen=True)
class Bounce:
    mail_id: UUID
    # Whether the mail server has given up, rather than being late.
    is_final: bool
    problem: str


def read_bounce(text: bytes) -> Bounce:
    """Read a delivery status notification.

    :raises NotABounce: if it is something else, or about no mail of ours.
    """
    message = message_from_bytes(text)
    about = _about_recipient(message)
    return Bounce(
        mail_id=_mail_id(message),
        is_final=_value(about, "Action").lower() == "failed",
        problem=_diagnosis(about),
    )


def note_bounce(bounce: Bounce) -> bool:
    """Keep what the bounce says with its mail, and tell whether there is such a mail."""
    with tenancy.across_tenants():
        mails = Mail.objects.filter(pk=bounce.mail_id)
        if bounce.is_final:
            mails.filter(given_up_at=None).update(given_up_at=timezone.now())
        return bool(mails.update(problem=bounce.problem))


def _about_recipient(message: Message) -> Message:
    """Return the fields about the recipient: all our mails have one."""
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            for fields in part.get_payload():
                if isinstance(fields, Message) and "Action" in fields:
                    return fields
    raise NotABounce("This is not a delivery status notification.")


def _mail_id(message: Message) -> UUID:
    for text in _returned(message):
        found = MESSAGE_ID.search(text)
        if found:
            return UUID(found[1])
    raise NotABounce("It does not refer to an email from Ramp.")


def _returned(message: Message) -> Iterator[str]:
    """Yield where the Message-ID of the mail in question may stand, the likeliest first."""
    for part in message.walk():
        if part is not message and part.get("Message-ID"):
            yield str(part["Message-ID"])
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            yield payload.decode(errors="replace") if isinstance(payload, bytes) else ""
    for name in ("In-Reply-To", "References"):
        yield str(message.get(name, ""))


def _diagnosis(about: Message) -> str:
    """Return the server's own words, without what marks them as SMTP's."""
    said = _value(about, "Diagnostic-Code") or _value(about, "Status") or "The mail bounced."
    words = re.sub(r"^smtp\s*;\s*", "", said, flags=re.IGNORECASE)
    clean = ("" if unicodedata.category(one).startswith("C") else one for one in words)
    return " ".join("".join(clean).split())[:LONGEST_PROBLEM]


def _value(fields: Message, name: str) -> str:
    return " ".join(str(fields.get(name, "")).split())

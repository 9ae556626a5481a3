"""The mails that Ramp sent to the people of the week."""

import re
from dataclasses import dataclass
from email.utils import parseaddr

from tests.services.postgres_redis_smtp import Smtp


@dataclass(frozen=True)
class Letter:
    id: str
    to: str
    kind: str
    sender: str
    reply_to: str
    text: str

    def link(self, page: str) -> str | None:
        found = re.search(rf"https?://[^/\s]+(/{page}/[^\s\"<]+)", self.text)
        return found.group(1) if found else None


def letters(smtp: Smtp) -> list[Letter]:
    """Return all mails that have arrived, in their order."""
    found = []
    for mail in list(smtp.received):
        message = mail.message
        body = message.get_body(("plain",))
        found.append(
            Letter(
                id=str(message["Message-ID"]),
                to=mail.to,
                kind=_kind(str(message["Subject"])),
                sender=parseaddr(str(message["From"]))[0],
                reply_to=parseaddr(str(message.get("Reply-To", "")))[0],
                text=str(body.get_content()) if body else "",
            )
        )
    return found


def latest_link(letters: list[Letter], address: str, page: str) -> str | None:
    """Return the newest link to the page that was mailed to the address."""
    theirs = (letter.link(page) for letter in reversed(letters) if letter.to == address)
    return next((link for link in theirs if link), None)


def _kind(subject: str) -> str:
    if " invites you to " in subject or subject.startswith("You are invited"):
        return "invite"
    if subject.startswith("Confirm"):
        return "confirm"
    return "notice" if "about to change" in subject else subject

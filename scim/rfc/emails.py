"""The email address of a User: which element of `emails` Ramp uses, and whether it is valid."""

import re
from collections.abc import Iterator
from typing import Any

from scim2_models import InvalidValueException

from scim.rfc import notes
from scim.rfc.attributes import EMAILS
from scim.rfc.strict_json import Json

_ADDRESS = re.compile(
    r"[^\s@<>()\[\],;:\"\\\x00-\x1f\x7f]+@[\w](?:[\w-]*\w)?(?:\.\w(?:[\w-]*\w)?)*"
)


def looks_like_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None


def emails_by_preference(emails: list[Json]) -> Iterator[Any]:
    """Yield the values of the emails, the one that Ramp uses first."""
    yield from (email.get("value") for email in emails if email.get("primary"))
    work = (email for email in emails if str(email.get("type", "")).lower() == "work")
    yield from (email.get("value") for email in work)
    yield from (email.get("value") for email in emails)


def check_emails(document: Json) -> None:
    """Check the email that Ramp uses. The others are stored even if they are not addresses.

    :raises InvalidValueException: if it is not an email address.
    """
    emails = document.get(EMAILS.name, [])
    used = next((value for value in emails_by_preference(emails) if value), None)
    if used is not None and not looks_like_address(used):
        raise InvalidValueException(
            attribute="emails.value", detail=f"“{used}” in emails is not an email address."
        )
    if any(email.get("value") and not looks_like_address(email["value"]) for email in emails):
        notes.understood("a further value of emails that is no email address", "wso2, Entra")

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand

from people.mail.bounces import NotABounce, note_bounce, read_bounce


class Command(BaseCommand):
    help = (
        "Read one bounce (RFC 3464) from standard input, and keep what it says with the mail it "
        "is about; let the mail server pipe there what returns to DEFAULT_FROM_EMAIL. Answers "
        "JSON: recorded, and mail and problem, or why not. Always ends with 0: a message that "
        "says nothing to us is no reason to bounce it."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(_recorded(sys.stdin.buffer.read())))


def _recorded(text: bytes) -> dict[str, Any]:
    try:
        bounce = read_bounce(text)
    except NotABounce as error:
        return {"recorded": False, "reason": str(error)}
    if not note_bounce(bounce):
        return {"recorded": False, "reason": "It does not refer to an email from Ramp."}
    return {
        "recorded": True,
        "mail": str(bounce.mail_id),
        "is_final": bounce.is_final,
        "problem": bounce.problem,
    }

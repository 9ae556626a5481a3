import json
import sys
from typing import Any

from django.core.management.base import BaseCommand

from people.mail.bounces import NotABounce, read_bounce, record_bounce


class Command(BaseCommand):
    help = (
        "Read one bounce (RFC 3464) from standard input, and record it with the mail that it is "
        "about. Configure the mail server to pipe mail to DEFAULT_FROM_EMAIL to this command. "
        "Prints JSON: recorded, mail and problem, or the reason why nothing was recorded. The exit "
        "code is always 0, so that the mail server does not bounce other messages."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found: dict[str, Any]
        try:
            bounce = read_bounce(sys.stdin.buffer.read())
        except NotABounce as error:
            found = {"recorded": False, "reason": str(error)}
        else:
            if record_bounce(bounce):
                found = {
                    "recorded": True,
                    "mail": str(bounce.mail_id),
                    "is_final": bounce.is_final,
                    "problem": bounce.problem,
                }
            else:
                reason = "It does not refer to an email from Ramp."
                found = {"recorded": False, "reason": reason}
        self.stdout.write(json.dumps(found))

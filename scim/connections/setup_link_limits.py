"""Rate limits of setup links: anybody can open the page, and the mails go to strangers."""

from typing import Final

from people import rate_limits, tenancy

VISITS_PER_MINUTE: Final = 120
MAILS_PER_HOUR: Final = 10


def allow_visit(address: str) -> bool:
    """Count a visit from the network address; return False if there were too many in a minute."""
    return rate_limits.count(f"setup-link-visits:{address}", seconds=60) <= VISITS_PER_MINUTE


def allow_mail() -> bool:
    """Count a mail of the tenant in force; return False if there were too many in an hour."""
    name = f"setup-link-mails:{tenancy.current_id()}"
    return rate_limits.count(name, seconds=3600) <= MAILS_PER_HOUR

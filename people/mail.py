"""Sending the mails that wait."""

from datetime import datetime


def send_due(*, as_of: datetime) -> int:
    """Send what is due by then, and return how many mails went out."""
    return 0

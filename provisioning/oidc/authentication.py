"""How the provider authenticated the person: `auth_time`, `acr`, `amr`, and `session_expiry`.

OpenID Connect Core 1.0 section 2; `session_expiry` is of the IPSIE OpenID Connect profile SL1.
"""

import math
import time
from typing import Any, Final, NamedTuple

from provisioning.providers.config import OidcSettings

LEEWAY_SECONDS: Final = 60


class Problem(NamedTuple):
    """A code of the provider log, and a sentence for administrators."""

    code: str
    sentence: str


def read_time(value: Any) -> float | None:
    """Return the seconds of a claim; None if it is missing or unreadable."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # A time that no clock shows would end or prolong every session.
    return value if is_number and math.isfinite(value) and 0 < value < 1e11 else None


def problem_of(payload: dict[str, Any], settings: OidcSettings) -> Problem | None:
    """Return why this authentication is not enough for the provider's settings, if it is not."""
    if too_old := _too_old(payload, settings):
        return too_old
    acr, wanted = payload.get("acr"), settings.required_acr.split()
    if wanted and acr not in wanted:
        return Problem(
            "authentication-too-weak",
            f"The ID token has the acr “{acr}” instead of {' or '.join(wanted)}.",
        )
    amr, methods = payload.get("amr"), settings.required_amr.split()
    missing = [method for method in methods if not isinstance(amr, list) or method not in amr]
    if missing:
        return Problem(
            "authentication-too-weak", f"The amr of the ID token lacks {', '.join(missing)}."
        )
    ends_at = read_time(payload.get("session_expiry"))
    if ends_at is not None and ends_at <= time.time():
        return Problem(
            "session-expired", "The session had ended at the provider already (session_expiry)."
        )
    return None


def _too_old(payload: dict[str, Any], settings: OidcSettings) -> Problem | None:
    if not settings.max_age_minutes:
        return None
    at = read_time(payload.get("auth_time"))
    if at is None:
        return Problem(
            "no-auth-time",
            "The ID token does not say when the provider asked for credentials (auth_time).",
        )
    if at < time.time() - settings.max_age_minutes * 60 - LEEWAY_SECONDS:
        return Problem(
            "authentication-too-old",
            f"The provider asked for credentials more than {settings.max_age_minutes} minutes ago "
            "(auth_time).",
        )
    return None

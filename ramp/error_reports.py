"""Sends errors to Sentry or GlitchTip, if SENTRY_DSN is set.

The package sentry-sdk is optional. It is loaded with the settings, so each process has it before
anything else can fail.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import structlog

from ramp import __version__
from ramp.environment import refuse
from ramp.logs import CREDENTIAL

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

# What may contain personal data or signed links: URLs, bodies, earlier log lines and queries.
PERSONAL: Final = ("request", "user", "breadcrumbs", "extra")
# The ids of the log lines, so that a report leads to them.
IDS: Final = ("request_id", "proxy_request_id", "job", "job_id")


def begin(dsn: str) -> None:
    """Report every error that is logged or raised from now on; do nothing without a DSN."""
    if not dsn:
        return
    if find_spec("sentry_sdk") is None:
        refuse(
            "SENTRY_DSN is set, but the package sentry-sdk is not installed. Install it with "
            ".venv/bin/pip install sentry-sdk, or remove SENTRY_DSN."
        )
    import sentry_sdk  # noqa: PLC0415  optional, and it takes a while to load

    sentry_sdk.init(
        dsn=dsn,
        release=f"ramp@{__version__}",
        before_send=without_personal_data,
        send_default_pii=False,
        # The values of variables in a traceback are often personal data.
        include_local_variables=False,
        max_request_body_size="never",
    )


def without_personal_data(event: "Event", _hint: "Hint") -> "Event":
    """Return the report with its log ids, and without what may name a person."""
    # mypy knows the keys, but not that these may be removed.
    report: dict[str, object] = event  # type: ignore[assignment]
    for name in PERSONAL:
        report.pop(name, None)
    # The values of a log message are names and addresses; the message without them says enough.
    if message := event.get("logentry", {}).get("message"):
        report["logentry"] = {"message": message}
    for error in event.get("exception", {}).get("values", ()):
        error["value"] = CREDENTIAL.sub(r"\1\2***", str(error.get("value", "")))
    known = structlog.contextvars.get_contextvars()
    tags = event.setdefault("tags", {})
    tags.update({name: str(known[name]) for name in IDS if name in known})
    return event

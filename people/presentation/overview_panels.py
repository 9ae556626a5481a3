"""What apps show on the overview beside the list of what needs attention."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from people.presentation.attention import quantity


class ServiceTone(StrEnum):
    """The values are types of unfold's label."""

    GOOD = "success"
    INFO = "info"
    WARNING = "warning"
    ERROR = "danger"


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """The state of a SCIM connection or a sign-in provider, in one line."""

    kind: str
    name: str
    url: str
    tone: ServiceTone
    state: str
    # What `last_at` is the time of, such as “Last request”.
    last: str
    last_at: datetime | None
    # How many requests or sign-ins were refused or failed within the last day, and their list.
    errors: int
    errors_url: str

    @property
    def errors_text(self) -> str:
        return quantity(self.errors, "error", "errors")


@dataclass(frozen=True, kw_only=True)
class SetupStep:
    """A step of the setup checklist of a new company."""

    # The place in the list.
    order: int
    title: str
    text: str
    url: str
    action: str
    is_done: bool

"""The test suites that providers publish, as steps of a self-test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from scim.connections.presets.steps import SampleUsers, SelfTestSteps
from scim.models import Connection
from scim.tools.entra_validator import entra_validator_steps
from scim.tools.okta_spec import okta_spec_steps


@dataclass(frozen=True)
class Suite:
    """A suite of a provider. It runs with certification on: its people lack required fields."""

    title: str
    provider: str
    steps: Callable[[SampleUsers], SelfTestSteps]


# By the names that `SelfTest.suite` stores.
SUITES: Final[Mapping[str, Suite]] = {
    "okta-spec": Suite("Okta's SPEC test", Connection.Provider.OKTA, okta_spec_steps),
    "entra-validator": Suite(
        "Microsoft's SCIM validator", Connection.Provider.ENTRA, entra_validator_steps
    ),
}

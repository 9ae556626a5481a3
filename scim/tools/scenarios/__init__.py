"""The typical requests of Okta, Entra and Rippling, for the self-test.

A rehearsal yields one step after the other and is sent what was answered. The forms are
those of the traces in tests/traces, which name their sources.
"""

from collections.abc import Callable, Mapping

from scim.models import Connection
from scim.tools.scenarios import entra, okta, rippling
from scim.tools.scenarios.steps import Rehearsal, ScenarioAborted, ScenarioUsers, Step

__all__ = ["HEADERS", "REHEARSALS", "ScenarioAborted", "ScenarioUsers", "Step"]

REHEARSALS: Mapping[str, Callable[[ScenarioUsers], Rehearsal]] = {
    Connection.Provider.OKTA: okta.rehearse,
    Connection.Provider.ENTRA: entra.rehearse,
    Connection.Provider.RIPPLING: rippling.rehearse,
}
# The user agent and headers of each provider.
HEADERS: Mapping[str, dict[str, str]] = {
    Connection.Provider.OKTA: {
        "User-Agent": "Okta SCIM Client 1.0.0 (Ramp self-test)",
        "Accept": "application/scim+json",
        "Content-Type": "application/scim+json; charset=utf-8",
    },
    Connection.Provider.ENTRA: {
        "User-Agent": "Ramp self-test as Microsoft Entra",
        "Content-Type": "application/scim+json",
    },
    Connection.Provider.RIPPLING: {
        "User-Agent": "Ramp self-test as Rippling",
        "Accept": "application/json",
        "Content-Type": "application/json",
    },
}

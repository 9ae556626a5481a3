"""The identity providers that Ramp knows: one preset for each `Connection.Provider`.

The requests of the self-tests have the form of the traces in tests/traces, which name their
sources.
"""

from collections.abc import Mapping
from typing import Final

from scim.connections.presets import entra, generic, jumpcloud, okta, onelogin, ping, rippling
from scim.connections.presets.preset import ScimPreset
from scim.models import Connection

# The order of the catalog.
PRESETS: Final[Mapping[str, ScimPreset]] = {
    Connection.Provider.OKTA: okta.PRESET,
    Connection.Provider.ENTRA: entra.PRESET,
    Connection.Provider.RIPPLING: rippling.PRESET,
    Connection.Provider.ONELOGIN: onelogin.PRESET,
    Connection.Provider.PING: ping.PRESET,
    Connection.Provider.JUMPCLOUD: jumpcloud.PRESET,
    Connection.Provider.GENERIC: generic.PRESET,
}
# The providers that have a self-test.
SELF_TESTED: Final = tuple(name for name, preset in PRESETS.items() if preset.self_test_steps)


def search(words: str) -> list[str]:
    """Return the providers whose title or search terms contain all the words."""
    wanted = words.casefold().split()
    return [
        str(provider)
        for provider, preset in PRESETS.items()
        if all(word in f"{preset.guide.title} {preset.guide.also}".casefold() for word in wanted)
    ]


def provider_name(provider: str) -> str:
    """Return the name of the provider for pages, or the stored value if it is unknown."""
    return str(dict(Connection.Provider.choices).get(provider, provider))

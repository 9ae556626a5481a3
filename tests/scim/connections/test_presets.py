"""Presets of the providers."""

from scim.connections.presets import PRESETS
from scim.models import Connection


def test_every_provider_has_a_preset() -> None:
    assert {*PRESETS} == {*Connection.Provider}

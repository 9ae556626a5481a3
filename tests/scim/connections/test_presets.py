"""Every provider of a connection …"""

from scim.connections.presets import PRESETS
from scim.models import Connection


def test_has_a_preset() -> None:
    assert {*PRESETS} == {*Connection.Provider}

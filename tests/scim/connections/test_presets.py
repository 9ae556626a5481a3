"""Presets of the providers."""

from scim.connections.presets import PRESETS
from scim.connections.presets.steps import SampleUsers
from scim.models import Connection
from scim.rfc.resource_types import ENTERPRISE


def test_every_provider_has_a_preset() -> None:
    assert {*PRESETS} == {*Connection.Provider}


def test_sample_user_has_the_given_attributes_and_no_others_at_the_top() -> None:
    users = SampleUsers("", {"department": f"{ENTERPRISE.urn}:costCenter"}, domain="example.com")

    sent = users.person("Mira", "Okafor", externalId="mira-okafor", roles=[])

    assert (sent["externalId"], sent["roles"]) == ("mira-okafor", [])
    assert sent[ENTERPRISE.urn]["costCenter"] == "Finance"
    assert not {"given_name", "family_name", "email", "department", "location"} & sent.keys()

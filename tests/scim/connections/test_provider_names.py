from people.presentation.actor_names import PROVIDERS
from scim.models import Connection


def test_people_name_every_provider_as_its_connection_does() -> None:
    assert dict(Connection.Provider.choices) == PROVIDERS

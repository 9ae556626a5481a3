from people.presentation.actor_names import actor_name
from scim.models import Connection


def test_people_name_every_provider_as_its_connection_does() -> None:
    for value, label in Connection.Provider.choices:
        assert actor_name(f"scim:{value}") == label

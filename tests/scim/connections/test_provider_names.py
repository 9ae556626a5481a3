from people.presentation.actor_names import actor_name
from scim.models import Connection


def test_actor_name_of_each_provider_equals_its_label() -> None:
    for value, label in Connection.Provider.choices:
        assert actor_name(f"scim:{value}") == label

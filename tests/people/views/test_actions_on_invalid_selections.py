"""Actions of a list whose selection contains invalid keys."""

from uuid import uuid4

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from people.models import Person, Tenant
from tests.clients.pages import signed_in
from tests.factories import core

pytestmark = pytest.mark.django_db

NONSENSE = ["", "x", "0", "-1", "9" * 30, "a\0b", str(uuid4()), "'; --"]


@pytest.mark.parametrize(
    "action", ["deactivate_selected", "reactivate_selected", "delete_selected"]
)
def test_invalid_selection_causes_no_server_error(tenant: Tenant, action: str) -> None:
    client = signed_in(core.owner())

    for chosen in NONSENSE:
        values = {"action": action, "confirmed": "yes", ACTION_CHECKBOX_NAME: [chosen]}
        assert client.post("/people/", values).status_code < 500


def test_action_applies_to_valid_keys_of_a_selection(tenant: Tenant) -> None:
    ada, client = core.person(), signed_in(core.owner())
    chosen = ["x", str(ada.pk), "9" * 30]
    values = {"action": "deactivate_selected", "confirmed": "yes", ACTION_CHECKBOX_NAME: chosen}

    client.post("/people/", values)

    assert not Person.objects.get(pk=ada.pk).is_active

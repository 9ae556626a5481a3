"""PostgreSQL uses trigram indexes for filters of users."""

from typing import Any

import pytest
from django.db import connection

from people import tenancy
from scim.api.filter_query import condition
from scim.models import ScimUser
from scim.rfc.resource_types import USER
from tests.clients.scim import Provider
from tests.factories.large_companies import crowd_of_hundreds
from tests.factories.scim import scim_user

pytestmark = pytest.mark.django_db

NAMES = "scim_user_search"
ELEMENTS = "scim_user_element_search"
ADDRESSES = """
    INSERT INTO scim_scimuserelement (user_id, attribute, element, value_key)
    SELECT id, 'emails', '{}', user_name_key FROM scim_scimuser
"""
FILTERS = {
    'name.familyName eq "o\'brien “7” \\\\ 100%_"': NAMES,
    'name.familyName co "N “7” \\\\ 100%_"': NAMES,
    'name.familyName sw "O\'Brien “7”"': NAMES,
    'name.familyName ew "“7” \\\\ 100%_"': NAMES,
    'displayName eq "ADA \\"the 7th\\""': NAMES,
    'displayName co "\\"the 7"': NAMES,
    'nickName eq "ÄRGER 7"': NAMES,
    # Only these few users have an externalId, so its own index is as good.
    'externalId sw "EXT-7"': "scim_user_",
    'userName co "user-7@"': NAMES,
    'userName ew "er-7@example.com"': NAMES,
    'emails.value co "mail-7@"': ELEMENTS,
    'emails[type eq "work" and value sw "mail-7@"]': ELEMENTS,
    "active eq false": "scim_user_inactive",
}


@pytest.fixture
def users(scim: Provider) -> Any:
    if connection.vendor != "postgresql":
        pytest.skip("the plans are PostgreSQL's")
    with tenancy.use(scim.connection.tenant_id):
        crowd_of_hundreds(scim.connection, 50)
        with connection.cursor() as cursor:
            cursor.execute(ADDRESSES)
        for n in range(9):
            scim_user(
                scim.connection,
                f"user-{n}@example.com",
                name={"givenName": "Ada", "familyName": f"O'Brien “{n}” \\ 100%_"},
                displayName=f'Ada "the {n}th"',
                nickName=f"Ärger {n}",
                externalId=f"EXT-{n}",
                emails=[{"value": f"mail-{n}@example.com", "type": "work"}],
            )
        ScimUser.objects.filter(user_name_key="user-7@example.com").update(active=False)
        with connection.cursor() as cursor:
            # A GIN index keeps new entries in a pending list until a vacuum.
            for index in (NAMES, ELEMENTS):
                cursor.execute("SELECT gin_clean_pending_list(%s::regclass)", [index])
            cursor.execute("ANALYZE scim_scimuser, scim_scimuserelement")
            cursor.execute("SET LOCAL enable_seqscan = off")
        yield ScimUser.objects.known_to(scim.connection)


def test_each_filter_finds_its_user_by_an_index(users: Any) -> None:
    for text, index in FILTERS.items():
        found = users.filter(condition(text, USER))

        assert [user.scim_username for user in found] == ["user-7@example.com"], text
        assert index in found.explain(), text


def test_updated_names_are_found_and_old_ones_are_not(users: Any) -> None:
    user = users.get(user_name_key="user-7@example.com")
    user.document |= {"displayName": "Grace Hopper"}
    user.save(update_fields=["document"])

    assert users.filter(condition('displayName sw "grace h"', USER)).get() == user
    assert not users.filter(condition('displayName co "the 7th"', USER)).exists()

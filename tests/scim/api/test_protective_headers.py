"""SCIM answers contain personal data, so no cache may store them."""

import pytest

from tests.clients.scim import Provider

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("address", "status"),
    [("/Users", 200), ("/Users/nobody", 404), ("/Nothing", 404), ("/Schemas", 200)],
)
def test_scim_answers_may_not_be_stored(scim: Provider, address: str, status: int) -> None:
    answer = scim("GET", address)

    assert answer.status == status
    assert answer.headers["Cache-Control"] == "no-store"

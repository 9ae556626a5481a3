import pytest

from people.models import Person
from tests.clients.pages import signed_in
from tests.factories import core
from tests.people.comparison.visit import Visit


@pytest.fixture
def visit(owner: Person) -> Visit:
    return Visit(signed_in(owner))


@pytest.fixture
def zoe(owner: Person) -> Person:
    return core.person(email="zoe@example.com", given_name="Zoe", department=core.department())


@pytest.fixture
def leaver(owner: Person) -> Person:
    return core.person(email="leaver@example.com", given_name="Gone")

"""Sign-in to the sandbox of a self-test is impossible."""

import pytest
from django.contrib.auth.hashers import make_password

from people import tenancy
from people.models import Person, Tenant
from people.operations import sandboxes
from people.values import Actor
from provisioning.passwords.login import person_with_password
from provisioning.sign_in.errors import SignInRefused
from tests.clients.pages import signed_in
from tests.factories import core

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(acme: Tenant) -> Tenant:
    with tenancy.use(acme):
        return sandboxes.open_sandbox(acme, actor=Actor("job", "self-test"))


def test_sandbox_has_no_sign_in_page(acme: Tenant, sandbox: Tenant) -> None:
    with tenancy.use(acme):
        visitor = signed_in(core.person())

    assert visitor.get(f"/sign-in/{sandbox.slug}/").status_code == 404


def test_correct_password_is_refused(sandbox: Tenant) -> None:
    with tenancy.use(sandbox):
        Person.objects.update(password=make_password("correct horse"))

    with pytest.raises(SignInRefused):
        person_with_password("owner@sandbox.invalid", "correct horse")

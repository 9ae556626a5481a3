"""Invites of people that an identity provider creates."""

from email.utils import getaddresses

import pytest
from django.core.management import call_command

from people.models import Invite, Mail, Person, Tenant
from people.operations.invites import lifecycle
from scim.models import Connection
from tests.clients.scim import PATCH, Provider, managed_by, someone
from tests.scim.conftest import Connect
from tests.services.postgres_redis_smtp import Smtp

pytestmark = pytest.mark.django_db

BOB, ADA = "bob@example.com", "ada@example.com"


@pytest.fixture
def sso(connect: Connect) -> Provider:
    """Connect Okta without invite mails, because people sign in by single sign-on."""
    return connect(mails_invites=False)


def senders(smtp: Smtp, address: str) -> list[str]:
    """Return the sender names of the mails to this address."""
    call_command("run_due")
    return [
        name
        for message in smtp.to(address)
        for name, _ in getaddresses(message.get_all("From", []))
    ]


def test_invite_is_mailed_in_the_name_of_the_manager(scim: Provider, smtp: Smtp) -> None:
    scim("POST", "/Users", someone("bob"))

    scim("POST", "/Users", someone("ada", **managed_by(BOB)))

    assert senders(smtp, ADA) == [Person.objects.get(email=BOB).full_name]


def test_invite_is_mailed_in_the_name_of_the_owner_without_a_manager(
    scim: Provider, smtp: Smtp, tenant: Tenant, owner: Person
) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(owner=owner)

    scim("POST", "/Users", someone("ada"))

    assert senders(smtp, ADA) == [owner.full_name]


def test_mail_records_the_request_that_caused_it(scim: Provider) -> None:
    answer = scim("POST", "/Users", someone("ada"))

    assert str(Mail.objects.get().request_id) == answer.request_id


def test_refused_request_mails_no_invite(scim: Provider) -> None:
    assert scim("POST", "/Users", someone("ada", name={})).status == 400

    assert not Mail.objects.exists()


def test_invite_is_mailed_when_the_missing_manager_is_created(scim: Provider, smtp: Smtp) -> None:
    scim("POST", "/Users", someone("ada", **managed_by(BOB)))
    assert senders(smtp, ADA) == []

    scim("POST", "/Users", someone("bob"))

    assert senders(smtp, ADA) == [Person.objects.get(email=BOB).full_name]


def test_invite_is_mailed_once_after_deactivation_and_reactivation(
    scim: Provider, smtp: Smtp
) -> None:
    address = f"/Users/{scim('POST', '/Users', someone('ada')).id}"
    for active in (False, True):
        operation = {"op": "replace", "value": {"active": active}}
        scim("PATCH", address, {"schemas": [PATCH], "Operations": [operation]})

    assert len(senders(smtp, ADA)) == 1
    assert Invite.objects.open().count() == 1


def test_invite_is_created_without_mail_if_connection_mails_none(sso: Provider, smtp: Smtp) -> None:
    sso("POST", "/Users", someone("ada", **managed_by(BOB)))
    sso("POST", "/Users", someone("bob"))

    assert senders(smtp, ADA) == senders(smtp, BOB) == []
    assert Invite.objects.open().filter(hold_reason="").count() == 2


def test_administrator_can_mail_invite_if_connection_mails_none(
    sso: Provider, smtp: Smtp, owner: Person
) -> None:
    sso("POST", "/Users", someone("ada"))

    lifecycle.resend_invite(Person.objects.get(email=ADA), actor=owner.actor)

    assert len(senders(smtp, ADA)) == 1


def test_invite_is_not_mailed_before_activation(scim: Provider) -> None:
    Connection.objects.update(activated_at=None)

    assert scim("POST", "/Users", someone("ada")).status == 201

    assert not Mail.objects.exists()

"""The review warns about people who get no invite at activation."""

from datetime import timedelta

import pytest
from django.utils import timezone

from people.models import Invite, Mail
from tests.clients.pages import queries_of
from tests.clients.scim import Provider, managed_by, someone
from tests.factories import core
from tests.support.scim_setup import Wizard

pytestmark = pytest.mark.django_db

HEADING = "Some people get no invite at activation"
ON_HOLD = "so the invites are on hold until the manager arrives"


def warned(wizard: Wizard, count: int, reason: str) -> bool:
    noun = "person" if count == 1 else "people"
    return all(
        f"<li>{count} {noun}: " in page and reason in page and HEADING in page
        for page in (wizard.get("review"), wizard.get("activate"))
    )


def test_no_warning_if_everybody_is_invited(wizard: Wizard, okta: Provider) -> None:
    core.person(email="boss@acme.example")
    okta.add("ada")
    okta.add("bob", **managed_by("ada@example.com"))
    okta.add("cleo", **managed_by("Boss@acme.example"))
    assert HEADING not in wizard.get("review")

    wizard.activate()

    assert Mail.objects.filter(kind="invite").count() == 3


def test_warns_of_missing_manager(wizard: Wizard, okta: Provider) -> None:
    okta.add("ada", **managed_by("missing@example.com"))
    okta.add("bob", **managed_by("missing@example.com"))
    okta.add("cleo")
    assert warned(wizard, 2, ON_HOLD)

    wizard.activate()

    assert Invite.objects.exclude(hold_reason="").count() == 2


@pytest.mark.parametrize("how", ["id", "externalId", "userName"])
def test_no_warning_if_the_manager_was_sent(wizard: Wizard, okta: Provider, how: str) -> None:
    boss = okta.add("boss", externalId="00u1")
    manager = {"id": boss, "externalId": "00u1", "userName": "BOSS@example.com"}
    okta.add("ada", **managed_by(manager[how]))
    assert HEADING not in wizard.get("review")

    wizard.activate()

    assert not Invite.objects.exclude(hold_reason="").exists()


def test_warns_of_users_refused_for_a_missing_manager(wizard: Wizard, okta: Provider) -> None:
    okta.connection.unknown_manager = "reject"
    okta.connection.save()
    okta.add("ada", **managed_by("missing@example.com"))

    assert warned(wizard, 1, "so they are refused until the manager arrives")


def test_warns_if_the_connection_mails_no_invites(wizard: Wizard, okta: Provider) -> None:
    okta.connection.mails_invites = False
    okta.connection.save()
    okta.add("ada")
    okta.add("bob", active=False)
    assert warned(wizard, 1, "The connection does not mail invites.")

    wizard.activate()

    assert not Mail.objects.exists()


def test_warns_if_mail_is_withheld_during_certification(wizard: Wizard, okta: Provider) -> None:
    okta.connection.certification_ends_at = timezone.now() + timedelta(hours=1)
    okta.connection.save()
    okta.add("ada")

    assert warned(wizard, 1, "Email is withheld.")


def test_warns_of_users_without_email(wizard: Wizard, okta: Provider) -> None:
    okta("POST", "/Users", someone("ada", userName="ada", emails=None))

    assert warned(wizard, 1, "No email address was sent, so they are not created.")


def test_warns_of_inactive_users(wizard: Wizard, okta: Provider) -> None:
    okta.add("ada", active=False)

    assert warned(wizard, 1, "They are inactive at the provider")


def test_query_count_does_not_grow_with_users(wizard: Wizard, okta: Provider) -> None:
    okta.add("ada", **managed_by("missing@example.com"))
    few = queries_of(wizard.client, wizard.address("review"))
    for number in range(5):
        okta.add(f"bob{number}", **managed_by(f"missing{number}@example.com"))

    assert len(queries_of(wizard.client, wizard.address("review"))) == len(few)

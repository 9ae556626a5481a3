"""Changing the email address of a person with elevated rank requires two confirmations."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people.mail.sending import send_due
from people.models import Event, Mail, Person
from people.operations import email_changes, people_update, ranks
from people.values import Actor
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.postgres_redis_smtp import Smtp
from tests.support import rank_cases
from tests.support.rank_cases import somebody

pytestmark = pytest.mark.django_db

OLD, NEW = "olga@example.com", "new@example.com"
PASSWORD = "correct horse battery staple"
ELEVATED_KINDS = [kind for kind, rank in rank_cases.RANKS.items() if rank]
ASKING = [Actor("scim", "okta"), Actor("oidc", "Corp"), Actor("command", "tests")]


@pytest.fixture
def boss(owner: Person) -> Person:
    """Make an Owner who has a password."""
    return core.owner(given_name="Boss", email="boss@example.com", password=PASSWORD)


def ask(person: Person, actor: Actor, address: str = NEW) -> None:
    now = Person.objects.get(pk=person.pk)
    people_update.revise_person(now, replace(now.profile, email=address), actor=actor)


def link_to(smtp: Smtp, address: str) -> str:
    """Return the path of the latest link that was mailed there."""
    send_due(as_of=timezone.now())
    text = str(smtp.to(address)[-1].get_body(("plain",)))
    [path] = re.findall(r"http://[^/]+(/confirm-address/\S+)", text)
    return str(path)


def confirm(link: str) -> str:
    client = Client()
    assert client.get(link).status_code == 200
    answer = client.post(link)
    assert answer.status_code == 200
    return text_of(answer)


def address_of(person: Person) -> str:
    return str(Person.objects.get(pk=person.pk).email)


@pytest.mark.parametrize("actor", ASKING, ids=str)
@pytest.mark.parametrize("kind", ELEVATED_KINDS)
@pytest.mark.parametrize("order", [(NEW, OLD), (OLD, NEW)], ids=["new first", "old first"])
def test_address_changes_with_the_second_confirmation(
    boss: Person, smtp: Smtp, kind: str, actor: Actor, order: tuple[str, str]
) -> None:
    olga = somebody(kind, email=OLD)
    ask(olga, actor)
    first, second = order
    links = {address: link_to(smtp, address) for address in order}

    page = confirm(links[first])
    name = "new" if first == NEW else "current"
    assert f"Confirmed from the {name} address. Waiting for confirmation from" in page
    assert second in page
    assert address_of(olga) == OLD

    assert "is now <strong>" in confirm(links[second])
    assert address_of(olga) == NEW


@pytest.mark.parametrize("kind", ELEVATED_KINDS)
def test_change_by_an_administrator_requires_both_confirmations(
    boss: Person, smtp: Smtp, kind: str
) -> None:
    olga = somebody(kind, email=OLD)
    ask(olga, boss.actor)

    confirm(link_to(smtp, NEW))

    assert address_of(olga) == OLD
    assert NEW not in [mail.to for mail in Mail.objects.filter(kind=Mail.Kind.APPROVE_ADDRESS)]


def test_repeated_confirmations_from_one_mailbox_count_once(boss: Person, smtp: Smtp) -> None:
    olga = core.administrator(email=OLD)
    ask(olga, boss.actor)
    link = link_to(smtp, NEW)

    for _ in range(3):
        confirm(link)

    assert address_of(olga) == OLD
    assert olga.events.filter(kind=Event.Kind.ADDRESS_APPROVED).count() == 1


def test_one_confirmation_is_enough_without_elevated_rank(boss: Person, smtp: Smtp) -> None:
    ada = core.person(email=OLD)
    ask(ada, boss.actor)

    assert "is now <strong>" in confirm(link_to(smtp, NEW))

    assert address_of(ada) == NEW
    assert not Mail.objects.filter(kind=Mail.Kind.APPROVE_ADDRESS).exists()


def test_promotion_while_pending_requires_both_confirmations(boss: Person, smtp: Smtp) -> None:
    ada = core.person(email=OLD)
    ask(ada, boss.actor)
    link = link_to(smtp, NEW)
    Person.objects.filter(pk=ada.pk).update(role=Person.Role.ADMIN)

    assert "Waiting for confirmation from" in confirm(link)
    assert address_of(ada) == OLD

    confirm(link_to(smtp, OLD))
    assert address_of(ada) == NEW


def test_new_change_invalidates_earlier_confirmations(boss: Person, smtp: Smtp) -> None:
    olga = core.administrator(email=OLD)
    ask(olga, boss.actor)
    agreed = link_to(smtp, OLD)
    confirm(agreed)
    ask(olga, boss.actor, "evil@example.com")

    confirm(link_to(smtp, "evil@example.com"))

    assert address_of(olga) == OLD
    assert Client().post(agreed).status_code == 410


def test_resending_reaches_only_the_unconfirmed_mailbox(boss: Person, smtp: Smtp) -> None:
    olga = core.administrator(email=OLD)
    ask(olga, boss.actor)
    confirm(link_to(smtp, NEW))
    smtp.empty()

    signed_in(boss).post(f"/people/{olga.pk}/resend-confirmation/")

    assert "is now <strong>" in confirm(link_to(smtp, OLD))
    assert smtp.to(NEW) == []


def test_page_shows_missing_confirmations(boss: Person, smtp: Smtp) -> None:
    olga = core.administrator(email=OLD)
    ask(olga, boss.actor)
    client = signed_in(boss)
    assert f"once it is confirmed from {NEW} and {OLD}." in text_of(
        client.get(f"/people/{olga.pk}/")
    )

    confirm(link_to(smtp, NEW))

    page = text_of(client.get(f"/people/{olga.pk}/"))
    assert f"once it is confirmed from {OLD}." in page
    assert f"confirmed the new email address {NEW}" in page


class TestOwnersPassword:
    """The password of an Owner replaces the confirmation from the old mailbox."""

    def send(self, by: Person, person: Person, **more: str) -> Any:
        now = Person.objects.get(pk=person.pk)
        values = {
            "given_name": now.given_name,
            "family_name": now.family_name,
            "email": NEW,
            "role": now.role,
            "seen": now.changed_at.isoformat(),
        }
        return signed_in(by).post(f"/people/{person.pk}/edit/", values | more)

    @pytest.mark.parametrize("kind", ELEVATED_KINDS)
    def test_leaves_only_the_confirmation_from_the_new_mailbox(
        self, boss: Person, smtp: Smtp, kind: str
    ) -> None:
        olga = somebody(kind, email=OLD)

        assert self.send(boss, olga, owner_password=PASSWORD).status_code == 302
        assert address_of(olga) == OLD
        link = link_to(smtp, NEW)
        assert "Confirmed from" not in confirm(link)

        assert address_of(olga) == NEW
        [notice] = smtp.to(OLD)
        assert "/confirm-address/" not in str(notice)
        assert "approved the new email address" in text_of(
            signed_in(boss).get(f"/people/{olga.pk}/")
        )

    def test_completes_a_change_that_the_new_mailbox_has_confirmed(
        self, boss: Person, smtp: Smtp
    ) -> None:
        olga = core.administrator(email=OLD)
        ask(olga, Actor("scim", "okta"))
        confirm(link_to(smtp, NEW))

        self.send(boss, olga, owner_password=PASSWORD)

        assert address_of(olga) == NEW

    def test_is_refused_if_incorrect(self, boss: Person, smtp: Smtp) -> None:
        olga = core.administrator(email=OLD)

        page = text_of(self.send(boss, olga, owner_password="wrong"))

        assert "Incorrect password." in page
        assert Person.objects.get(pk=olga.pk).pending_email == ""

    def test_cannot_be_replaced_by_the_password_of_an_admin(self, boss: Person, smtp: Smtp) -> None:
        olga = core.administrator(email=OLD)
        admin = core.administrator(password=PASSWORD)
        assert b"owner_password" not in signed_in(admin).get(f"/people/{olga.pk}/edit/").content

        self.send(admin, olga, owner_password=PASSWORD)
        confirm(link_to(smtp, NEW))

        assert address_of(olga) == OLD
        with pytest.raises(ranks.RankRefused):
            email_changes.approve_address(olga, actor=admin.actor)


def test_it_admin_cannot_take_over_an_owners_account(boss: Person, smtp: Smtp) -> None:
    """Issue 12: an attacker changed the address, confirmed it and reset the password."""
    it = signed_in(core.administrator(role=Person.Role.IT_ADMIN))
    values = {
        "given_name": boss.given_name,
        "family_name": boss.family_name,
        "email": NEW,
        "role": boss.role,
        "seen": boss.changed_at.isoformat(),
    }

    answer = it.post(f"/people/{boss.pk}/edit/", values)

    assert answer.status_code == 403
    assert "is an Owner, so only an Owner can change this account." in text_of(answer)
    assert send_due(as_of=timezone.now()) == 0
    assert Person.objects.get(pk=boss.pk).pending_email == ""

"""Those whom a connection deactivated by mistake …"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from people import events
from people.mail.invite_links import invite_link
from people.models import (
    BulkChange,
    BulkChangeItem,
    Event,
    Invite,
    Mail,
    Person,
    ScheduledTermination,
    Tenant,
)
from people.operations import people
from people.operations.bulk import undo as bulk_undo
from people.operations.invites import lifecycle
from people.operations.offboarding.auto_termination import set_auto_termination
from people.values import Actor
from scim.models import ScimUser
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider
from tests.conftest import Size
from tests.factories import core
from tests.factories.companies import deactivate, people_of, staff
from tests.factories.full_people import everything, furnish
from tests.support.concurrency import Racers
from tests.support.scim_bulk import MONDAY

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

HELPDESK = Actor("person", "helpdesk@example.com")
BOTH = pytest.mark.parametrize("racers", [2], indirect=True)
REALLY = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


def hear() -> None:
    events.dispatch_all(as_of=datetime.now(UTC))


def leave(scim: Provider, users: list[ScimUser]) -> BulkChange:
    deactivate(scim, users)
    hear()
    change: BulkChange = BulkChange.objects.get()
    return change


class Decision:
    """An administrator before the page that asks whether to restore them."""

    def __init__(self, person: Person, change: BulkChange) -> None:
        self.client = signed_in(person)
        self.address = f"/people/bulk-changes/{change.pk}/undo/"
        self.look()

    def look(self) -> str:
        answer = self.client.get(self.address, follow=True)
        self.kept = answer.context.get("kept", "")
        return text_of(answer)

    def take(self) -> str:
        return text_of(self.client.post(self.address, {"kept": self.kept}, follow=True))


def states(users: list[ScimUser]) -> dict[str, int]:
    found: dict[str, int] = {}
    for person in people_of(users):
        found[person.state] = found.get(person.state, 0) + 1
    return found


def test_are_restored_by_one_click_exactly_as_they_were(
    clock: time_machine.Traveller, scim: Provider, owner: Person, tenant: Tenant, size: Size
) -> None:
    active, invited = size(300, full=1700), size(50, full=300)
    everybody = active + invited
    users = staff(scim.connection, active) + staff(scim.connection, invited, state="invited")
    furnish(list(people_of(users)), owner)
    set_auto_termination(tenant, 45, actor=owner.actor)
    blocked = list(people_of(users[:7]))
    clock.move_to(MONDAY - timedelta(days=1))
    for person in blocked:
        people.deactivate_person(person, actor=owner.actor, reason="Lost a laptop")
    clock.move_to(MONDAY)
    before = everything()

    change = leave(scim, users)
    assert states(users) == {"inactive": everybody}
    assert ScheduledTermination.objects.count() == everybody - 7
    clock.move_to(MONDAY + timedelta(days=60))
    call_command("run_due")
    assert states(users) == {"inactive": everybody}

    decision = Decision(owner, change)
    page = decision.look()
    assert f"Restore {everybody - 7:,} people?" in page
    assert all(person.email in page for person in blocked)
    mails = Mail.objects.count()
    decision.take()
    call_command("run_due")

    assert everything() == before
    assert Mail.objects.count() == mails
    assert states(users) == {"inactive": 7, "active": active - 7, "invited": invited}
    assert change.items.filter(outcome=BulkChangeItem.Outcome.UNDONE).count() == everybody - 7


@pytest.fixture
def mistake(clock: time_machine.Traveller, scim: Provider) -> tuple[BulkChange, list[ScimUser]]:
    """Have Okta deactivate 20 of 30 people."""
    users = staff(scim.connection, 30)[:20]
    return leave(scim, users), users


def test_stay_in_whatever_else_the_provider_changes(
    mistake: tuple[BulkChange, list[ScimUser]], scim: Provider, owner: Person
) -> None:
    change, users = mistake
    Decision(owner, change).take()

    for user in users:
        assert scim.replace(str(user.scim_id), "name.givenName", "Augusta").status == 200

    assert states(users) == {"active": 20}


def test_are_told_in_the_timeline_who_restored_them(
    mistake: tuple[BulkChange, list[ScimUser]], owner: Person
) -> None:
    change, users = mistake
    Decision(owner, change).take()

    page = text_of(signed_in(owner).get(f"/people/{users[0].person_id}/"))

    assert "Olga Owner reactivated" in page
    assert "A bulk change was undone." in page


def test_have_the_invite_that_they_had(
    clock: time_machine.Traveller, scim: Provider, owner: Person, client: Client
) -> None:
    users = staff(scim.connection, 30, state="invited")
    invites = {
        person.pk: lifecycle.issue_invite(person, actor=scim.connection.actor)
        for person in people_of(users)
    }
    change = leave(scim, users)
    assert not Invite.objects.open().exists()

    Decision(owner, change).take()
    # On a busy machine, the page leaves the rest to a worker.
    bulk_undo.undo_requested(as_of=datetime.now(UTC))

    assert set(Invite.objects.open()) == set(invites.values())
    [sample, *_] = invites.values()
    assert client.get(invite_link(sample)).status_code in (200, 302)


class TestStayAsTheyAre:
    """They stay as they are who …"""

    def test_were_let_in_and_shut_out_by_hand_since(
        self, mistake: tuple[BulkChange, list[ScimUser]], owner: Person
    ) -> None:
        change, users = mistake
        blocked, back, *_ = people_of(users)
        for person in (blocked, back):
            people.reactivate_person(person, actor=HELPDESK)
        people.deactivate_person(blocked, actor=HELPDESK)
        decision = Decision(owner, change)

        page = decision.look()
        assert "Restore 18 people?" in page
        assert blocked.email in page
        assert back.email in page
        done = decision.take()

        assert "18 people were restored." in done
        blocked.refresh_from_db()
        assert (blocked.state, blocked.deactivated_by) == ("inactive", str(HELPDESK))
        kept = change.items.filter(outcome=BulkChangeItem.Outcome.KEPT)
        assert {item.person_id for item in kept} == {blocked.pk, back.pk}
        assert "Not changed: They have changed since then." in done

    def test_change_between_the_page_and_the_click_and_nobody_else_changes(
        self, mistake: tuple[BulkChange, list[ScimUser]], owner: Person
    ) -> None:
        change, users = mistake
        decision = Decision(owner, change)
        back = next(people_of(users))
        people.reactivate_person(back, actor=HELPDESK)

        page = decision.take()

        assert "nothing was undone" in page
        assert back.email in page
        assert states(users) == {"inactive": 19, "active": 1}
        decision.look()
        assert "19 people were restored." in decision.take()

    def test_change_while_the_others_are_being_restored(
        self, mistake: tuple[BulkChange, list[ScimUser]], owner: Person
    ) -> None:
        change, users = mistake
        ask(change, owner)
        back = next(people_of(users))
        people.reactivate_person(back, actor=HELPDESK)
        people.deactivate_person(back, actor=HELPDESK)

        call_command("run_due")

        back.refresh_from_db()
        assert back.deactivated_by == str(HELPDESK)
        assert states(users) == {"active": 19, "inactive": 1}


def ask(change: BulkChange, person: Person) -> int:
    """Have them restored by the job."""
    kept = bulk_undo.fingerprint(bulk_undo.changed_since(change))
    return bulk_undo.request_undo(change, kept=kept, actor=person.actor)


def test_are_restored_by_a_job_whoever_dies_on_the_way(
    mistake: tuple[BulkChange, list[ScimUser]],
    owner: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change, users = mistake
    ask(change, owner)
    undo, left = bulk_undo._undo, iter(range(5))

    def dying(item_id: int) -> bool:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return undo(item_id)

    monkeypatch.setattr(bulk_undo, "_undo", dying)
    with pytest.raises(KeyboardInterrupt):
        call_command("run_due")
    assert states(users) == {"active": 5, "inactive": 15}
    page = text_of(signed_in(owner).get(f"/people/bulk-changes/{change.pk}/"))
    assert "Restoring people" in page
    monkeypatch.undo()

    call_command("run_due")

    assert states(users) == {"active": 20}
    assert Event.objects.filter(kind="person.reactivated").count() == 20


def test_are_restored_though_one_of_them_cannot_be(
    mistake: tuple[BulkChange, list[ScimUser]],
    owner: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change, users = mistake
    restore = bulk_undo._restore

    def failing(item: BulkChangeItem) -> None:
        if item.person_id == users[3].person_id:
            raise RuntimeError("of all people")
        restore(item)

    monkeypatch.setattr(bulk_undo, "_restore", failing)

    Decision(owner, change).take()

    assert states(users) == {"active": 19, "inactive": 1}
    monkeypatch.undo()
    call_command("run_due")
    assert states(users) == {"active": 20}


def test_are_restored_once_however_often_it_is_asked_for(
    mistake: tuple[BulkChange, list[ScimUser]], owner: Person
) -> None:
    change, _ = mistake
    decision = Decision(owner, change)

    assert "20 people were restored." in decision.take()
    assert "This was already decided." in decision.take()

    assert Event.objects.filter(kind="person.reactivated").count() == 20


class TestRaces:
    """They are each restored once when …"""

    @REALLY
    @BOTH
    def test_two_administrators_click_at_once(
        self, scim: Provider, owner: Person, racers: Racers
    ) -> None:
        users = staff(scim.connection, 40)[:30]
        change = leave(scim, users)
        decisions = [Decision(one, change) for one in (owner, core.administrator())]

        results = racers(*(decision.take for decision in decisions))
        call_command("run_due")

        assert sum("already decided" in one for one in results) == 1
        assert states(users) == {"active": 30}
        assert Event.objects.filter(kind="person.reactivated").count() == 30

    @REALLY
    @BOTH
    def test_two_workers_go_on_at_once(self, scim: Provider, owner: Person, racers: Racers) -> None:
        users = staff(scim.connection, 40)[:30]
        ask(leave(scim, users), owner)
        work: Callable[[], Any] = lambda: bulk_undo.run_batch(seconds=60)[0]  # noqa: E731

        counts = racers(work, work)

        assert sum(counts) == 30
        assert states(users) == {"active": 30}
        assert Event.objects.filter(kind="person.reactivated").count() == 30

    @REALLY
    @BOTH
    def test_others_are_still_being_deactivated(
        self, scim: Provider, owner: Person, racers: Racers
    ) -> None:
        users = staff(scim.connection, 60)
        change = leave(scim, users[:20])
        decision = Decision(owner, change)

        racers(decision.take, lambda: deactivate(scim, users[20:]))
        hear()

        assert states(users[:20]) == {"active": 20}
        assert states(users[20:]) == {"inactive": 40}
        change.refresh_from_db()
        assert change.is_undecided
        decision.look()
        assert "40 people were restored." in decision.take()
        assert states(users) == {"active": 60}

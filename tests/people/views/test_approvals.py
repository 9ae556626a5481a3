"""Requests for approval: decisions, steps and access."""

import pytest

from people.models import Approval, Event, OutstandingItem, Person, Step
from people.operations.offboarding import blockers
from people.operations.offboarding.terminate import terminate_person
from people.operations.people import deactivate_person
from people.values import Actor
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core
from tests.support.offboarding import Kind, State, outstanding_item, step, to, waits

pytestmark = pytest.mark.django_db

TESTS = Actor("command", "tests")


@pytest.fixture
def eve(owner: Person) -> Person:
    """The person who made the request."""
    return core.person(given_name="Eve", family_name="Employee")


@pytest.fixture
def first(ada: Person) -> Step:
    return step(ada, "Travel")


@pytest.fixture
def second(first: Step, grace: Person) -> Step:
    return step(grace, "Travel", 2)


@pytest.fixture
def taxi(eve: Person, first: Step) -> Approval:
    item = outstanding_item(eve, Kind.REIMBURSEMENT, State.SUBMITTED, description="Taxi")
    return waits(first, item)


def address(approval: Approval) -> str:
    return f"/home/approvals/{approval.pk}/"


def page(person: Person, approval: Approval) -> str:
    return text_of(signed_in(person).get(address(approval)))


def send(person: Person, approval: Approval, decision: str, **data: str) -> str:
    data |= {"decision": decision}
    return text_of(signed_in(person).post(address(approval), data, follow=True))


def home_of(person: Person) -> str:
    return text_of(signed_in(person).get("/home/"))


def state_of(item: OutstandingItem) -> str:
    return str(OutstandingItem.objects.values_list("state", flat=True).get(pk=item.pk))


def test_approver_can_approve(taxi: Approval, ada: Person, eve: Person) -> None:
    assert address(taxi) in home_of(ada)
    assert "Eve Employee" in page(ada, taxi)

    result = send(ada, taxi, "approve")

    assert "You approved “Taxi”." in result
    assert address(taxi) not in result
    taxi.refresh_from_db()
    assert (taxi.state, taxi.decided_by) == (Approval.State.APPROVED, str(ada.actor))
    assert state_of(taxi.outstanding_item) == State.APPROVED


def test_approval_passes_to_the_next_step(
    taxi: Approval, second: Step, ada: Person, grace: Person
) -> None:
    assert "Step 2: <bdi>Then Grace Hopper</bdi>" in page(ada, taxi)
    assert "Taxi" not in home_of(grace)

    send(ada, taxi, "approve")

    assert state_of(taxi.outstanding_item) == State.SUBMITTED
    assert "Taxi" in home_of(grace)
    waiting = Approval.objects.get(step=second)
    assert "Step 1: <bdi>Approved by Ada Lovelace on" in page(grace, waiting)

    send(grace, waiting, "approve")

    assert state_of(taxi.outstanding_item) == State.APPROVED


def test_requester_sees_the_reason_of_a_declined_request(
    taxi: Approval, second: Step, ada: Person, eve: Person
) -> None:
    assert "(waits for <bdi>Ada Lovelace</bdi>)" in home_of(eve)

    send(ada, taxi, "decline", reason="No receipt")

    taxi.refresh_from_db()
    assert (taxi.state, taxi.reason) == (Approval.State.REJECTED, "No receipt")
    assert state_of(taxi.outstanding_item) == State.DROPPED
    assert "Declined: “No receipt”" in home_of(eve)
    assert not Approval.objects.filter(step=second).exists()


@pytest.mark.parametrize("reason", ["", "   "])
def test_declining_requires_a_reason(taxi: Approval, ada: Person, reason: str) -> None:
    result = send(ada, taxi, "decline", reason=reason)

    assert "This field is required." in result
    taxi.refresh_from_db()
    assert taxi.state == Approval.State.PENDING


def test_decision_is_in_the_timeline_and_in_the_audit_log(
    taxi: Approval, ada: Person, eve: Person
) -> None:
    send(ada, taxi, "decline", reason="No receipt")

    admin = signed_in(core.administrator())
    sentence = "Ada Lovelace declined the reimbursement “Taxi” of Eve Employee at Travel, step 1"
    for log in (f"/people/{eve.pk}/", "/audit-log/"):
        text = text_of(admin.get(log))
        assert sentence in text
        assert "Reason: No receipt" in text


def test_request_is_decided_once(taxi: Approval, ada: Person) -> None:
    send(ada, taxi, "approve")

    result = send(ada, taxi, "decline", reason="Too late")

    assert "This was approved already." in result
    assert "This was approved already." in page(ada, taxi)
    taxi.refresh_from_db()
    assert (taxi.state, taxi.reason) == (Approval.State.APPROVED, "")
    assert Event.objects.filter(kind=Event.Kind.APPROVAL_DECIDED).count() == 1


def test_requester_cannot_decide(first: Step, ada: Person) -> None:
    own = waits(first, outstanding_item(ada, Kind.REIMBURSEMENT, State.SUBMITTED))

    refusal = "This is your own request, so somebody else must decide it."
    assert refusal in page(ada, own)
    assert refusal in send(ada, own, "approve")
    own.refresh_from_db()
    assert own.state == Approval.State.PENDING


def test_request_is_hidden_from_everyone_but_the_approver(
    taxi: Approval, eve: Person, grace: Person
) -> None:
    for other in (eve, grace, core.administrator()):
        client = signed_in(other)
        assert client.get(address(taxi)).status_code == 404
        assert client.post(address(taxi), {"decision": "approve"}).status_code == 404
    taxi.refresh_from_db()
    assert taxi.state == Approval.State.PENDING


def test_request_is_hidden_from_another_company(taxi: Approval) -> None:
    with core.in_another_tenant():
        stranger = core.person()

    assert signed_in(stranger).get(address(taxi)).status_code == 404


def test_deactivated_approver_cannot_decide(taxi: Approval, ada: Person) -> None:
    client = signed_in(ada)
    assert client.get(address(taxi)).status_code == 200

    deactivate_person(ada, actor=TESTS)

    assert client.post(address(taxi), {"decision": "approve"}).status_code == 302
    taxi.refresh_from_db()
    assert taxi.state == Approval.State.PENDING


def test_successor_of_a_terminated_approver_can_decide(
    taxi: Approval, ada: Person, grace: Person
) -> None:
    terminate_person(ada, to(grace, ada), actor=TESTS)

    send(grace, taxi, "approve")

    taxi.refresh_from_db()
    assert taxi.state == Approval.State.APPROVED


def test_pending_approval_blocks_auto_termination(taxi: Approval, ada: Person, eve: Person) -> None:
    def codes(person: Person) -> list[str]:
        return [one.code for one in blockers.blockers_of(person)]

    assert "approvals" in codes(ada)
    assert codes(eve) == ["reimbursements", "approvals"]

    send(ada, taxi, "decline", reason="No receipt")

    assert codes(ada) == []
    assert codes(eve) == []


@pytest.mark.parametrize(
    ("kind", "state"), [(Kind.BILL, State.OPEN), (Kind.TRANSACTION, State.PENDING)]
)
@pytest.mark.parametrize("decision", ["approve", "decline"])
def test_decision_does_not_change_bills_and_transactions(
    first: Step, ada: Person, eve: Person, kind: Kind, state: State, decision: str
) -> None:
    asked = waits(first, outstanding_item(eve, kind, state))

    send(ada, asked, decision, reason="No receipt")

    asked.refresh_from_db()
    assert asked.state != Approval.State.PENDING
    assert state_of(asked.outstanding_item) == state


def test_approval_does_not_reopen_a_dropped_item(taxi: Approval, second: Step, ada: Person) -> None:
    OutstandingItem.objects.update(state=State.DROPPED)

    send(ada, taxi, "approve")

    assert state_of(taxi.outstanding_item) == State.DROPPED
    assert not Approval.objects.filter(step=second).exists()


def test_home_page_shows_the_oldest_20_requests_and_the_total(
    taxi: Approval, first: Step, ada: Person, eve: Person
) -> None:
    before = len(queries_of(signed_in(ada), "/home/"))
    for number in range(25):
        item = outstanding_item(
            eve, Kind.REIMBURSEMENT, State.SUBMITTED, description=f"Trip {number}"
        )
        waits(first, item)

    result = home_of(ada)

    assert "Taxi" in result
    assert "Trip 18" in result
    assert "Trip 19" not in result
    assert "These are the oldest 20 of 26." in result
    # The additional query counts the requests.
    assert len(queries_of(signed_in(ada), "/home/")) == before + 1


def test_administrators_see_the_decisions_of_each_step(
    taxi: Approval, second: Step, ada: Person
) -> None:
    send(ada, taxi, "approve")

    admin = signed_in(core.administrator())
    text = text_of(admin.get(f"/spend/outstanding-items/{taxi.outstanding_item_id}/change/"))

    assert "Travel, step 1: Approved by Ada Lovelace" in text
    assert "Travel, step 2: Waits for Grace Hopper" in text

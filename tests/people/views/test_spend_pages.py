"""The pages of cards, funds, workflows and outstanding items."""

from typing import Any

import pytest

from people.models import Approval, Card, Event, Fund, OutstandingItem, Person, Tenant, Workflow
from people.operations import people
from people.operations.spend import approvals, cards_and_funds
from tests.clients import spend
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(owner: Person) -> Person:
    return core.administrator()


def page(admin: Person, address: str, **query: Any) -> str:
    answer = signed_in(admin).get(f"/spend/{address}", query)
    assert answer.status_code == 200
    return text_of(answer)


def send(admin: Person, address: str, **data: Any) -> str:
    return text_of(signed_in(admin).post(f"/spend/{address}", data, follow=True))


def outstanding_item(person: Person, **fields: Any) -> OutstandingItem:
    usual = {
        "kind": OutstandingItem.Kind.REIMBURSEMENT,
        "state": OutstandingItem.State.SUBMITTED,
        "amount": 1250,
        "description": "Taxi",
    }
    return approvals.record_outstanding_item(
        OutstandingItem(person=person, **usual | fields), actor=person.actor
    )


def workflow(*approvers: Person, name: str = "Travel") -> Workflow:
    made = Workflow(name=name)
    choices = [approvals.StepChoice(None, approver) for approver in approvers]
    approvals.save_workflow(made, choices, actor=approvers[0].actor)
    return made


class TestCards:
    def test_are_issued_in_the_currency_of_the_holders_entity(self, admin: Person) -> None:
        yen = core.location("Tokyo", entity=core.entity("Ramp KK", "JPY"))
        ada = core.person(location=yen)

        send(admin, "cards/add/", holder=ada.pk, name="Travel", kind="virtual", limit="50000")

        card = Card.objects.get()
        assert (card.holder, card.currency, card.monthly_limit) == (ada, "JPY", 50000)
        assert "50,000 JPY" in page(admin, "cards/")
        event = Event.objects.get(kind=Event.Kind.SPEND_CHANGED)
        assert (event.person, event.actor) == (ada, str(admin.actor))
        assert event.changes == {}

    def test_limits_are_entered_in_currency_units(self, admin: Person, ada: Person) -> None:
        send(admin, "cards/add/", holder=ada.pk, name="Travel", kind="physical", limit="500.50")

        assert Card.objects.get().monthly_limit == 50050
        assert "500.50 EUR" in page(admin, "cards/")

    @pytest.mark.parametrize("limit", ["1.234", "-1", "much", "NaN", "1e400"])
    def test_refuse_invalid_amounts(self, admin: Person, ada: Person, limit: str) -> None:
        result = send(admin, "cards/add/", holder=ada.pk, name="x", kind="virtual", limit=limit)

        assert not Card.objects.exists()
        assert "error" in result

    def test_are_not_issued_to_inactive_people(self, admin: Person) -> None:
        gone = core.person(state=Person.State.INACTIVE)

        result = send(admin, "cards/add/", holder=gone.pk, name="x", kind="virtual", limit="1")

        assert "is not active and cannot get cards or funds" in result
        assert not Card.objects.exists()

    def test_are_not_issued_to_people_of_another_company(self, admin: Person) -> None:
        with core.in_another_tenant():
            foreign = core.person()

        send(admin, "cards/add/", holder=foreign.pk, name="x", kind="virtual", limit="1")

        assert not Card.objects.exists()

    def test_only_name_and_limit_can_be_changed(self, admin: Person, ada: Person) -> None:
        card = spend.card(ada)

        values = {"name": "Trips", "limit": "20", "holder": admin.pk, "kind": "physical"}
        send(admin, f"cards/{card.pk}/change/", **values)

        card.refresh_from_db()
        assert (card.name, card.monthly_limit, card.holder, card.kind) == (
            *("Trips", 2000, ada, "virtual"),
        )
        what = Event.objects.get(kind=Event.Kind.SPEND_CHANGED).facts["what"]
        assert what == (
            "changed the card “Travel” of Ada Lovelace: name “Trips”, monthly limit 20.00 EUR"
        )

    def test_end_after_confirmation(self, admin: Person, ada: Person) -> None:
        card = spend.card(ada)
        assert f"/spend/cards/{card.pk}/end/" in page(admin, f"cards/{card.pk}/change/")

        assert "permanently closed" in page(admin, f"cards/{card.pk}/end/")
        result = send(admin, f"cards/{card.pk}/end/")

        card.refresh_from_db()
        assert card.ended_at
        assert "Ended on" in result
        assert "Travel" not in page(admin, "cards/")
        assert "Travel" in page(admin, "cards/", status="ended")

    def test_cannot_be_changed_after_the_end(self, admin: Person, ada: Person) -> None:
        card = spend.card(ada)
        cards_and_funds.close_instrument(card, actor=admin.actor)

        signed_in(admin).post(f"/spend/cards/{card.pk}/change/", {"name": "New", "limit": "1"})

        card.refresh_from_db()
        assert card.name == "Travel"

    def test_search_by_holder_and_number(self, admin: Person, ada: Person) -> None:
        spend.card(ada, name="Hers", last_four="1815")
        spend.card(core.person(given_name="Bob", family_name="Babbage"), name="His")

        assert "Hers" in page(admin, "cards/", q="1815")
        assert "Hers" not in page(admin, "cards/", q="babbage")
        assert "His" not in page(admin, "cards/", holder__id__exact=ada.pk)


class TestFunds:
    def test_are_opened_and_topped_up(self, admin: Person, ada: Person) -> None:
        send(admin, "funds/add/", owner=ada.pk, name="Lunch", opening_balance="10", largest="5")
        fund = Fund.objects.get()
        assert (fund.balance, fund.payment_limit, fund.is_shared) == (1000, 500, False)

        send(admin, f"funds/{fund.pk}/change/", name="Lunch", more="2.50", largest="")

        fund.refresh_from_db()
        assert (fund.balance, fund.payment_limit) == (1250, None)
        assert "12.50 EUR" in page(admin, "funds/")

    def test_top_up_is_added_to_the_current_balance(self, admin: Person, ada: Person) -> None:
        fund = spend.fund(ada, balance=1000)
        stale = Fund.objects.get()
        Fund.objects.update(balance=400)

        cards_and_funds.change_fund(stale, more=100, actor=admin.actor)

        fund.refresh_from_db()
        assert fund.balance == 500

    def test_page_shows_the_remaining_balance_before_the_end(
        self, admin: Person, ada: Person
    ) -> None:
        fund = spend.fund(ada)

        assert "1,000.00 EUR left" in page(admin, f"funds/{fund.pk}/end/")
        send(admin, f"funds/{fund.pk}/end/")

        fund.refresh_from_db()
        assert fund.ended_at


class TestWorkflows:
    def test_have_steps_in_the_given_order(self, admin: Person, ada: Person) -> None:
        send(admin, "workflows/add/", name="Travel", new_1=ada.pk, new_3=admin.pk)

        made = Workflow.objects.get()
        assert [step.approver for step in made.steps.order_by("place")] == [ada, admin]
        event = Event.objects.get(kind=Event.Kind.WORKFLOW_CHANGED)
        assert event.facts["what"] == "added the workflow “Travel”"

    def test_approvers_can_be_changed_and_removed(self, admin: Person, ada: Person) -> None:
        made = workflow(ada, ada, ada)
        first, second, third = made.steps.order_by("place")

        send(
            admin,
            f"workflows/{made.pk}/change/",
            **{"name": "Trips", f"step_{first.pk}": "", f"step_{second.pk}": ""},
            **{f"step_{third.pk}": admin.pk},
        )

        made.refresh_from_db()
        assert made.name == "Trips"
        assert [(step.place, step.approver) for step in made.steps.all()] == [(1, admin)]

    def test_step_with_pending_approvals_cannot_be_removed(
        self, admin: Person, ada: Person
    ) -> None:
        made = workflow(ada)
        approvals.request_approval(outstanding_item(ada), made)

        step = made.steps.get()
        result = send(
            admin, f"workflows/{made.pk}/change/", name="Travel", **{f"step_{step.pk}": ""}
        )

        assert "This step has approvals." in result
        assert made.steps.exists()
        assert "Pending approvals" in page(admin, "workflows/")

    def test_refuse_an_inactive_approver(self, admin: Person) -> None:
        gone = core.person(state=Person.State.INACTIVE)

        result = send(admin, "workflows/add/", name="Travel", new_1=gone.pk)

        assert "is not active and cannot approve anything" in result
        assert not Workflow.objects.exists()

    def test_can_be_saved_with_an_existing_inactive_approver(
        self, admin: Person, ada: Person
    ) -> None:
        made = workflow(ada)
        people.deactivate_person(ada, actor=admin.actor)

        step = made.steps.get()
        send(admin, f"workflows/{made.pk}/change/", name="New", **{f"step_{step.pk}": ada.pk})

        made.refresh_from_db()
        assert made.name == "New"

    def test_have_unique_names(self, admin: Person, ada: Person) -> None:
        workflow(ada)

        assert "“travel” already exists." in send(admin, "workflows/add/", name="travel")


class TestOutstandingItems:
    def test_can_be_added_and_settled(self, admin: Person, ada: Person) -> None:
        values = {"kind": "bill", "state": "open", "description": "Paper", "sum": "9.99"}
        send(admin, "outstanding-items/add/", person=ada.pk, **values)
        bill = OutstandingItem.objects.get()
        assert (bill.amount, bill.currency) == (999, "EUR")
        assert "Paper" in page(admin, "outstanding-items/")

        send(admin, f"outstanding-items/{bill.pk}/change/", state="paid")

        assert "Paper" not in page(admin, "outstanding-items/")
        assert "Paper" in page(admin, "outstanding-items/", status="paid")

    def test_have_an_approver_whose_page_counts_them(self, admin: Person, ada: Person) -> None:
        approver = core.person()
        travel = workflow(approver)
        taxi = {"kind": "reimbursement", "state": "submitted", "description": "Taxi", "sum": "9"}

        send(admin, "outstanding-items/add/", person=ada.pk, workflow=travel.pk, **taxi)

        waiting = Approval.objects.get()
        assert (waiting.step.approver, waiting.outstanding_item.description) == (approver, "Taxi")
        assert "1 pending approval" in text_of(signed_in(admin).get(f"/people/{approver.pk}/"))

    def test_refuse_states_of_another_kind(self, admin: Person, ada: Person) -> None:
        values = {"kind": "bill", "state": "pending", "description": "Paper", "sum": "9.99"}

        answer = send(admin, "outstanding-items/add/", person=ada.pk, **values)

        assert "A bill cannot be “Pending”. Choose “Open” or “Paid”." in answer
        assert not OutstandingItem.objects.exists()


@pytest.mark.parametrize("address", ["cards", "funds", "workflows", "outstanding-items"])
class TestEachList:
    def test_takes_the_same_queries_for_many_rows(self, admin: Person, address: str) -> None:
        client = signed_in(admin)
        counts = []
        for _ in range(2):
            for _ in range(8):
                person = core.person()
                spend.card(person)
                spend.fund(person)
                approvals.request_approval(
                    outstanding_item(person), workflow(person, name=f"W{core.number()}")
                )
            counts.append(len(queries_of(client, f"/spend/{address}/")))

        assert counts[0] == counts[1]

    def test_shows_no_rows_of_another_company(self, admin: Person, address: str) -> None:
        with core.in_another_tenant():
            person = core.person()
            spend.card(person, name="Foreign")
            spend.fund(person, name="Foreign")
            outstanding_item(person, description="Foreign")
            workflow(person, name="Foreign")

        assert "Foreign" not in page(admin, f"{address}/")

    def test_is_refused_for_operators_and_employees(
        self, admin: Person, ada: Person, address: str
    ) -> None:
        operator = core.administrator(is_operator=True)

        assert signed_in(operator).get(f"/spend/{address}/").status_code == 403
        assert signed_in(ada).get(f"/spend/{address}/").status_code in (302, 403)
        assert signed_in(operator).get("/spend/").status_code == 403

    def test_links_to_the_add_page_when_empty(self, admin: Person, address: str) -> None:
        result = page(admin, f"{address}/")

        assert f"/spend/{address}/add/" in result
        assert ("No " in result) or ("No outstanding items" in result)


def test_spend_redirects_to_cards(admin: Person) -> None:
    answer = signed_in(admin).get("/spend/", follow=True)

    assert answer.redirect_chain == [("/spend/cards/", 302)]
    assert "Reimbursements, bills and transactions 0" in text_of(answer)


def test_card_of_another_company_is_not_found(admin: Person, tenant: Tenant) -> None:
    with core.in_another_tenant():
        card = spend.card(core.person())

    client = signed_in(admin)
    assert client.get(f"/spend/cards/{card.pk}/change/").status_code == 404
    assert client.post(f"/spend/cards/{card.pk}/end/").status_code == 404


class TestPersonPage:
    def test_shows_cards_funds_and_pending_approvals(self, admin: Person, ada: Person) -> None:
        spend.card(ada)
        spend.fund(ada)
        approvals.request_approval(outstanding_item(admin), workflow(ada))

        text = text_of(signed_in(admin).get(f"/people/{ada.pk}/"))

        assert "Virtual card •••• 4242, 1,000.00 EUR a month" in text
        assert "Fund, 1,000.00 EUR left" in text
        assert "1 pending approval" in text

    def test_says_that_cards_of_an_inactive_person_cannot_be_used(self, admin: Person) -> None:
        gone = core.person(state=Person.State.INACTIVE)
        spend.card(gone)

        text = text_of(signed_in(admin).get(f"/people/{gone.pk}/"))

        assert "These cannot be used for payments while Ada is not active." in text

    def test_has_no_empty_sections(self, admin: Person, ada: Person) -> None:
        cards_and_funds.close_instrument(spend.card(ada), actor=admin.actor)

        text = text_of(signed_in(admin).get(f"/people/{ada.pk}/"))

        assert "<h2>Cards and funds" not in text
        assert "<h2>Workflows<" not in text

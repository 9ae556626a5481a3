"""The page where an administrator terminates a person."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from people.models import Card, Event, Fund, Person, ScheduledTermination, Step, Tenant
from people.operations import people
from people.operations.offboarding import handover_plan
from people.operations.offboarding.terminate import terminate_person
from people.values import Actor
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core
from tests.support import offboarding
from tests.support.offboarding import Leaver

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")


@pytest.fixture
def alan(owner: Person) -> Client:
    return signed_in(core.administrator())


class Form:
    """The form of the page with its current values, as a browser would send it."""

    def __init__(self, client: Client, person: Person, query: str = "", page: str = "") -> None:
        self.client, self.address = client, f"/people/{person.pk}/{page or 'terminate'}/"
        self.said: dict[str, str] = {}
        self.shown = self._read(client.get(self.address + query, follow=True))

    def answer(self, **more: Any) -> str:
        """Send the form with these values; return the text of the next page."""
        values = {name: str(getattr(value, "pk", value)) for name, value in more.items()}
        response = self.client.post(self.address, self.said | values, follow=True)
        self.shown = self._read(response)
        self.steps = [address for address, _ in response.redirect_chain]
        return self.shown

    def terminate(self, name: str = "Ada Lovelace") -> str:
        self.answer()
        return self.answer(name=name)

    def _read(self, response: Any) -> str:
        assert response.status_code == 200
        html = response.content.decode()
        self.said = {}
        for tag in re.findall(r"<input[^>]*>", html):
            name, value = _attribute(tag, "name"), _attribute(tag, "value")
            if name and 'type="submit"' not in tag:
                self.said[name] = value
        for name, body in re.findall(
            r'<select[^>]*?name="([^"]+)".*?>(.*?)</select>', html, re.DOTALL
        ):
            chosen = re.findall(r'<option value="([^"]*)"[^>]*selected', body)
            first = re.findall(r'<option value="([^"]*)"', body)
            self.said[name] = (chosen or first or [""])[0]
        return unescape(text_of(response))


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return unescape(found[1]) if found else ""


class TestForm:
    def test_lists_all_items_of_the_person(self, alan: Client, leaver: Leaver) -> None:
        shown = Form(alan, leaver.person).shown

        for words in (
            "Plastic …4242",
            "Ends. A physical card cannot be handed over.",
            "Virtual, up to 500.00 EUR a month",
            "Shared, 123.45 EUR left",
            "Bills, step 2",
            "1 pending approval",
            "2 people who report to them",
            "Bob Lovelace, Eve Lovelace",
            "Waiting for approval Reimbursement, 42.00 EUR: dropped",
        ):
            assert words in shown

    def test_suggests_the_default_handover(self, alan: Client, leaver: Leaver) -> None:
        result = Form(alan, leaver.person).said

        assert result[f"card-{leaver.virtual.pk}"] == "end"
        assert f"card-{leaver.physical.pk}" not in result
        assert {result[f"fund-{fund.pk}"] for fund in leaver.funds} == {"manager"}
        assert {result[f"step-{step.pk}"] for step in leaver.steps} == {"manager"}
        assert result["reports"] == "manager"

    @pytest.mark.parametrize("choice", ["manager", "end"])
    def test_one_choice_can_apply_to_all_items(
        self, alan: Client, leaver: Leaver, choice: str
    ) -> None:
        result = Form(alan, leaver.person, f"?all={choice}").said

        assert result[f"card-{leaver.virtual.pk}"] == choice
        assert {result[f"fund-{fund.pk}"] for fund in leaver.funds} == {choice}
        assert {result[f"step-{step.pk}"] for step in leaver.steps} == {"manager"}

    def test_suggests_the_planned_handover(
        self, alan: Client, leaver: Leaver, owner: Person
    ) -> None:
        ScheduledTermination.objects.create(
            tenant_id=owner.tenant_id,
            person=leaver.person,
            due_at=leaver.person.created_at,
            handover_plan=offboarding.to(owner, leaver.person).as_json(),
        )

        result = Form(alan, leaver.person).said

        assert result[f"card-{leaver.virtual.pk}"] == "somebody"
        assert result[f"card-{leaver.virtual.pk}-successor"] == str(owner.pk)

    def test_does_not_offer_an_inactive_manager(self, alan: Client, leaver: Leaver) -> None:
        people.deactivate_person(leaver.heir, actor=OKTA)

        form = Form(alan, leaver.person)

        assert "Grace Hopper, the manager" not in form.shown
        assert form.said[f"fund-{leaver.funds[0].pk}"] == "end"

    def test_does_not_offer_a_manager_with_another_currency(
        self, alan: Client, leaver: Leaver
    ) -> None:
        leaver.heir.location = core.location("London", entity=core.entity("Ltd", "GBP"))
        leaver.heir.save()

        result = Form(alan, leaver.person, "?all=manager").said

        assert result[f"card-{leaver.virtual.pk}"] == "end"
        assert result[f"step-{leaver.steps[0].pk}"] == "manager"

    def test_suggests_the_owner_for_shared_funds_and_reports_without_manager(
        self, alan: Client, leaver: Leaver, owner: Person
    ) -> None:
        people.deactivate_person(leaver.heir, actor=OKTA)
        shared = leaver.funds[1]

        result = Form(alan, leaver.person).said

        for key in (f"fund-{shared.pk}", "reports"):
            assert result[key] == "somebody"
            assert result[f"{key}-successor"] == str(owner.pk)

    @pytest.mark.parametrize("query", ["", "?all=manager"])
    def test_requires_a_choice_for_a_shared_fund_without_possible_successor(
        self, alan: Client, leaver: Leaver, query: str
    ) -> None:
        shared = leaver.funds[1]
        Fund.objects.filter(pk=shared.pk).update(currency="GBP")
        form = Form(alan, leaver.person, query)

        assert form.said[f"fund-{shared.pk}"] == ""
        assert "Choose what happens to it." in form.answer()

        form.answer(**{f"fund-{shared.pk}": "end"})
        form.answer(name="Ada Lovelace")
        assert Person.objects.get(pk=leaver.person.pk).state == Person.State.TERMINATED

    def test_choice_to_end_all_items_includes_shared_funds(
        self, alan: Client, leaver: Leaver
    ) -> None:
        result = Form(alan, leaver.person, "?all=end").said

        assert result[f"fund-{leaver.funds[1].pk}"] == "end"

    def test_person_without_items_needs_only_confirmation(self, alan: Client, ada: Person) -> None:
        form = Form(alan, ada)

        assert "Ada Lovelace holds nothing" in form.shown
        form.answer(name="Ada Lovelace")
        assert Person.objects.get(pk=ada.pk).state == Person.State.TERMINATED

    def test_says_that_the_person_was_already_terminated(self, alan: Client, ada: Person) -> None:
        terminate_person(ada, handover_plan.HandoverPlan(), actor=OKTA)

        shown = Form(alan, ada).shown

        assert "Ada Lovelace was already terminated." in shown

    def test_takes_the_same_queries_for_many_items(self, alan: Client, leaver: Leaver) -> None:
        address = f"/people/{leaver.person.pk}/terminate/"
        few = len(queries_of(alan, address))
        for _ in range(20):
            offboarding.card(leaver.person)
            offboarding.fund(leaver.person)
            offboarding.step(leaver.person)
            core.person(manager=leaver.person)

        assert len(queries_of(alan, address)) == few


class TestConfirmation:
    def test_shows_the_effects_before_the_termination(self, alan: Client, leaver: Leaver) -> None:
        shown = Form(alan, leaver.person).answer()

        for words in (
            "Permanently terminate Ada Lovelace?",
            "<h2>Permanently closed</h2>",
            "The card Plastic …4242",
            "<h2>Handed over to Grace Hopper</h2>",
            "The fund Team",
            "2 people who report to them",
            "<h2>Dropped</h2>",
            "This cannot be undone.",
            "Type “Ada Lovelace” to confirm",
        ):
            assert words in shown
        assert Person.objects.get(pk=leaver.person.pk).is_active

    def test_back_button_keeps_the_values(
        self, alan: Client, leaver: Leaver, owner: Person
    ) -> None:
        form, key = Form(alan, leaver.person), f"card-{leaver.virtual.pk}"
        form.answer(**{key: "somebody", f"{key}-successor": owner})

        form.answer(back="yes")

        assert form.said[key] == "somebody"
        assert form.said[f"{key}-successor"] == str(owner.pk)

    @pytest.mark.parametrize("name", ["", "Ada", "Grace Hopper", "yes"])
    def test_requires_the_name_of_the_person(self, alan: Client, leaver: Leaver, name: str) -> None:
        form = Form(alan, leaver.person)

        form.terminate(name)

        assert Person.objects.get(pk=leaver.person.pk).is_active
        # The values of the first step are kept.
        form.answer(name="Ada Lovelace")
        assert not Person.objects.get(pk=leaver.person.pk).is_active

    @pytest.mark.parametrize("name", ["Ada Lovelace", "  ada   LOVELACE "])
    def test_terminates_the_person(self, alan: Client, leaver: Leaver, name: str) -> None:
        form = Form(alan, leaver.person)

        shown = form.terminate(name)

        assert form.steps == [f"/people/{leaver.person.pk}/"]
        assert "Ada Lovelace was terminated." in shown
        assert leaver.heir.funds.live().count() == 2
        assert leaver.heir.steps.count() == 3
        assert not Card.objects.live().exists()

    def test_written_address_chooses_the_successor(
        self, alan: Client, leaver: Leaver, owner: Person
    ) -> None:
        form, step = Form(alan, leaver.person), leaver.steps[0]
        values = {
            f"step-{step.pk}": "somebody",
            f"step-{step.pk}-successor-written": " OLGA@example.com ",
        }
        owner.email = owner.email_key = "olga@example.com"
        owner.save()

        form.answer(**values)
        form.answer(name="Ada Lovelace")

        assert Step.objects.get(pk=step.pk).approver == owner


class TestRefusals:
    @pytest.mark.parametrize(
        ("address", "why"),
        [
            ("", "Choose a person."),
            ("nobody@example.com", "There is nobody “nobody@example.com” in Ramp."),
            ("gone@example.com", "There is nobody “gone@example.com” in Ramp."),
            ("inactive@example.com", "Ada Lovelace is inactive"),
            ("ada@example.com", "they are the person being terminated"),
            ("pound@example.com", "it is in EUR"),
        ],
    )
    def test_invalid_successor(self, alan: Client, leaver: Leaver, address: str, why: str) -> None:
        core.person(email="gone@example.com", state=Person.State.TERMINATED)
        core.person(email="inactive@example.com", state=Person.State.INACTIVE)
        london = core.location("London", entity=core.entity("Ltd", "GBP"))
        core.person(email="pound@example.com", location=london)
        key = f"fund-{leaver.funds[0].pk}"

        shown = Form(alan, leaver.person).answer(
            **{key: "somebody", f"{key}-successor-written": address, f"{key}-successor": ""}
        )

        assert why in shown
        assert "Terminate Ada Lovelace?" in shown

    @pytest.mark.parametrize("whom", ["x", "'; --", "00000000-0000-0000-0000-000000000000"])
    def test_invalid_successor_key(self, alan: Client, leaver: Leaver, whom: str) -> None:
        key = f"fund-{leaver.funds[0].pk}"

        shown = Form(alan, leaver.person).answer(**{key: "somebody", f"{key}-successor": whom})

        assert "Terminate Ada Lovelace?" in shown

    def test_ending_an_approval_step(self, alan: Client, leaver: Leaver) -> None:
        shown = Form(alan, leaver.person).answer(**{f"step-{leaver.steps[0].pk}": "end"})

        assert "Select a valid choice" in shown

    @pytest.mark.parametrize("kind", ["card", "fund", "step", "outstanding_item"])
    @pytest.mark.parametrize("step", [1, 2])
    def test_items_were_added_since_the_page_was_opened(
        self, alan: Client, leaver: Leaver, kind: str, step: int
    ) -> None:
        form = Form(alan, leaver.person)
        if step == 2:
            form.answer()
        more: dict[str, Any] = {
            "card": offboarding.card,
            "fund": offboarding.fund,
            "step": offboarding.step,
        }
        if kind == "outstanding_item":
            offboarding.outstanding_item(
                leaver.person, offboarding.Kind.REIMBURSEMENT, offboarding.State.SUBMITTED
            )
        else:
            more[kind](leaver.person)

        shown = form.answer(name="Ada Lovelace")

        assert "have changed since you opened this page. Nothing was changed." in shown
        assert shown.count("New since you opened this page") == 1
        assert Person.objects.get(pk=leaver.person.pk).is_active
        form.terminate()
        assert not Person.objects.get(pk=leaver.person.pk).is_active

    def test_items_were_removed_since_the_page_was_opened(
        self, alan: Client, leaver: Leaver
    ) -> None:
        form = Form(alan, leaver.person)
        form.answer()
        Fund.objects.filter(pk=leaver.funds[0].pk).update(owner=leaver.heir)

        assert "have changed since you opened" in form.answer(name="Ada Lovelace")

    def test_last_owner(self, owner: Person) -> None:
        shown = Form(signed_in(owner), owner).shown

        assert "Olga Owner is the last active Owner." in shown
        assert "to confirm" not in shown

    def test_person_of_another_company(self, alan: Client) -> None:
        with core.in_another_tenant():
            stranger = core.person()

        assert alan.get(f"/people/{stranger.pk}/terminate/").status_code == 404
        assert alan.post(f"/people/{stranger.pk}/terminate/").status_code == 404

    def test_employee_as_actor(self, ada: Person, grace: Person) -> None:
        client = signed_in(grace)

        assert client.post(f"/people/{ada.pk}/terminate/", {"confirmed": "yes"}).status_code == 302
        assert Person.objects.get(pk=ada.pk).is_active


class TestPlan:
    @pytest.fixture
    def scheduled_termination(self, leaver: Leaver) -> ScheduledTermination:
        people.deactivate_person(leaver.person, actor=OKTA)
        Tenant.objects.update(auto_terminate_days=45)
        return ScheduledTermination.objects.create(
            tenant_id=leaver.person.tenant_id,
            person=leaver.person,
            due_at=leaver.person.created_at,
        )

    def test_stores_the_handover_without_terminating(
        self,
        alan: Client,
        leaver: Leaver,
        scheduled_termination: ScheduledTermination,
        owner: Person,
    ) -> None:
        form, key = (
            Form(alan, leaver.person, page="scheduled-termination/plan"),
            f"card-{leaver.virtual.pk}",
        )

        form.answer(**{key: "somebody", f"{key}-successor": owner})

        scheduled_termination.refresh_from_db()
        assert scheduled_termination.handover_plan
        assert scheduled_termination.handover_plan["cards"][str(leaver.virtual.pk)] == str(owner.pk)
        assert form.steps == ["/people/departures/"]
        assert not Event.objects.filter(kind=Event.Kind.PERSON_TERMINATED).exists()

    def test_is_linked_on_the_page_of_the_scheduled_termination(
        self, alan: Client, leaver: Leaver, scheduled_termination: ScheduledTermination
    ) -> None:
        page = text_of(alan.get(f"/people/{leaver.person.pk}/scheduled-termination/"))

        assert f"/people/{leaver.person.pk}/scheduled-termination/plan/" in page

    def test_refuses_an_invalid_successor(
        self, alan: Client, leaver: Leaver, scheduled_termination: ScheduledTermination
    ) -> None:
        key = f"card-{leaver.virtual.pk}"

        shown = Form(alan, leaver.person, page="scheduled-termination/plan").answer(
            **{key: "somebody", f"{key}-successor-written": leaver.person.email}
        )

        assert "they are the person being terminated" in shown
        scheduled_termination.refresh_from_db()
        assert scheduled_termination.handover_plan is None

    def test_is_refused_for_people_who_are_not_scheduled(self, alan: Client, ada: Person) -> None:
        shown = Form(alan, ada, page="scheduled-termination/plan").shown

        assert "is no longer scheduled for termination." in shown


def test_person_page_lists_moved_ended_and_dropped_items_afterwards(
    alan: Client, leaver: Leaver
) -> None:
    [bob, eve] = leaver.reports
    form = Form(alan, leaver.person)
    # Bob becomes the manager of Eve, and gets the manager of Ada.
    form.answer(reports="somebody", **{"reports-successor": bob})
    form.answer(name="Ada Lovelace")

    page = text_of(alan.get(f"/people/{leaver.person.pk}/"))

    for words in (
        "Cards Plastic …4242, Travel …4242",
        "Funds Team, Offsite",
        "Approval steps Bills, step 2, Invoices, step 1, Travel, step 1",
        "Report Eve Lovelace",
        "Report Bob Lovelace",
        "Unapproved reimbursements dropped",
        "Waiting for approval Reimbursement",
    ):
        assert words in page
    assert eve.full_name in page


def test_person_page_lists_reports_without_a_manager_afterwards(
    alan: Client, leaver: Leaver
) -> None:
    form = Form(alan, leaver.person)
    form.answer(reports="end")
    form.answer(name="Ada Lovelace")

    page = text_of(alan.get(f"/people/{leaver.person.pk}/"))

    assert "Without a manager now" in page
    assert "Bob Lovelace" in page

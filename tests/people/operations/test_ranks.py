"""Ranks: which actor may change which person, and grant which role.

A new operation with an actor belongs in CHANGES, if it changes a person, or in OTHERS.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from importlib import import_module
from inspect import getmembers, isfunction, signature
from itertools import product
from pkgutil import walk_packages
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from people import operations
from people.models import BulkChange, Person, PersonSession, Role, Tenant
from people.operations import (
    account_settings,
    api_tokens,
    delegations,
    email_changes,
    guests,
    identities,
    organization,
    passkeys,
    passwords,
    people,
    people_update,
    ranks,
    rehires,
    second_factors,
    sessions,
)
from people.operations.bulk import edit as bulk_edit
from people.operations.bulk import undo as bulk_undo
from people.operations.bulk.apply import Bulk
from people.operations.invites import lifecycle
from people.operations.offboarding import schedule as offboarding_schedule
from people.operations.offboarding.handover_plan import HandoverPlan
from people.operations.offboarding.terminate import terminate_person
from people.operations.ranks import RankRefused
from people.operations.roles import base_roles, group_mappings
from people.operations.roles.group_mappings import Author
from people.operations.roles.withheld_roles import ASKED, key_of
from people.values import Actor, Profile
from tests.factories import core
from tests.support import rank_cases
from tests.support.offboarding_job import gone, switch
from tests.support.rank_cases import (
    ELEVATED,
    acting,
    may_change,
    may_grant,
    somebody,
    stored,
    taken_back,
)

pytestmark = pytest.mark.django_db

TESTS = Actor("command", "tests")
INVITED = {"state": Person.State.INVITED}
ChangePerson = Callable[[Person, Actor], Any]


@dataclass(frozen=True)
class Change:
    """An operation on a person, the fields of that person, and the preparation it needs."""

    change: ChangePerson
    fields: dict[str, Any] | None = None
    before: Callable[[Person], Any] | None = None


def delegate(person: Person, actor: Actor) -> Any:
    end = timezone.now() + timedelta(days=1)
    return delegations.delegate_approvals(
        person, core.person(), starts_at=timezone.now(), ends_at=end, actor=actor
    )


def revise(person: Person, actor: Actor) -> Any:
    return people_update.revise_person(person, replace(person.profile, given_name="X"), actor=actor)


def ask_address(person: Person) -> None:
    profile = replace(person.profile, email="new@example.com")
    people_update.revise_person(person, profile, actor=TESTS)


def schedule(person: Person) -> None:
    switch(45)
    people.deactivate_person(person, actor=Actor("scim", "okta"))


def exempt(person: Person) -> None:
    schedule(person)
    offboarding_schedule.exempt(person, because="Test", actor=TESTS)


def terminate(person: Person, actor: Actor) -> Any:
    return terminate_person(person, HandoverPlan(), actor=actor)


def withdraw(person: Person, actor: Actor) -> None:
    base_roles.withdraw_grant(person.grants.latest("pk"), actor=actor)


def give_plain_role_back(person: Person, actor: Actor) -> None:
    role = rank_cases.role(is_elevated=False)
    Person.objects.filter(pk=person.pk).update(withheld_roles={key_of(role): ASKED})
    rehires.give_role_back(person, key_of(role), actor=actor)


def give_plain_role(person: Person) -> None:
    rank_cases.give(person, rank_cases.role(is_elevated=False))


def lock_invite(person: Person) -> None:
    lifecycle.issue_invite(person, actor=TESTS)
    person.invites.update(hold_reason="Waits.")


def end_session(person: Person, actor: Actor) -> None:
    sessions.note_session(person, "a key", user_agent="", ip=None, time_zone="")
    session = PersonSession.objects.get(person=person)
    sessions.end_session(session, device="Firefox", actor=actor)


def set_up_passkey(person: Person) -> None:
    rank_cases.set_up_second_factor(person)
    rank_cases.add_passkey(person)


def tomorrow() -> Any:
    return timezone.now() + timedelta(days=1)


def make_guest(person: Person) -> None:
    if person.role == Person.Role.CARDHOLDER:
        Person.objects.filter(pk=person.pk).update(role=Person.Role.GUEST)


def set_last_day(person: Person, actor: Actor) -> None:
    # Only guests have a last day, so an actor with sufficient rank gets NotGuest for others.
    with nullcontext() if person.role == Person.Role.GUEST else suppress(guests.NotGuest):
        guests.set_last_day(person, tomorrow(), actor=actor)


CHANGES: dict[str, Change] = {
    "api_tokens.create_api_token": Change(
        lambda person, actor: api_tokens.create_api_token(
            person, "Test", scopes=["people:read"], actor=actor
        )
    ),
    "offboarding.schedule.end_exemption": Change(
        lambda person, actor: offboarding_schedule.end_exemption(person, actor=actor), before=exempt
    ),
    "offboarding.schedule.exempt": Change(
        lambda person, actor: offboarding_schedule.exempt(person, because="Test", actor=actor),
        before=schedule,
    ),
    "offboarding.schedule.plan": Change(
        lambda person, actor: offboarding_schedule.plan(person, HandoverPlan(), actor=actor),
        before=schedule,
    ),
    "offboarding.schedule.postpone": Change(
        lambda person, actor: offboarding_schedule.postpone(
            person, timezone.now() + timedelta(days=90), because="Test", actor=actor
        ),
        before=schedule,
    ),
    "passwords.change_password": Change(
        lambda person, actor: passwords.change_password(person, "new password", actor=actor)
    ),
    "second_factors.set_up_second_factor": Change(
        lambda person, actor: second_factors.set_up_second_factor(
            person, secret="sealed", step=1, recovery_digests=[], may_replace=True, actor=actor
        )
    ),
    "second_factors.replace_recovery_codes": Change(
        lambda person, actor: second_factors.replace_recovery_codes(person, [], actor=actor),
        before=rank_cases.set_up_second_factor,
    ),
    "second_factors.remove_second_factor": Change(
        lambda person, actor: second_factors.remove_second_factor(person, actor=actor),
        before=rank_cases.set_up_second_factor,
    ),
    "passkeys.add_passkey": Change(rank_cases.add_passkey, before=rank_cases.set_up_second_factor),
    "passkeys.remove_passkey": Change(
        lambda person, actor: passkeys.remove_passkey(passkeys.passkeys_of(person)[0], actor=actor),
        before=set_up_passkey,
    ),
    "account_settings.change_account_settings": Change(
        lambda person, actor: account_settings.change_account_settings(
            person, {"phone": "+49 30 901820"}, actor=actor
        )
    ),
    "delegations.delegate_approvals": Change(delegate),
    "delegations.end_delegation": Change(
        lambda person, actor: delegations.end_delegation(person, actor=actor)
    ),
    "sessions.sign_out_everywhere": Change(
        lambda person, actor: sessions.sign_out_everywhere(person, actor=actor)
    ),
    "sessions.end_session": Change(end_session),
    "email_changes.propose_address": Change(
        lambda person, actor: email_changes.propose_address(person, "new@x.example", actor=actor)
    ),
    "email_changes.resend_confirmation": Change(
        lambda person, actor: email_changes.resend_confirmation(person, actor=actor),
        before=ask_address,
    ),
    "guests.set_last_day": Change(set_last_day, before=make_guest),
    "identities.record_sign_in_linked": Change(
        lambda person, actor: identities.record_sign_in_linked(
            person, subject="ada", provider="Okta", is_replaced=False, actor=actor
        )
    ),
    "invites.lifecycle.issue_invite": Change(
        lambda person, actor: lifecycle.issue_invite(person, actor=actor), INVITED
    ),
    "invites.lifecycle.release_invite": Change(
        lambda person, actor: lifecycle.release_invite(person, actor=actor), INVITED, lock_invite
    ),
    "invites.lifecycle.resend_invite": Change(
        lambda person, actor: lifecycle.resend_invite(person, actor=actor), INVITED
    ),
    "invites.lifecycle.revoke_invite": Change(
        lambda person, actor: lifecycle.revoke_invite(person, actor=actor),
        INVITED,
        lambda person: lifecycle.issue_invite(person, actor=TESTS),
    ),
    "sessions.sign_out": Change(
        lambda person, actor: sessions.sign_out(person, actor=actor, reason="Test")
    ),
    "passwords.mail_reset": Change(lambda person, actor: passwords.mail_reset(person, actor=actor)),
    "people.detach_person": Change(lambda person, actor: people.detach_person(person, actor=actor)),
    "people.deactivate_person": Change(
        lambda person, actor: people.deactivate_person(person, actor=actor)
    ),
    "people.reactivate_person": Change(
        lambda person, actor: people.reactivate_person(person, actor=actor),
        {"state": Person.State.INACTIVE},
    ),
    "people_update.assign_manager": Change(
        lambda person, actor: people_update.assign_manager(person, core.person(), actor=actor)
    ),
    "people_update.restore_managed_fields": Change(
        lambda person, actor: people_update.restore_managed_fields(
            person, replace(person.profile, family_name="X"), actor=actor
        )
    ),
    "people_update.revise_person": Change(revise),
    "rehires.decline_role": Change(
        lambda person, actor: rehires.decline_role(person, rank_cases.IT_ADMIN, actor=actor),
        {"withheld_roles": {rank_cases.IT_ADMIN: ASKED}},
    ),
    "rehires.give_role_back": Change(give_plain_role_back),
    "roles.base_roles.grant_role": Change(
        lambda person, actor: base_roles.grant_role(
            person, rank_cases.role(is_elevated=False), actor=actor
        )
    ),
    "roles.base_roles.withdraw_grant": Change(withdraw, before=give_plain_role),
    "offboarding.terminate.terminate_person": Change(terminate),
}

# Operations that grant a role, or define what grants it: TestGrantableRoles tests them by role.
GRANTING = {
    "bulk.edit.set_values",
    "people.add_person",
    "people_update.revise_person",
    "rehires.give_role_back",
    "roles.base_roles.grant_role",
    "organization.save_place",
    "organization.delete_place",
}

# Why the other operations with an actor need not check the rank over a person.
OTHERS: dict[str, str] = {
    "mail_outbox.notify_of_security": "Mails what another operation did, which asks.",
    "api_tokens.revoke_api_token": "Every administrator may stop a leaked token.",
    "invites.acceptance.accept_invite": "The person accepts for themselves.",
    "invites.lifecycle.accept_invites": "The person accepts for themselves.",
    "people.activate_person": "The person joins by signing in.",
    "email_changes.confirm_address": "Whoever reads the mailbox confirms.",
    "email_changes.approve_address": "For Owners only, see test_elevated_addresses.py.",
    "email_changes.send_address_mails": "A part of revise_person, which asks.",
    "identities.record_different_people": "Writes the history only.",
    "identities.record_same_person": "A part of scim.api.same_person.take_for_same, which asks.",
    "field_ownership.record_user_name": "Writes the history only.",
    "invites.lifecycle.create_invite": "A part of add_person, which asks for the role.",
    "invites.lifecycle.record_link_shown": "Writes the history only.",
    "invites.lifecycle.reissue_invite_to_new_address": "A part of revise_person, which asks.",
    "offboarding.schedule.schedule_termination": "A part of deactivate_person, which asks.",
    "person_fields.mark_managed": "Marks a row in memory; the caller asks.",
    "person_fields.mark_manager_managed": "Marks a row in memory; the caller asks.",
    "person_fields.set_role": "Sets the role in memory; the caller asks.",
    "former_addresses.release_address": "Only from people whom their provider deleted.",
    "rehires.start_over": "A part of reactivate_person, which asks.",
    "people_update.succeed_manager": "Follows from a termination.",
    "roles.base_roles.check_not_last_admin": "A check, which asks again under the lock.",
    "ranks.check_is_owner": "The check itself.",
    "ranks.check_handles_personal_data": "The check itself.",
    "ranks.check_rank_over": "The check itself.",
    "ranks.check_may_grant": "The check itself.",
    "roles.group_mappings.sync_roles": "Mappings follow the rank of their author.",
    "roles.group_mappings.apply_mappings": "Mappings follow the rank of their author.",
    "roles.group_mappings.detach_mapped_roles": "Nobody's roles change.",
    "offboarding.job.terminate_if_due": "A job, above all ranks.",
    "spend.decisions.approve": "Rank does not matter for approvals, see docs/ranks.md.",
    "spend.decisions.decline": "Rank does not matter for approvals, see docs/ranks.md.",
    "bulk.edit.draft_edit": "Changes nobody.",
    "bulk.edit.apply_edit": "Asks for each person, see test_bulk_edit.py.",
    "bulk.edit.set_fields": "A part of apply_edit; revise_person asks.",
    "bulk.list_undo.undo_addition": "A part of the undo, which asks for each person.",
    "bulk.list_undo.undo_revision": "A part of the undo, which asks for each person.",
    "bulk.undo.begin_undo": "The undo asks for each person.",
    "bulk.undo.confirm": "Changes nobody.",
    "bulk.undo.request_undo": "Tested below: asks for each person.",
    "offboarding.auto_termination.set_auto_termination": "A setting of the company.",
    "bulk.alerts.check_connection": "A job, which changes nobody.",
    "bulk.alerts.set_alert_thresholds": "A setting of the company.",
    "comparison.requests.request_apply": "Asks for each person, see test_applying_a_list.py.",
    "comparison.requests.upload": "Changes nobody.",
    "connection_events.record_connection_event": "Writes the history only.",
    "connection_events.record_dismissed_error": "Writes the history only.",
    "exports.record_export": "Writes the history only.",
    "erasure.erase.check_can_erase": "A check, for Owners only.",
    "erasure.erase.erase_person": "For Owners only, see test_personal_data_pages.py.",
    "erasure.export.export_person": "For Owners only, see test_personal_data_pages.py.",
    "custom_fields.add_custom_field": "A setting of the company.",
    "custom_fields.delete_custom_field": "A setting of the company.",
    "sandboxes.open_sandbox": "Nobody signs in there.",
    "operators.make_operator": "Operators, on the command line.",
    "operators.remove_operator": "Operators, on the command line.",
    "restores.hold": "Operators, on the command line.",
    "tenants.create_tenant": "Operators.",
    "tenants.show_setup_checklist": "A setting of the company.",
    "tenants.set_invite_life": "A setting of the company.",
    "tenants.change_tenant": "A setting of the company.",
    "tenants.close_tenant": "Operators.",
    "spend.cards_and_funds.issue_card": "Spending is exempt.",
    "spend.cards_and_funds.open_fund": "Spending is exempt.",
    "spend.cards_and_funds.change_card": "Spending is exempt.",
    "spend.cards_and_funds.change_fund": "Spending is exempt.",
    "spend.cards_and_funds.close_instrument": "Spending is exempt.",
    "spend.approvals.save_workflow": "Spending is exempt.",
    "spend.approvals.record_outstanding_item": "Spending is exempt.",
    "spend.approvals.settle_outstanding_item": "Spending is exempt.",
    "webhooks.endpoints.add_endpoint": "A setting of the company.",
    "webhooks.endpoints.update_endpoint": "A setting of the company.",
    "webhooks.endpoints.rotate_secret": "A setting of the company.",
    "webhooks.endpoints.retire_older_secret": "A setting of the company.",
    "webhooks.endpoints.pause_endpoint": "A setting of the company.",
    "webhooks.endpoints.resume_endpoint": "A setting of the company.",
    "webhooks.endpoints.delete_endpoint": "A setting of the company.",
    "signals.keys.rotate_key": "A setting of the company.",
    "signals.streams.add_stream": "A setting of the company.",
    "signals.streams.update_stream": "A setting of the company.",
    "signals.streams.set_status": "A setting of the company.",
    "signals.streams.delete_stream": "A setting of the company.",
}


@pytest.fixture(autouse=True)
def another_owner(tenant: Tenant) -> Person:
    """Another Owner, so that no person in these tests is the last one."""
    return core.owner()


def operations_with_actor() -> Iterator[str]:
    """Yield every public operation that has the parameter actor."""
    prefix = f"{operations.__name__}."
    for module in walk_packages(operations.__path__, prefix):
        loaded = import_module(module.name)
        for name, function in getmembers(loaded, isfunction):
            is_own = function.__module__ == loaded.__name__ and not name.startswith("_")
            if is_own and "actor" in signature(function).parameters:
                yield f"{module.name.removeprefix(prefix)}.{name}"


@pytest.mark.parametrize("name", sorted(operations_with_actor()))
def test_every_operation_with_an_actor_is_listed(name: str) -> None:
    assert name in {*CHANGES, *GRANTING, *OTHERS}, (
        f"people.operations.{name} takes an actor. If it changes a person, have it call "
        "ranks.check_rank_over and add it to CHANGES here (to GRANTING "
        "if it gives a role); otherwise add it to OTHERS there with the reason."
    )


def test_every_listed_operation_exists() -> None:
    assert {*CHANGES, *GRANTING, *OTHERS} <= set(operations_with_actor())


def breaches(
    targets: Callable[[str], Person], change: ChangePerson, actors: dict[str, Actor]
) -> Iterator[str]:
    """Let each actor try the change on each target; yield results that contradict the ranks."""
    for target in rank_cases.RANKS:
        with taken_back():
            person = targets(target)
            before = stored(person)
            for kind, actor in actors.items():
                with taken_back():
                    refusal = refusal_of(change, person, actor)
                    if (refusal is None) != may_change(kind, target):
                        yield f"{kind} on {target}: {refusal or 'allowed'}"
                    elif refusal and person.full_name not in refusal:
                        yield f"{kind} on {target}: the refusal does not name them: {refusal}"
                    elif refusal and stored(person) != before:
                        yield f"{kind} on {target}: refused, yet something was changed"


def refusal_of(change: ChangePerson, person: Person, actor: Actor) -> str | None:
    """Return the message if the change was refused for its rank."""
    try:
        with transaction.atomic():
            change(Person.objects.get(pk=person.pk), actor)
    except RankRefused as refused:
        return str(refused)
    return None


@pytest.fixture
def actors(another_owner: Person) -> dict[str, Actor]:
    return {kind: acting(kind) for kind in rank_cases.ACTORS}


@pytest.mark.parametrize("name", CHANGES)
def test_operation_respects_ranks(name: str, actors: dict[str, Actor]) -> None:
    """Tries all pairs of ranks."""
    change = CHANGES[name]

    def target(kind: str) -> Person:
        person = somebody(kind, **change.fields or {})
        if change.before:
            change.before(person)
        return person

    assert list(breaches(target, change.change, actors)) == []


class TestGrantableRoles:
    """Tries all pairs of a rank and a role."""

    def breaches(
        self, actors: dict[str, Actor], give: Callable[[Actor, Person.Role], Any]
    ) -> list[str]:
        found = []
        for kind, given in product(actors, rank_cases.GRANTED):
            with taken_back():
                before = Person.objects.filter(role=given).count()
                refusal = self.refusal_of(partial(give, actors[kind], Person.Role(given)))
                is_more = Person.objects.filter(role=given).count() > before
                if (refusal is None) != may_grant(kind, given) or (refusal and is_more):
                    found.append(f"{kind} gives {given}: {refusal or 'allowed'}")
        return found

    def refusal_of(self, give: Callable[[], Any]) -> str | None:
        try:
            with transaction.atomic():
                give()
        except ranks.RoleAboveRank as refused:
            return str(refused)
        return None

    def test_for_a_new_person(self, actors: dict[str, Actor]) -> None:
        bob = Profile(given_name="Bob", family_name="Babbage", email="bob@example.com")

        def give(actor: Actor, role: Person.Role) -> None:
            people.add_person(replace(bob, role=role), actor=actor)

        assert self.breaches(actors, give) == []

    def test_for_an_existing_person(self, actors: dict[str, Actor]) -> None:
        guest = core.person(role=Person.Role.GUEST)

        def give(actor: Actor, role: Person.Role) -> None:
            people_update.revise_person(guest, replace(guest.profile, role=role), actor=actor)

        assert self.breaches(actors, give) == []

    def test_of_withheld_roles(self, actors: dict[str, Actor]) -> None:
        guest = core.person(role=Person.Role.GUEST)

        def give(actor: Actor, role: Person.Role) -> None:
            Person.objects.filter(pk=guest.pk).update(withheld_roles={role: ASKED})
            rehires.give_role_back(guest, role, actor=actor)

        assert self.breaches(actors, give) == []

    def test_of_group_mappings(self, actors: dict[str, Actor]) -> None:
        def give(actor: Actor, role: Person.Role) -> None:
            group_mappings.check_mappable(role, Author(actor=actor), is_owner_confirmed=True)

        assert self.breaches(actors, give) == []


class TestElevatedCustomRoles:
    """Only actors above the lowest rank may grant, mark or delete elevated custom roles."""

    def refused(self, actors: dict[str, Actor], change: Callable[[Actor], Any]) -> set[str]:
        """Return the kinds of actors that are refused."""
        refused = set()
        for kind, actor in actors.items():
            with taken_back():
                try:
                    with transaction.atomic():
                        change(actor)
                except ranks.RoleAboveRank:
                    refused.add(kind)
        return refused

    LOWEST = {kind for kind, rank in rank_cases.ACTORS.items() if rank == 0}

    def test_can_be_granted_by_rank(self, actors: dict[str, Actor]) -> None:
        ada, role = core.person(), rank_cases.role(is_elevated=True)

        def give(actor: Actor) -> None:
            base_roles.grant_role(ada, role, actor=actor)

        assert self.refused(actors, give) == self.LOWEST

    def test_can_be_given_back_by_rank(self, actors: dict[str, Actor]) -> None:
        ada, role = core.person(), rank_cases.role(is_elevated=True)
        Person.objects.filter(pk=ada.pk).update(withheld_roles={key_of(role): ASKED})

        def give(actor: Actor) -> None:
            rehires.give_role_back(ada, key_of(role), actor=actor)

        assert self.refused(actors, give) == self.LOWEST

    @pytest.mark.parametrize("is_elevated", [True, False])
    def test_can_be_marked_and_unmarked_by_rank(
        self, actors: dict[str, Actor], *, is_elevated: bool
    ) -> None:
        role = rank_cases.role(is_elevated=not is_elevated)
        role.is_elevated = is_elevated

        def save(actor: Actor) -> None:
            organization.save_place(role, actor=actor)

        assert self.refused(actors, save) == self.LOWEST

    def test_can_be_deleted_by_rank(self, actors: dict[str, Actor]) -> None:
        role = rank_cases.role(is_elevated=True)

        def delete(actor: Actor) -> None:
            organization.delete_place(Role.objects.get(pk=role.pk), actor=actor)

        assert self.refused(actors, delete) == self.LOWEST


@pytest.mark.parametrize("kind", [BulkChange.Kind.DEACTIVATED, BulkChange.Kind.REACTIVATED])
def test_undo_of_deactivation_or_reactivation_respects_ranks(
    kind: BulkChange.Kind, actors: dict[str, Actor]
) -> None:
    """Tries all pairs of ranks; people above the actor are kept, with the reason."""

    def target(rank: str) -> Person:
        person = core.person() if kind == BulkChange.Kind.DEACTIVATED else gone(TESTS)
        Bulk(kind, TESTS).apply(person)
        if rank == ELEVATED:
            rank_cases.give(person, rank_cases.role(is_elevated=True))
        else:
            Person.objects.filter(pk=person.pk).update(role=rank)
        return person

    def undo(person: Person, actor: Actor) -> None:
        change = BulkChange.objects.get(items__person=person)
        bulk_undo.request_undo(change, kept=bulk_undo.fingerprint([]), actor=actor)
        bulk_undo.run_batch(change=change, seconds=60)
        item = change.items.get()
        if item.outcome == item.Outcome.KEPT:
            raise RankRefused(item.skipped_reason)

    assert list(breaches(target, undo, actors)) == []


def test_bulk_edit_respects_ranks(actors: dict[str, Actor]) -> None:
    """Tries all pairs of ranks; people above the actor are skipped, with the reason."""
    department = core.department()

    def apply(person: Person, actor: Actor) -> None:
        draft = bulk_edit.draft_edit([person.pk], actor=actor)
        bulk_edit.set_values(draft, {"department": department}, actor=actor)
        bulk_edit.apply_edit(draft, actor=actor)
        bulk_undo.run_batch(change=draft, seconds=60)
        item = draft.items.get()
        if item.outcome == item.Outcome.SKIPPED:
            raise RankRefused(item.skipped_reason)

    assert list(breaches(somebody, apply, actors)) == []


def test_undo_of_a_bulk_edit_respects_ranks(actors: dict[str, Actor]) -> None:
    department = core.department()

    def target(rank: str) -> Person:
        person = somebody(rank)
        draft = bulk_edit.draft_edit([person.pk], actor=TESTS)
        bulk_edit.set_values(draft, {"department": department}, actor=TESTS)
        bulk_edit.apply_edit(draft, actor=TESTS)
        bulk_undo.run_batch(change=draft, seconds=60)
        edited: Person = Person.objects.get(pk=person.pk)
        return edited

    def undo(person: Person, actor: Actor) -> None:
        change = BulkChange.objects.get(items__person=person)
        bulk_undo.request_undo(change, kept=bulk_undo.fingerprint([]), actor=actor)
        bulk_undo.run_batch(change=change, seconds=60)
        item = change.items.get()
        if item.outcome == item.Outcome.KEPT:
            raise RankRefused(item.skipped_reason)

    assert list(breaches(target, undo, actors)) == []


class TestRankOfActor:
    def test_is_lowest_after_deactivation(self) -> None:
        olga = core.owner()
        people.deactivate_person(olga, actor=TESTS)

        with pytest.raises(RankRefused):
            people.deactivate_person(core.administrator(), actor=olga.actor)

    def test_is_the_new_one_after_demotion(self) -> None:
        olga = core.owner()
        actor = olga.actor
        Person.objects.filter(pk=olga.pk).update(role=Person.Role.ADMIN)

        with pytest.raises(RankRefused):
            people.deactivate_person(core.owner(), actor=actor)

    def test_is_lowest_for_actors_of_another_company(self) -> None:
        with core.in_another_tenant():
            stranger = core.owner(email="olga@example.com")

        with pytest.raises(RankRefused):
            people.deactivate_person(core.administrator(), actor=stranger.actor)

    def test_is_found_by_address_for_a_stored_actor(self) -> None:
        olga, admin = core.owner(email="Olga@example.com"), core.administrator()

        assert people.deactivate_person(admin, actor=Actor.read(str(olga.actor)))

    @pytest.mark.parametrize("kind", ["", "api", "Person", "unheard-of"])
    def test_is_lowest_for_unknown_kinds(self, kind: str) -> None:
        with pytest.raises(RankRefused):
            people.deactivate_person(core.administrator(), actor=Actor(kind, "x"))

    @pytest.mark.parametrize("kind", ["command", "job", "scim", "oidc", "ldap", "windows"])
    def test_is_highest_for_commands_jobs_and_providers(self, kind: str) -> None:
        assert people.deactivate_person(core.owner(), actor=Actor(kind, "x"))


def test_terminating_a_manager_hands_over_reports_of_any_rank() -> None:
    boss = core.person()
    olga = core.owner(manager=boss)
    plan = HandoverPlan(reports=str(core.person().pk))

    assert terminate_person(boss, plan, actor=core.administrator().actor)

    assert str(Person.objects.get(pk=olga.pk).manager_id) == plan.reports

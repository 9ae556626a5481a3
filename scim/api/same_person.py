"""Apply an administrator's decision whether a new resource is a person who left."""

from django.db import transaction
from django.utils import timezone

from people.models import Person
from people.operations import identities, locks, ranks
from people.operations.bulk.undo import DecidedMeanwhile
from people.operations.offboarding import handover_plan, terminate
from people.values import Actor, PeopleError
from scim.api.adapters import UserAdapter
from scim.models import SamePersonQuestion, ScimUser
from scim.sync import group_roles, provision
from scim.sync.provision import ProvisioningTask
from scim.sync.sync_errors import SyncErrorSubject

Answer = SamePersonQuestion.Answer
SAVED_FIELDS = ("document", "rendered", "person", "problem", "has_errors", "waiting_manager")


class NewPersonHolds(PeopleError):
    code = "new-person-holds"

    def __init__(self, person: Person, held: list[str]) -> None:
        super().__init__(
            f"{person.full_name} already holds {', '.join(held)}. Hand that over or end it "
            "first, or choose “Different person”."
        )


@transaction.atomic
def confirm_same_person(question: SamePersonQuestion, *, actor: Actor) -> Person:
    """Restore the person who left in place of the new person, and return them.

    The new person is terminated. The resource keeps its id and is linked to the restored person,
    who starts over as `people.operations.rehires.start_over` describes.

    :raises PersonAboveRank: if one of the two is above the actor's rank.
    :raises DecidedMeanwhile: if the question is no longer open.
    :raises NewPersonHolds: if the new person already holds cards, funds or reports.
    :raises PeopleError: if the rules refuse the provider's values for the person.
    """
    question = _lock_question(question, actor)
    user = ScimUser.objects.select_related("connection").get(pk=question.user_id)
    new, earlier = user.person, question.earlier
    if new is not None:
        if held := describe_holdings(new):
            raise NewPersonHolds(new, held)
        identities.record_same_person(new, earlier, actor=actor)
        terminate.terminate_person(new, handover_plan.HandoverPlan(), actor=actor)
    user.person = earlier
    task = ProvisioningTask(
        user, SyncErrorSubject(user=user, user_name=user.scim_username), may_link=True
    )
    provision.provision(task, None, was_active=None)
    UserAdapter(user).render()
    user.save(update_fields=SAVED_FIELDS)
    group_roles.schedule()
    _save_answer(question, Answer.SAME, actor=actor)
    return user.person


@transaction.atomic
def confirm_different_person(question: SamePersonQuestion, *, actor: Actor) -> None:
    """Close the question without changing either person.

    :raises PersonAboveRank: if one of the two is above the actor's rank.
    :raises DecidedMeanwhile: if the question is no longer open.
    """
    question = _lock_question(question, actor)
    _save_answer(question, Answer.DIFFERENT, actor=actor)
    # The new person is gone if the provider deleted them meanwhile.
    if question.user.person:
        identities.record_different_people(question.user.person, question.earlier, actor=actor)


def describe_holdings(person: Person) -> list[str]:
    """Return what the person holds, such as “2 cards”; an empty list if nothing."""
    held = handover_plan.holdings_of(person)
    counts = {
        "card": len(held.cards),
        "fund": len(held.funds),
        "approval step": len(held.steps),
        "report": len(held.reports),
        "outstanding item": person.outstanding_items.count(),
    }
    return [f"{count} {what}{'s' * (count != 1)}" for what, count in counts.items() if count]


def _lock_question(question: SamePersonQuestion, actor: Actor) -> SamePersonQuestion:
    """Lock the question, the new resource and both people, and check the rank over both."""
    questions = SamePersonQuestion.objects.open().select_related("user", "earlier")
    held = questions.select_for_update(of=("self", "user")).filter(pk=question.pk).first()
    if held is None:
        raise DecidedMeanwhile
    people = {key for key in (held.user.person_id, held.earlier_id) if key}
    # Always in the order of their keys, so that two answers at once do not deadlock.
    locked = {key: locks.lock_person(key) for key in sorted(people)}
    for person in locked.values():
        ranks.check_rank_over(actor, person)
    # The person as locked, because they may have been reactivated before.
    held.earlier = locked[held.earlier_id]
    if held.earlier.state != Person.State.INACTIVE:
        raise DecidedMeanwhile
    return held


def _save_answer(question: SamePersonQuestion, answer: Answer, *, actor: Actor) -> None:
    question.answer, question.answered_at = answer, timezone.now()
    question.answered_by = str(actor)
    question.save(update_fields=["answer", "answered_at", "answered_by"])

"""Confirms and undoes bulk changes, and continues those that are not finished.

People who have changed since then are skipped and listed. All others are marked in one statement
and then undone one by one, each in a transaction of their own. The request undoes as many as it
can in three seconds, and a job does the rest. The same job applies bulk edits.
"""

import hashlib
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from time import monotonic
from typing import cast

from django.core import serializers
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from people import events, tenancy
from people.background import task_trigger
from people.models import BulkChange, BulkChangeItem, Event, Invite, Person, ScheduledTermination
from people.models.bulk_changes import UNDO_DAYS
from people.operations import ranks
from people.operations.bulk import edit, list_undo
from people.operations.invites.lifecycle import revoke_invite
from people.operations.locks import lock
from people.operations.offboarding import schedule
from people.operations.person_fields import difference, snapshot
from people.operations.ranks import RankRefused
from people.operations.rehires import NoAddress
from people.operations.roles.base_roles import check_not_last_admin
from people.presentation.times import moment_text
from people.values import Actor, PeopleError

log = logging.getLogger(__name__)

# Lets a worker continue at once what the request had no time for. Otherwise beat does it later.
waker = task_trigger("people.tasks.undo_bulk_changes")
BATCH = 200
AT_ONCE = 1000
CHANGED_LATER = "They have changed since then."
NOT_REACHED = "The edit was undone before it changed this person."
# The columns that an undo writes. Sessions that a deactivation ended stay ended.
STATE_COLUMNS = (
    *("state", "deactivated_at", "deactivated_by", "detached_at"),
    *("session_epoch", "changed_at"),
)
# An event of these kinds after the bulk change excludes the person from the undo.
STATE_EVENTS = (
    Event.Kind.PERSON_DEACTIVATED,
    Event.Kind.PERSON_REACTIVATED,
    Event.Kind.PERSON_TERMINATED,
    Event.Kind.PERSON_JOINED,
)
# A list also changes fields, so a later event about fields counts as well.
LIST_EVENTS = (
    *STATE_EVENTS,
    *(Event.Kind.PERSON_REVISED, Event.Kind.MANAGED_FIELDS_RESTORED),
    *(Event.Kind.ADDRESS_CONFIRMED, Event.Kind.ADDRESS_RELEASED),
)


class TooLateToUndo(PeopleError):
    code = "too-late-to-undo"

    def __init__(self) -> None:
        super().__init__(
            f"This was more than {UNDO_DAYS} days ago and can no longer be undone. Change people "
            "individually."
        )


class DecidedMeanwhile(PeopleError):
    code = "decided-meanwhile"

    def __init__(self) -> None:
        super().__init__("This was already decided. Nothing was changed.")


class MoreChangedSince(PeopleError):
    code = "more-changed-since"

    def __init__(self) -> None:
        super().__init__(
            "More people have changed since you opened this page, so nothing was undone. Check "
            "again who will not change."
        )


class NothingToUndo(PeopleError):
    code = "nothing-to-undo"

    def __init__(self) -> None:
        super().__init__("All people have changed since then, so nothing can be undone.")


@transaction.atomic
def confirm(change: BulkChange, *, actor: Actor) -> bool:
    """Confirm the bulk change, so that terminations continue; return False if it was decided."""
    locked = BulkChange.objects.select_for_update(no_key=True).get(pk=change.pk)
    if not locked.is_undecided:
        return False
    locked.confirmed_at, locked.confirmed_by = timezone.now(), str(actor)
    locked.save(update_fields=["confirmed_at", "confirmed_by"])
    _record_decision(locked, "confirmed", actor=actor)
    return True


def changed_since(change: BulkChange) -> list[int]:
    """Return the items whose person was deactivated, reactivated or terminated since the change.

    The query runs in batches: after thousands of changes within minutes, PostgreSQL's statistics
    are outdated, and it would choose a bad plan for a single query.
    """
    items = change.items.filter(outcome=BulkChangeItem.Outcome.CHANGED).order_by("pk")
    if change.kind == BulkChange.Kind.EDITED:
        return [pk for pk, fields in edit.changed_since(change).items() if not fields.left]
    rows = list(items.values_list("pk", "person_id", "event_id"))
    found: list[int] = []
    for start in range(0, len(rows), AT_ONCE):
        batch = rows[start : start + AT_ONCE]
        people = [person_id for _, person_id, _ in batch]
        relevant = Event.objects.filter(person__in=people, kind__in=events_of(change))
        latest = dict(relevant.order_by().values_list("person_id").annotate(Max("pk")))
        found += [pk for pk, person_id, event_id in batch if latest.get(person_id, 0) > event_id]
    return found


def events_of(change: BulkChange) -> Sequence[str]:
    """Return the kinds of events that exclude a person from the undo of the change."""
    return LIST_EVENTS if change.kind == BulkChange.Kind.LIST else STATE_EVENTS


def fingerprint(items: list[int]) -> str:
    """Return a hash of these item keys, to detect that the list on a page is outdated."""
    return hashlib.sha256(",".join(map(str, items)).encode()).hexdigest()[:16]


@transaction.atomic
def request_undo(change: BulkChange, *, kept: str, actor: Actor) -> int:
    """Mark everybody who has not changed since for undo; return their number.

    :param kept: the fingerprint of the items that the page listed as not undone.
    :raises DecidedMeanwhile: if an undo was requested already.
    :raises TooLateToUndo: if the bulk change is too old.
    :raises MoreChangedSince: if the items that stay do not match the fingerprint.
    :raises NothingToUndo: if nobody is left.
    """
    locked = BulkChange.objects.select_for_update(no_key=True).get(pk=change.pk)
    if locked.undone_at:
        raise DecidedMeanwhile
    if not locked.may_be_undone(timezone.now()):
        raise TooLateToUndo
    staying = changed_since(locked)
    if fingerprint(staying) != kept:
        raise MoreChangedSince
    outcomes = BulkChangeItem.Outcome
    items = locked.items
    items.pending().update(outcome=outcomes.SKIPPED, skipped_reason=NOT_REACHED)
    count: int
    if locked.kind == BulkChange.Kind.EDITED:
        # `edit.undo_item` stores which fields of these people have changed.
        pending = items.filter(outcome=outcomes.CHANGED).update(outcome=outcomes.PENDING)
        count = pending - len(staying)
    else:
        items.filter(pk__in=staying).update(outcome=outcomes.KEPT, skipped_reason=CHANGED_LATER)
        count = items.filter(outcome=outcomes.CHANGED).update(outcome=outcomes.PENDING)
    if not count:
        raise NothingToUndo
    locked.undone_at, locked.undone_by = timezone.now(), str(actor)
    locked.save(update_fields=["undone_at", "undone_by"])
    _record_decision(locked, "undid", actor=actor)
    return count


def _record_decision(change: BulkChange, decided: str, *, actor: Actor) -> None:
    is_list = change.kind == BulkChange.Kind.LIST
    did = "changed people from a list" if is_list else f"{change.kind} people"
    began_at = moment_text(change.began_at)
    what = f"{decided} the bulk change of {began_at}, which {did}"
    events.record(Event.Kind.BULK_CHANGE_DECIDED, None, actor=actor, what=what, id=str(change.pk))


@transaction.atomic
def begin_undo(change: BulkChange, *, actor: Actor) -> None:
    """Mark all items for undo, without a question. A second call marks those added since then."""
    locked = BulkChange.objects.select_for_update(no_key=True).get(pk=change.pk)
    if not locked.undone_at:
        locked.undone_at, locked.undone_by = timezone.now(), str(actor)
        locked.save(update_fields=["undone_at", "undone_by"])
    outcomes = BulkChangeItem.Outcome
    locked.items.filter(outcome=outcomes.CHANGED).update(outcome=outcomes.PENDING)


def undo_requested(*, as_of: datetime) -> int:
    """Continue all bulk changes of all tenants; return the number of people."""
    return run_batch(seconds=math.inf)[0]


def run_batch(*, seconds: float, change: BulkChange | None = None) -> tuple[int, bool]:
    """Apply or undo the pending items of one change, or of all changes, until the time is over.

    :returns: how many people were changed, and whether no item is left.
    """
    ends_at = monotonic() + seconds
    done = last = 0
    while True:
        with tenancy.across_tenants():
            # Without locks: each item is locked in a transaction of its own.
            pending = BulkChangeItem.objects.pending().filter(pk__gt=last).order_by("pk")
            if change:
                pending = pending.filter(change=change)
            page = list(pending.only("pk", "tenant_id")[:BATCH])
        for item in page:
            if monotonic() >= ends_at:
                return done, False
            done += _try(item)
        if len(page) < BATCH:
            return done, True
        last = page[-1].pk


def _try(item: BulkChangeItem) -> bool:
    """Apply or undo the item, or store why not. A failure does not stop the other items."""
    with tenancy.use(item.tenant_id):
        try:
            return _undo(item.pk)
        except (PeopleError, RankRefused) as error:
            pending = BulkChangeItem.objects.pending().filter(pk=item.pk)
            outcomes = BulkChangeItem.Outcome
            is_undo = pending.exclude(change__undone_at=None).exists()
            outcome = outcomes.KEPT if is_undo else outcomes.SKIPPED
            pending.update(outcome=outcome, skipped_reason=str(error)[:300])
        except Exception:
            # It stays pending, so the job tries again in a minute.
            log.exception("The item %s of a bulk change could not be changed", item.pk)
    return False


@transaction.atomic
def _undo(item_id: int) -> bool:
    with _locked_item(item_id) as item:
        if item is None:
            return False
        if item.change.kind == BulkChange.Kind.EDITED:
            return edit.undo_item(item) if item.change.undone_at else edit.apply_to_item(item)
        lock(item.person)
        # The person may have got a higher rank since the bulk change.
        ranks.check_rank_over(_undoer(item), item.person)
        if changed_since_item(item):
            item.outcome, item.skipped_reason = BulkChangeItem.Outcome.KEPT, CHANGED_LATER
            return False
        match item.before.get("action") or item.change.kind:
            case BulkChange.Kind.DEACTIVATED:
                _restore(item)
            case "added":
                list_undo.undo_addition(item.person, actor=_undoer(item))
            case "revised":
                list_undo.undo_revision(item, actor=_undoer(item))
            case _:
                _deactivate_again(item)
        item.outcome = BulkChangeItem.Outcome.UNDONE
        return True


@contextmanager
def _locked_item(item_id: int) -> Iterator[BulkChangeItem | None]:
    """Lock the item, and save its outcome at the end. Yield None if another process has it."""
    pending = BulkChangeItem.objects.pending().select_related("change", "person")
    item = pending.select_for_update(of=("self",), skip_locked=True).filter(pk=item_id).first()
    yield item
    if item is not None:
        item.save(update_fields=["outcome", "skipped_reason", "before"])


def changed_since_item(item: BulkChangeItem) -> bool:
    kinds = events_of(item.change)
    later = item.person.events.filter(kind__in=kinds, pk__gt=item.event_id)
    return later.exists()


def _restore(item: BulkChangeItem) -> None:
    """Restore the person as they were before the mistaken deactivation, without `start_over`.

    :raises NoAddress: if another person has the address now.
    """
    person, before = item.person, snapshot(item.person)
    if not person.email_key:
        # The provider had deleted the person, and another person has got the address since then.
        raise NoAddress(person)
    # The invite was revoked after `deactivated_at` was set and before the event was recorded.
    event_at = Event.objects.values_list("happened_at", flat=True).get(pk=item.event_id)
    revoked = person.invites.filter(revoked_at__range=(person.deactivated_at, event_at))
    is_invited = not person.joined_at and _revive(revoked)
    person.state = Person.State.ACTIVE if person.joined_at else Person.State.INVITED
    person.deactivated_at, person.deactivated_by, person.detached_at = None, "", None
    schedule.cancel(person)
    facts = {"invite": "revived"} if is_invited else {}
    _record(Event.Kind.PERSON_REACTIVATED, item, before, **facts)


def _revive(revoked: QuerySet[Invite]) -> bool:
    """Reopen the invite that the deactivation revoked, and send its mail if it was not sent."""
    invite = revoked.order_by("revoked_at").last()
    if invite is None or Invite.objects.open().filter(person=invite.person_id).exists():
        return False
    invite.revoked_at = None
    invite.save(update_fields=["revoked_at"])
    # Only mails that were stopped before any attempt, because the person was inactive. Mails that
    # the server refused stay given up.
    unsent = invite.mails.filter(sent_at=None, attempts=0, given_up_at__isnull=False)
    unsent.update(given_up_at=None, problem="", due_at=timezone.now())
    return True


def _deactivate_again(item: BulkChangeItem) -> None:
    """Deactivate the person again, with the original date and actor.

    :raises LastOwner, LastAdministrator: if the tenant would be left without one.
    """
    person, stored = item.person, item.before
    check_not_last_admin(person)
    before = snapshot(person)
    person.state = Person.State.INACTIVE
    person.deactivated_at = datetime.fromisoformat(stored["deactivated_at"])
    person.deactivated_by = stored["deactivated_by"]
    person.session_epoch += 1
    revoke_invite(person, actor=_undoer(item))
    _record(Event.Kind.PERSON_DEACTIVATED, item, before)
    rows = serializers.deserialize("json", stored["scheduled_termination"] or "[]")
    schedule.reinstate(person, next((cast(ScheduledTermination, row.object) for row in rows), None))


def _record(kind: Event.Kind, item: BulkChangeItem, before: dict[str, str], **facts: str) -> None:
    item.person.save(update_fields=STATE_COLUMNS)
    events.record(
        kind,
        item.person,
        actor=_undoer(item),
        changes=difference(before, snapshot(item.person)),
        undoing=str(item.change_id),
        **facts,
    )


def _undoer(item: BulkChangeItem) -> Actor:
    return Actor.read(item.change.undone_by)

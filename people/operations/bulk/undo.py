"""Confirm and undo bulk changes.

People who have changed since then are skipped and listed. All others are marked in one
statement, and then restored one by one, each in a transaction of their own: the request does as
many as it can in three seconds, and a job does the rest.
"""

import hashlib
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from time import monotonic
from typing import cast
from uuid import UUID

from django.core import serializers
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from people import events, tenancy
from people.models import BulkChange, BulkChangeItem, Event, Invite, Person, ScheduledTermination
from people.models.bulk_changes import UNDO_DAYS
from people.operations import ranks
from people.operations.invites.lifecycle import revoke_invite
from people.operations.locks import lock
from people.operations.offboarding import schedule
from people.operations.person_fields import difference, snapshot
from people.operations.ranks import RankRefused
from people.operations.rehires import NoAddress
from people.operations.roles.base_roles import check_not_last_admin
from people.values import Actor, PeopleError

log = logging.getLogger(__name__)

BATCH = 200
AT_ONCE = 1000
CHANGED_LATER = "They have changed since then."
# What the undoing writes; a deactivation ends sessions, and those stay ended.
ACTIVITY = (
    *("state", "deactivated_at", "deactivated_by", "detached_at"),
    *("session_epoch", "changed_at"),
)
# What says that somebody came or went after the bulk change.
COMING_AND_GOING = (
    Event.Kind.PERSON_DEACTIVATED,
    Event.Kind.PERSON_REACTIVATED,
    Event.Kind.PERSON_TERMINATED,
    Event.Kind.PERSON_JOINED,
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
    """Note that it was meant, and tell whether nobody had decided yet; terminations go on."""
    held = BulkChange.objects.select_for_update(no_key=True).get(pk=change.pk)
    if not held.is_undecided:
        return False
    held.confirmed_at, held.confirmed_by = timezone.now(), str(actor)
    held.save(update_fields=["confirmed_at", "confirmed_by"])
    return True


def changed_since(change: BulkChange) -> list[int]:
    """Return which items of the change stay as they are, for they came or went after it.

    Asked a batch at a time: after thousands of changes within minutes the database knows too
    little of them to answer in one go.
    """
    items = change.items.filter(outcome=BulkChangeItem.Outcome.CHANGED).order_by("pk")
    rows = list(items.values_list("pk", "person_id", "event_id"))
    return [
        pk
        for start in range(0, len(rows), AT_ONCE)
        for pk, latest, event_id in _with_latest(rows[start : start + AT_ONCE])
        if latest > event_id
    ]


def _with_latest(rows: list[tuple[int, UUID, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield the items with the number of the event that says where their person is now."""
    people = [person_id for _, person_id, _ in rows]
    told = Event.objects.filter(person__in=people, kind__in=COMING_AND_GOING)
    latest = dict(told.order_by().values_list("person_id").annotate(Max("pk")))
    for pk, person_id, event_id in rows:
        yield pk, latest.get(person_id, 0), event_id


def fingerprint(items: list[int]) -> str:
    """Return a hash of these item keys."""
    return hashlib.sha256(",".join(map(str, items)).encode()).hexdigest()[:16]


@transaction.atomic
def ask_undo(change: BulkChange, *, kept: str, actor: Actor) -> int:
    """Have everybody taken back who has not changed since; return how many these are.

    :raises DecidedMeanwhile: if somebody has asked for it already.
    :raises TooLateToUndo: if it is too long ago.
    :raises MoreChangedSince: if those who stay as they are, are not those of the fingerprint.
    :raises NothingToUndo: if nobody is left.
    """
    held = BulkChange.objects.select_for_update(no_key=True).get(pk=change.pk)
    if held.undone_at:
        raise DecidedMeanwhile
    if not held.may_be_undone(timezone.now()):
        raise TooLateToUndo
    staying = changed_since(held)
    if fingerprint(staying) != kept:
        raise MoreChangedSince
    outcomes = BulkChangeItem.Outcome
    held.items.filter(pk__in=staying).update(outcome=outcomes.KEPT, skipped_reason=CHANGED_LATER)
    count: int = held.items.filter(outcome=outcomes.CHANGED).update(outcome=outcomes.ASKED)
    if not count:
        raise NothingToUndo
    held.undone_at, held.undone_by = timezone.now(), str(actor)
    held.save(update_fields=["undone_at", "undone_by"])
    return count


def undo_asked(*, as_of: datetime) -> int:
    """Take back whatever somebody has asked for, all tenants'; return how many people it was."""
    return run_batch(seconds=math.inf)[0]


def run_batch(*, seconds: float, change: BulkChange | None = None) -> tuple[int, bool]:
    """Take back those who were asked for, of one change or of all, as many as time allows.

    :returns: how many were taken back, and whether these were all.
    """
    ends_at = monotonic() + seconds
    done = 0
    for item in _asked(change):
        if monotonic() >= ends_at:
            return done, False
        done += _try(item)
    return done, True


def _asked(change: BulkChange | None) -> Iterator[BulkChangeItem]:
    """Yield them a few at a time; nobody holds any of them."""
    last = 0
    while True:
        with tenancy.across_tenants():
            asked = BulkChangeItem.objects.asked().filter(pk__gt=last).order_by("pk")
            if change:
                asked = asked.filter(change=change)
            page = list(asked.only("pk", "tenant_id")[:BATCH])
        yield from page
        if len(page) < BATCH:
            return
        last = page[-1].pk


def _try(item: BulkChangeItem) -> bool:
    """Take the person back, or note why not; one who cannot be keeps nobody else."""
    with tenancy.use(item.tenant_id):
        try:
            return _undo(item.pk)
        except (PeopleError, RankRefused) as error:
            asked = BulkChangeItem.objects.asked().filter(pk=item.pk)
            asked.update(outcome=BulkChangeItem.Outcome.KEPT, skipped_reason=str(error)[:300])
        except Exception:
            log.exception("Somebody of a bulk change could not be taken back: %s", item.pk)
    return False


@transaction.atomic
def _undo(item_id: int) -> bool:
    with _held(item_id) as item:
        if item is None:
            return False
        lock(item.person)
        ranks.check_rank_over(_undoer(item), item.person)
        if changed_since_item(item):
            item.outcome, item.skipped_reason = BulkChangeItem.Outcome.KEPT, CHANGED_LATER
            return False
        if item.change.kind == BulkChange.Kind.DEACTIVATED:
            _restore(item)
        else:
            _shut_out(item)
        item.outcome = BulkChangeItem.Outcome.UNDONE
        return True


@contextmanager
def _held(item_id: int) -> Iterator[BulkChangeItem | None]:
    """Hold the item unless somebody else does, and save what becomes of it."""
    asked = BulkChangeItem.objects.asked().select_related("change", "person")
    item = asked.select_for_update(of=("self",), skip_locked=True).filter(pk=item_id).first()
    yield item
    if item is not None:
        item.save(update_fields=["outcome", "skipped_reason"])


def changed_since_item(item: BulkChangeItem) -> bool:
    later = item.person.events.filter(kind__in=COMING_AND_GOING, pk__gt=item.event_id)
    return later.exists()


def _restore(item: BulkChangeItem) -> None:
    """Let the person in again as they were: this takes back a mistake, so nobody starts over.

    :raises NoAddress: if somebody else has got their address meanwhile.
    """
    person, before = item.person, snapshot(item.person)
    if not person.email_key:
        raise NoAddress(person)
    went_at = Event.objects.values_list("happened_at", flat=True).get(pk=item.event_id)
    voided = person.invites.filter(revoked_at__range=(person.deactivated_at, went_at))
    is_invited = not person.joined_at and _revive(voided)
    person.state = Person.State.ACTIVE if person.joined_at else Person.State.INVITED
    person.deactivated_at, person.deactivated_by, person.detached_at = None, "", None
    schedule.cancel(person)
    facts = {"invite": "revived"} if is_invited else {}
    _record(Event.Kind.PERSON_REACTIVATED, item, before, **facts)


def _revive(voided: QuerySet[Invite]) -> bool:
    """Reopen the invite that the deactivation revoked, and let a mail go that was never sent."""
    invite = voided.order_by("revoked_at").last()
    if invite is None or Invite.objects.open().filter(person=invite.person_id).exists():
        return False
    invite.revoked_at = None
    invite.save(update_fields=["revoked_at"])
    unsent = invite.mails.filter(sent_at=None, attempts=0, given_up_at__isnull=False)
    unsent.update(given_up_at=None, problem="", due_at=timezone.now())
    return True


def _shut_out(item: BulkChangeItem) -> None:
    """Deactivate the person again, with the original date and actor.

    :raises LastOwner, LastAdministrator: if the tenant would be left without one.
    """
    person, said = item.person, item.before
    check_not_last_admin(person)
    before = snapshot(person)
    person.state = Person.State.INACTIVE
    person.deactivated_at = datetime.fromisoformat(said["deactivated_at"])
    person.deactivated_by = said["deactivated_by"]
    person.session_epoch += 1
    revoke_invite(person, actor=_undoer(item))
    _record(Event.Kind.PERSON_DEACTIVATED, item, before)
    stored = serializers.deserialize("json", said["scheduled_termination"] or "[]")
    schedule.reinstate(
        person, next((cast(ScheduledTermination, one.object) for one in stored), None)
    )


def _record(kind: Event.Kind, item: BulkChangeItem, before: dict[str, str], **facts: str) -> None:
    item.person.save(update_fields=ACTIVITY)
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

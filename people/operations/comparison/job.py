"""Continues comparisons in short transactions, so that a worker may be killed at any time."""

import logging
import math
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from django.db import transaction

from people import tenancy
from people.models import BulkChangeItem, Comparison, ComparisonRow
from people.models.comparisons import KEPT_FOR
from people.operations.bulk import undo
from people.operations.comparison.apply import apply_row
from people.operations.comparison.compare import Comparer
from people.operations.invites.lifecycle import release_invite
from people.operations.ranks import RankRefused
from people.values import Actor, PeopleError

log = logging.getLogger(__name__)

A_PAGE = 200
# Rows that are tried in one transaction: a savepoint that is rolled back releases its locks. Rows
# are applied one by one, because several would take locks in another order than
# people.operations.locks names.
TRIED_AT_ONCE = 20
JOB = Actor("job", "compare")
State = Comparison.State
Kind = ComparisonRow.Kind
Outcome = ComparisonRow.Outcome


def continue_all(*, as_of: datetime) -> int:
    """Finish the comparisons of all tenants; return how many a job had to continue."""
    delete_old(as_of=as_of)
    return run_batch(seconds=math.inf)[0]


def delete_old(*, as_of: datetime) -> None:
    """Delete the comparisons whose bulk change can no longer be undone."""
    with tenancy.across_tenants():
        Comparison.objects.filter(created_at__lt=as_of - KEPT_FOR).delete()


def run_batch(*, seconds: float) -> tuple[int, bool]:
    """Continue the comparisons of all tenants, until the time is over.

    :returns: how many there were, and whether no work is left.
    """
    ends_at = monotonic() + seconds
    with tenancy.across_tenants():
        waiting = list(Comparison.objects.at_work().order_by("created_at").only("pk", "tenant_id"))
    for comparison in waiting:
        with tenancy.use(comparison.tenant_id):
            try:
                run(comparison, ends_at=ends_at)
            except Exception:
                # The state stays, so the job tries again in a minute.
                log.exception("The comparison %s could not continue", comparison.pk)
        if monotonic() >= ends_at:
            return len(waiting), False
    return len(waiting), True


def run(comparison: Comparison, *, ends_at: float = math.inf) -> None:
    """Continue one comparison of the tenant in force, until it waits for an administrator."""
    steps: dict[str, Callable[[Comparison, float], bool]] = {
        State.COMPARING: _compare,
        State.CHECKING: _check,
        State.APPLYING: _apply,
        State.INVITING: _invite,
        State.REVERTING: _revert,
    }
    while monotonic() < ends_at:
        current = Comparison.objects.defer("content").filter(pk=comparison.pk).first()
        if current is None or current.state not in steps:
            return
        if not steps[current.state](current, ends_at):
            return


def _locked(comparison: Comparison) -> Comparison | None:
    """Lock the comparison in its state. None if another worker has it, or has gone on."""
    rows = Comparison.objects.select_for_update(of=("self",), skip_locked=True, no_key=True)
    rows = rows.filter(pk=comparison.pk, state=comparison.state).select_related("change")
    found: Comparison | None = rows.defer("content").first()
    return found


def _compare(comparison: Comparison, ends_at: float) -> bool:
    comparer = Comparer(comparison)
    while monotonic() < ends_at:
        with transaction.atomic():
            locked = _locked(comparison)
            if locked is None:
                return False
            comparer.run_slice(locked)
        if locked.state != State.COMPARING:
            return True
    return False


def _advance(comparison: Comparison, state: str) -> bool:
    """Go from one state to the next, unless another worker has done that."""
    found = Comparison.objects.filter(pk=comparison.pk, state=comparison.state)
    return bool(found.update(state=state, done_count=0))


def _each(
    comparison: Comparison,
    outcome: str,
    do: Callable[[ComparisonRow], None],
    ends_at: float,
    *,
    at_once: int = 1,
) -> bool:
    """Do something with each selected row with this outcome, in order; return whether all is done.

    New people come first, each after their manager. `do` runs in a transaction, in which this
    worker is the only one that works on the comparison.
    """
    for kind in (Kind.NEW, Kind.DIFFERENT, Kind.GONE):
        rows = comparison.rows.filter(kind=kind, is_selected=True, outcome=outcome)
        while page := list(rows.order_by("depth", "pk").values_list("pk", flat=True)[:A_PAGE]):
            for start in range(0, len(page), at_once):
                some = page[start : start + at_once]
                if monotonic() >= ends_at or not _do(comparison, some, outcome, do):
                    return False
    return True


@transaction.atomic
def _do(
    comparison: Comparison, keys: list[int], outcome: str, do: Callable[[ComparisonRow], None]
) -> bool:
    """Do it with these rows in one transaction; return False if another worker is at it."""
    locked = _locked(comparison)
    if locked is None:
        return False
    found = locked.rows.filter(pk__in=keys, outcome=outcome).select_related("person")
    rows = list(found.order_by("depth", "pk"))
    for row in rows:
        row.comparison = locked
        do(row)
    ComparisonRow.objects.bulk_update(rows, ["outcome", "problem", "person"])
    locked.done_count += len(rows)
    locked.save(update_fields=["done_count"])
    return True


def _check(comparison: Comparison, ends_at: float) -> bool:
    if not _each(comparison, Outcome.NONE, _try, ends_at, at_once=TRIED_AT_ONCE):
        return False
    selected = comparison.rows.filter(is_selected=True)
    is_refused = selected.filter(outcome=Outcome.REFUSED).exists()
    return _advance(comparison, State.STOPPED if is_refused else State.APPLYING)


def _try(row: ComparisonRow) -> None:
    person = row.person
    try:
        with transaction.atomic():
            apply_row(row, is_trial=True)
            transaction.set_rollback(True)
        row.outcome = Outcome.CHECKED
    except (PeopleError, RankRefused) as error:
        row.outcome, row.problem = Outcome.REFUSED, str(error)[:500]
    # A new person was rolled back.
    row.person = person


def _apply(comparison: Comparison, ends_at: float) -> bool:
    try:
        is_done = _each(comparison, Outcome.CHECKED, _apply_one, ends_at)
    except _Refused as refused:
        # The transaction of the row was rolled back. This one must not end between the two.
        with transaction.atomic():
            comparison.rows.filter(pk=refused.row.pk).update(
                outcome=Outcome.REFUSED, problem=refused.problem[:500]
            )
            return _advance(comparison, State.REVERTING)
    if not is_done:
        return False
    return _advance(comparison, State.INVITING)


class _Refused(Exception):
    def __init__(self, row: ComparisonRow, problem: str) -> None:
        self.row, self.problem = row, problem


def _apply_one(row: ComparisonRow) -> None:
    change = row.comparison.change
    if change and change.undone_at:
        raise _Refused(row, "The bulk change was undone while it was applied.")
    try:
        apply_row(row, is_trial=False)
    except (PeopleError, RankRefused) as error:
        raise _Refused(row, str(error)) from error
    row.outcome = Outcome.APPLIED


def _invite(comparison: Comparison, ends_at: float) -> bool:
    # Only new people are mailed.
    others = comparison.rows.filter(outcome=Outcome.APPLIED).exclude(kind=Kind.NEW)
    others.update(outcome=Outcome.INVITED)
    if not _each(comparison, Outcome.APPLIED, _release, ends_at):
        return False
    return _advance(comparison, State.APPLIED)


def _release(row: ComparisonRow) -> None:
    # Somebody may have deactivated a new person in the meantime, which revoked the invite.
    if row.person:
        release_invite(row.person, actor=JOB)
    row.outcome = Outcome.INVITED


def _revert(comparison: Comparison, ends_at: float) -> bool:
    """Undo the rows that were applied before one was refused."""
    if change := comparison.change:
        undo.begin_undo(change, actor=JOB)
        if not undo.run_batch(seconds=ends_at - monotonic(), change=change)[1]:
            return False
        if change.items.pending().exists():
            # Another worker is undoing them.
            return False
        undone = change.items.filter(outcome=BulkChangeItem.Outcome.UNDONE).values("person")
        rows = comparison.rows.filter(outcome=Outcome.APPLIED, person__in=undone)
        rows.filter(kind=Kind.NEW).update(outcome="", person=None)
        rows.update(outcome="")
    return _advance(comparison, State.STOPPED)

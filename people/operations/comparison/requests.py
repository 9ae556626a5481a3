"""Uploads a list, starts its comparison, selects rows, and starts to apply them."""

from collections.abc import Collection, Mapping

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from people import tenancy
from people.background import task_trigger
from people.models import Comparison, ComparisonRow, Tenant
from people.operations.bulk.alerts import most_of
from people.operations.comparison.columns import check_columns, guess_columns, guess_key
from people.operations.comparison.file_format import (
    decode,
    guess_encoding,
    guess_separator,
    read_table,
)
from people.values import Actor, PeopleError

Kind = ComparisonRow.Kind
Outcome = ComparisonRow.Outcome
State = Comparison.State


class ComparisonBusy(PeopleError):
    code = "comparison-busy"

    def __init__(self) -> None:
        super().__init__("A job is working on this list, or it was applied. Nothing was changed.")


class NothingSelected(PeopleError):
    code = "nothing-selected"

    def __init__(self) -> None:
        super().__init__("No row is selected. Select what to apply.")


class ManyDeactivations(PeopleError):
    code = "many-deactivations"

    def __init__(self, people: int, here: int) -> None:
        super().__init__(
            f"You are about to deactivate {people:,} of {here:,} active people. Enter the number "
            f"{people} to confirm this."
        )
        self.people = people


def upload(content: bytes, file_name: str, *, actor: Actor) -> Comparison:
    """Store a list, with a guess of its encoding, separator and columns.

    :raises UnreadableFile: if it cannot be read as a list of people.
    """
    encoding = guess_encoding(content)
    text = decode(content, encoding)
    separator = guess_separator(text)
    columns = guess_columns(read_table(text, separator).header)
    comparison: Comparison = Comparison.objects.create(
        tenant_id=tenancy.current_id(),
        file_name=file_name[:200],
        content=content,
        encoding=encoding,
        separator=separator,
        columns=columns,
        key=guess_key(columns),
        created_by=str(actor),
        created_at=timezone.now(),
    )
    return comparison


def read_again(comparison: Comparison, *, encoding: str, separator: str) -> None:
    """Read the file with another encoding or separator, and guess its columns again.

    :raises UnreadableFile: if it cannot be read in this way.
    """
    table = read_table(decode(bytes(comparison.content), encoding), separator)
    columns = guess_columns(table.header)
    found = Comparison.objects.filter(pk=comparison.pk, state=State.UPLOADED)
    found.update(encoding=encoding, separator=separator, columns=columns, key=guess_key(columns))


@transaction.atomic
def start_comparison(comparison: Comparison, columns: Mapping[str, str], key: str) -> None:
    """Have a job compare the list.

    :raises InvalidColumns: if a field has two columns, or the identifying column is missing.
    :raises ComparisonBusy: if the comparison has started already.
    """
    check_columns(columns, key)
    locked = _locked(comparison)
    if locked.state != State.UPLOADED:
        raise ComparisonBusy
    locked.columns, locked.key, locked.state = dict(columns), key, State.COMPARING
    locked.save(update_fields=["columns", "key", "state"])
    transaction.on_commit(waker.wake, robust=True)


def selectable(comparison: Comparison, kind: str) -> QuerySet[ComparisonRow]:
    rows: QuerySet[ComparisonRow] = comparison.rows.filter(kind=kind, blocked_because="")
    return rows.exclude(kind=Kind.UNREADABLE)


@transaction.atomic
def select(
    comparison: Comparison, kind: str, *, shown: Collection[str], ticked: Collection[str]
) -> None:
    """Select the ticked ones of the shown rows, and no other of the shown rows.

    :raises ComparisonBusy: if the selection is being applied, or was applied.
    """
    if not _locked(comparison).may_be_applied:
        raise ComparisonBusy
    rows = selectable(comparison, kind)
    rows.filter(pk__in=shown).exclude(pk__in=ticked).update(is_selected=False)
    rows.filter(pk__in=set(ticked) & set(shown)).update(is_selected=True)


@transaction.atomic
def select_all(comparison: Comparison, kind: str, *, is_selected: bool) -> None:
    """Select all rows of the kind, or none.

    :raises ComparisonBusy: if the selection is being applied, or was applied.
    """
    if not _locked(comparison).may_be_applied:
        raise ComparisonBusy
    selectable(comparison, kind).update(is_selected=is_selected)


@transaction.atomic
def leave_out_refused(comparison: Comparison) -> int:
    """Remove the rows that could not be applied from the selection; return their number.

    :raises ComparisonBusy: if the selection is being applied, or was applied.
    """
    if not _locked(comparison).may_be_applied:
        raise ComparisonBusy
    refused = comparison.rows.filter(is_selected=True, outcome=Outcome.REFUSED)
    count: int = refused.update(is_selected=False)
    return count


def deactivations_to_confirm(comparison: Comparison) -> int:
    """Return how many deactivations are selected, if they are more than the alert threshold."""
    count: int = comparison.rows.filter(kind=Kind.GONE, is_selected=True).count()
    tenant = Tenant.objects.get(pk=comparison.tenant_id)
    return count if count > most_of(tenant, comparison.here_count) else 0


@transaction.atomic
def request_apply(comparison: Comparison, *, actor: Actor, confirmed: int | None = None) -> None:
    """Have a job apply the selected rows: all of them, or none.

    :param confirmed: the number of deactivations that the administrator entered.
    :raises ComparisonBusy: if the selection is being applied, or was applied.
    :raises NothingSelected: if no row is selected.
    :raises ManyDeactivations: if many people would be deactivated, and that is not confirmed.
    """
    locked = _locked(comparison)
    if not locked.may_be_applied:
        raise ComparisonBusy
    selected = locked.rows.filter(is_selected=True)
    if not (count := selected.count()):
        raise NothingSelected
    many = deactivations_to_confirm(locked)
    if many and confirmed != many:
        raise ManyDeactivations(many, locked.here_count)
    locked.rows.exclude(outcome="").update(outcome="", problem="")
    locked.state, locked.applied_by = State.CHECKING, str(actor)
    locked.done_count, locked.total_count, locked.change = 0, count, None
    locked.save()
    transaction.on_commit(waker.wake, robust=True)


@transaction.atomic
def discard(comparison: Comparison) -> None:
    """Delete the list and its comparison. What was applied stays.

    :raises ComparisonBusy: if a job is changing people.
    """
    locked = _locked(comparison)
    if locked.state in (State.APPLYING, State.INVITING, State.REVERTING):
        raise ComparisonBusy
    locked.delete()


def _locked(comparison: Comparison) -> Comparison:
    locked: Comparison = Comparison.objects.select_for_update(no_key=True).get(pk=comparison.pk)
    return locked


# The task is named by text, because people.tasks imports the job.
waker = task_trigger("people.tasks.continue_comparisons")

"""Preview of auto-termination: who would be terminated and when, as a list and as CSV."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import StringIO

from django.http import HttpResponse

from people.models import Person, ScheduledTermination
from people.operations.offboarding import auto_termination, schedule
from people.operations.offboarding.blockers import blockers_of_many, paused_among
from people.presentation.page_links import BoundedPaginator
from people.presentation.spreadsheets import BYTE_ORDER_MARK, escape_formula

ROWS_A_PAGE = 50
CHUNK = 500
COLUMNS = ("Name", "Email", "Deactivated (UTC)", "Terminated (UTC)", "Blocked or exempt")


@dataclass(frozen=True)
class PreviewRow:
    person: Person
    # None for exempt people.
    due_at: datetime | None
    note: str


@dataclass(frozen=True)
class AutoTerminationPreview:
    """What setting this number of days now would do; `is_new` if it is off until then."""

    days: int
    now: datetime
    is_new: bool

    @property
    def not_before(self) -> datetime:
        return self.now + schedule.GRACE

    def page(self, number: str | None) -> tuple[object, list[PreviewRow]]:
        page = BoundedPaginator(auto_termination.affected_people(), ROWS_A_PAGE).get_page(number)
        return page, self._rows(list(page))

    def as_csv(self) -> HttpResponse:
        file = StringIO()
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for one in self.everybody():
            cells = (
                one.person.full_name,
                one.person.email,
                f"{one.person.deactivated_at:%Y-%m-%d %H:%M}",
                f"{one.due_at:%Y-%m-%d %H:%M}" if one.due_at else "",
                one.note,
            )
            # Names come from the provider, and a spreadsheet would run those that begin with “=”.
            writer.writerow(map(escape_formula, cells))
        name = f"auto-termination-{self.days}-days.csv"
        return HttpResponse(
            BYTE_ORDER_MARK + file.getvalue(),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def everybody(self) -> Iterator[PreviewRow]:
        """Yield all affected people, the earliest due date first."""
        chunk: list[Person] = []
        for person in auto_termination.affected_people().iterator(chunk_size=CHUNK):
            chunk.append(person)
            if len(chunk) == CHUNK:
                yield from self._rows(chunk)
                chunk = []
        yield from self._rows(chunk)

    def _rows(self, people: Iterable[Person]) -> list[PreviewRow]:
        by_id = {person.pk: person for person in people}
        blockers, paused = blockers_of_many(by_id), paused_among(by_id)
        return [
            self._of(
                person,
                [blocker.sentence for blocker in blockers[pk]]
                + (["Bulk change to confirm"] if pk in paused else []),
            )
            for pk, person in by_id.items()
        ]

    def _of(self, person: Person, blockers: list[str]) -> PreviewRow:
        scheduled_termination: ScheduledTermination | None = getattr(
            person, "scheduled_termination", None
        )
        if scheduled_termination and scheduled_termination.exempted_at:
            return PreviewRow(person, None, "Exempt")
        is_postponed = (
            scheduled_termination is not None and scheduled_termination.postponed_from is not None
        )
        notes = ["Postponed"] if is_postponed else []
        due_at = auto_termination.forecast_due_at(
            person, self.days, is_new=self.is_new, now=self.now
        )
        return PreviewRow(person, due_at, ", ".join(notes + blockers))

"""Plays the week, a day at a time."""

import time
from collections import Counter
from dataclasses import dataclass

from tests.faults.outcome import Outcome
from tests.faults.stack import Stack
from tests.faults.week import mailbox
from tests.faults.week.administrator import Administrator
from tests.faults.week.browser import Browser
from tests.faults.week.company import DEPARTMENTS, Company
from tests.faults.week.comparing import Comparison
from tests.faults.week.events_of_the_week import WeekEvents
from tests.faults.week.okta import Okta, of_all
from tests.faults.week.people_changes import PeopleChanges
from tests.faults.week.watching import Watch

WAITING = """
    SELECT 'event ' || id || ' ' || kind FROM people_event WHERE dispatched_at IS NULL
    UNION ALL
    SELECT concat_ws(' ', 'mail', id, kind, attempts, held_by, problem) FROM people_mail
     WHERE sent_at IS NULL AND given_up_at IS NULL AND due_at <= now()
    UNION ALL
    SELECT 'mapping at ' || reapply_cursor FROM scim_connection WHERE reapply_cursor IS NOT NULL
"""
OWNER = """
    SELECT given_name || ' ' || family_name FROM people_person p
      JOIN people_tenant t ON t.id = p.tenant_id
     WHERE t.slug = %s AND p.role = 'BUSINESS_OWNER'
"""
MAX_SECONDS = 1800


def run(stack: Stack, *, people: int, days: int, seed: int) -> Outcome:
    """Play so many days of a company of that size, and count the differences."""
    stack.smtp.empty()
    connected = stack.connect(provider="okta")
    company = Company(people, seed)
    company.owner = stack.value(OWNER, connected.tenant)
    okta = Okta(company, connected)
    browser = Browser(stack.server.url)
    administrator = Administrator(company, okta, stack, connected, browser)
    administrator.sign_in()
    week = Week(
        company,
        okta,
        stack,
        administrator,
        PeopleChanges(company, okta, stack, {}),
        WeekEvents(company, okta),
        Comparison(company, stack, connected, browser),
    )
    with Watch(company, stack.database_url):
        week.monday()
        for day in range(1, days + 1):
            week.play(day)
    checks, found = sum(company.checks.values()), len(company.differences)
    kinds = Counter(difference.what for difference in company.differences)
    result = f"{found} differences" + (f": {dict(kinds)}" if kinds else "")
    size = f"{people:,} people, {days} days, {checks:,} comparisons, seed {seed}"
    return Outcome("A week with Okta against a model", size, result, not found)


@dataclass
class Week:
    company: Company
    okta: Okta
    stack: Stack
    administrator: Administrator
    people: PeopleChanges
    events: WeekEvents
    comparison: Comparison
    mails: int = 0

    def monday(self) -> None:
        """Push everybody, in any order: managers come after their reports as often as not."""
        self.company.found()
        order = self.company.people[:]
        self.company.chance.shuffle(order)
        for employee, answer in zip(order, of_all(self.okta.assign, order), strict=True):
            self.okta.expect("a first assignment", employee, answer, 201)
        for name in DEPARTMENTS:
            self.okta.start_group(f"All {name}")
            members = [one for one in self.company.people if one.department == name]
            self.okta.change_group(f"All {name}", add=members)
        self._end_day()

    def play(self, day: int) -> None:
        company = self.company
        company.day = day
        company.busy.clear()
        letters = mailbox.letters(self.stack.smtp)
        self.people.accept_invites(letters)
        self.people.confirm_addresses(letters)
        self.people.hire()
        if day % 2 == 0:
            self.administrator.invite_held_people()
            # Somebody who leaves before the invite has left the queue gets none.
            self._settle()
        self.people.leave()
        self.people.leave_without_a_city()
        if day > 1:
            self.administrator.give_another_manager()
            self.people.come_back()
        self.people.marry()
        self.people.rename_managers()
        self.people.move()
        if day == 2:
            self.events.reorganize()
            self.events.swap_managers()
        if day == 3:
            gone = self.events.deactivate_by_accident()
            self._settle()
            self.events.bring_back(gone)
        self.people.race_with_deactivation(letters)
        self.administrator.edit_owned_fields()
        self.administrator.invite_contractors()
        self.administrator.let_okta_adopt_contractors()
        if day == 4:
            self.administrator.map_departments_to_divisions()
        if day == 5:
            # A new token takes a session that was confirmed less than 15 minutes ago.
            self.administrator.sign_in()
            self.administrator.rotate_token()
        self._end_day()

    def _end_day(self) -> None:
        """Let everything come to rest, run what is due, and compare."""
        began = time.monotonic()
        # A new mapping would otherwise wait for the next cycle, for up to five minutes.
        self.stack.server.manage("run_due")
        self._settle()
        self.stack.server.manage("run_due")
        self._settle()
        self.mails = self.comparison.all(self.mails)
        for employee in self.company.people:
            employee.senders.clear()
        checks, found = sum(self.company.checks.values()), len(self.company.differences)
        took = time.monotonic() - began
        print(
            f"day {self.company.day}: {checks} comparisons, {found} differences, "
            f"compared in {took:.0f} s",
            flush=True,
        )

    def _settle(self) -> None:
        """Wait until no event or mail is due, and a new mapping has been applied to everybody."""
        until = time.monotonic() + MAX_SECONDS
        while waiting := self.stack.rows(WAITING):
            if time.monotonic() > until:
                self.company.differ("waits without end", "", [], waiting[:20])
                return
            time.sleep(0.2)

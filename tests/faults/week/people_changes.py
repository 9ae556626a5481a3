"""What happens to people on a day, as Okta sends it."""

import time
from dataclasses import dataclass
from threading import Thread

from tests.faults.stack import Stack
from tests.faults.week import mailbox
from tests.faults.week.browser import Browser
from tests.faults.week.company import CITIES, DEPARTMENTS, FAMILY, Company, Employee
from tests.faults.week.mailbox import Letter
from tests.faults.week.okta import Okta, of_all

SESSION_IS_OVER = (302, 403)
STATE = """
    SELECT p.state, p.joined_at IS NOT NULL FROM people_person p
      JOIN scim_scimuser u ON u.person_id = p.id WHERE u.scim_id = %s
"""


@dataclass
class PeopleChanges:
    company: Company
    okta: Okta
    stack: Stack
    # Of those who accepted their invite, by number.
    browsers: dict[int, Browser]

    def accept_invites(self, letters: list[Letter]) -> None:
        def accept(employee: Employee) -> bool:
            return self._accept(employee, letters)

        coming = self.company.pick(
            self.company.scaled(60), lambda one: one.state == "invited" and not one.is_held
        )
        for employee, has_joined in zip(coming, of_all(accept, coming), strict=True):
            self.company.check("accepts the invite", employee, holds=has_joined)
            employee.has_joined = has_joined

    def _accept(self, employee: Employee, letters: list[Letter]) -> bool:
        link = mailbox.latest_link(letters, employee.email, "invite")
        if link is None:
            return False
        browser = Browser(self.stack.server.url)
        page = browser.get(link)
        if page.status_code != 200:
            return False
        password = f"Quiet-river-{employee.number}-stone"
        answer = browser.submit(page, password=password, again=password, follow=False)
        self.browsers[employee.number] = browser
        return answer.status_code == 302

    def confirm_addresses(self, letters: list[Letter]) -> None:
        for employee in self.company.pick(
            self.company.scaled(6),
            lambda one: one.has_joined and one.is_assigned and one.email != one.confirmed_email,
        ):
            link = mailbox.latest_link(letters, employee.email, "confirm-address")
            browser = Browser(self.stack.server.url)
            answer = browser.submit(browser.get(link or "/"), follow=False)
            self.company.check("confirms", employee, holds=answer.status_code in (200, 302))
            employee.confirmed_email = employee.email

    def hire(self) -> list[Employee]:
        """Bring in new people, some under a manager who comes after them; return the manager too.

        Of some Okta has no city at first, and of one nobody knows the manager.
        """
        company = self.company
        boss = company.hire(company.some_manager())
        fresh = [
            company.hire(boss if number < company.scaled(5) else company.some_manager())
            for number in range(company.scaled(24))
        ]
        lost = fresh[: company.scaled(3)] if company.day % 2 else []
        for employee in lost:
            employee.is_incomplete = True
        stray = fresh[-1]
        stray.unknown_manager, stray.is_held = f"nobody{company.day}@holding.example", True
        stray.manager = None
        stray.mails["invite"] -= 1
        for employee, answer in zip(fresh, of_all(self.okta.assign, fresh), strict=True):
            wanted = 400 if employee.is_incomplete else 201
            self.okta.expect("a new hire", employee, answer, wanted)
        self.okta.expect("a new hire", boss, self.okta.assign(boss), 201)
        for employee in lost:
            employee.is_incomplete = False
            self.okta.expect("a new hire again", employee, self.okta.assign(employee), 201)
        for employee in (boss, *fresh):
            self.okta.change_group(f"All {employee.department}", add=[employee])
        company.keep_busy((boss, *fresh))
        return [boss, *fresh]

    def leave(self) -> None:
        def deactivate(employee: Employee) -> object:
            return self.okta.deactivate(employee, way="PUT" if employee.number % 2 else "PATCH")

        company = self.company
        leavers = company.pick(
            company.scaled(40),
            lambda one: one.is_assigned and one.number > company.directors + 1,
        )
        for employee, answer in zip(leavers, of_all(deactivate, leavers), strict=True):
            self.okta.expect("a leaver", employee, answer)  # type: ignore[arg-type]
        for name, (_, members) in company.groups.items():
            self.okta.change_group(name, remove=[one for one in leavers if one in members])
        for employee in leavers:
            self._compare_session(employee)

    def _compare_session(self, employee: Employee) -> None:
        browser = self.browsers.get(employee.number)
        if browser:
            status = browser.get("/home/", follow=False).status_code
            self.company.check("session of a leaver", employee, holds=status in SESSION_IS_OVER)

    def leave_without_a_city(self) -> None:
        """Have HR empty the city of a leaver in the same push."""
        company = self.company
        for employee in company.pick(
            company.scaled(2), lambda one: one.is_assigned and one.number > company.managers
        ):
            employee.is_assigned, employee.is_incomplete = False, True
            employee.left_on = company.day
            self.okta.expect("a leaver without a city", employee, self.okta.push(employee), 200)
            state = self.stack.rows(STATE, employee.scim_id)[0][0]
            company.compare("a leaver without a city is out", employee, "inactive", state)
            employee.is_incomplete = False
            answer = self.okta.deactivate(employee)
            self.okta.expect("a leaver without a city, again", employee, answer)

    def come_back(self) -> None:
        for employee in self.company.pick(self.company.scaled(10), lambda one: not one.is_assigned):
            employee.come_back()
            self.okta.expect("somebody coming back", employee, self.okta.assign(employee))
            name = f"All {employee.department}"
            if employee not in self.company.groups[name][1]:
                self.okta.change_group(name, add=[employee])

    def marry(self) -> None:
        for employee in self.company.pick(
            self.company.scaled(8), lambda one: one.is_assigned and not one.is_held
        ):
            employee.rename(self.company.chance.choice(FAMILY), self.company.day)
            self.okta.expect("a marriage", employee, self.okta.push(employee))

    def rename_managers(self) -> None:
        """Have managers marry; Okta pushes their reports before, after, or with the old text."""
        company = self.company
        for manager in company.pick(
            2,
            lambda one: (
                one.is_assigned
                and company.directors < one.number < company.managers
                and len(company.reports_of(one)) > 3
            ),
        ):
            reports = company.reports_of(manager)
            third = len(reports) // 3
            former = manager.email
            manager.rename(company.chance.choice(FAMILY), company.day)
            for report in reports[:third]:
                self.okta.expect("a report, before", report, self.okta.push(report))
            self.okta.expect("a renamed manager", manager, self.okta.push(manager))
            for report in reports[third : 2 * third]:
                self.okta.expect("a report, after", report, self.okta.push(report))
            for report in reports[2 * third :]:
                self._push_with_stale_manager(report, manager, former)
            company.keep_busy(reports)

    def _push_with_stale_manager(self, report: Employee, manager: Employee, former: str) -> None:
        """Change the profile of a report while it names the manager's old address still."""
        report.title = "Senior"
        current = manager.email
        manager.email = former
        answer = self.okta.push(report)
        manager.email = current
        self.okta.expect("a report with the stale manager", report, answer)

    def move(self) -> None:
        moved = self.company.pick(self.company.scaled(30), lambda one: one.is_assigned)
        for employee in moved:
            employee.department = self.company.chance.choice(DEPARTMENTS)
            employee.city = self.company.chance.choice(CITIES)
        for employee, answer in zip(moved, of_all(self.okta.push, moved), strict=True):
            self.okta.expect("a move", employee, answer)

    def race_with_deactivation(self, letters: list[Letter]) -> None:
        """Deactivate people while they accept their invite."""

        def race(employee: Employee) -> object:
            thread = Thread(target=self._accept, args=(employee, letters))
            thread.start()
            time.sleep(delays[employee.number])
            answer = self.okta.deactivate(employee)
            thread.join()
            return answer

        company = self.company
        racing = company.pick(
            company.scaled(10),
            lambda one: (
                one.state == "invited"
                and not one.is_held
                and one.number <= company.size
                and not one.former_addresses
            ),
        )
        delays = {one.number: company.chance.random() * 0.25 for one in racing}
        for employee, answer in zip(racing, of_all(race, racing, 2), strict=True):
            self.okta.expect("a leaver who is signing in", employee, answer)  # type: ignore[arg-type]
            employee.has_joined = self.stack.rows(STATE, employee.scim_id)[0][1]
            self._compare_session(employee)

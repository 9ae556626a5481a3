"""What happens once in the week: a re-organization, and an accident and the way back."""

from dataclasses import dataclass

from tests.faults.week.company import Company, Employee
from tests.faults.week.okta import Okta, of_all


@dataclass
class WeekEvents:
    company: Company
    okta: Okta

    def reorganize(self) -> None:
        """Give many people another manager."""
        company = self.company
        moved = company.pick(
            company.scaled(300), lambda one: one.is_assigned and one.number > company.managers
        )
        managers = [
            one for one in company.people[company.directors : company.managers] if one.is_assigned
        ]
        for employee in moved:
            if employee.manager:
                employee.senders |= employee.manager.names
            employee.manager = company.chance.choice(managers)
            employee.unknown_manager, employee.is_invited_anyway = "", False
            employee.mails["invite"] += employee.is_held
            employee.is_held = False
        for employee, answer in zip(moved, of_all(self.okta.push, moved, 8), strict=True):
            self.okta.expect("the re-organization", employee, answer)

    def swap_managers(self) -> None:
        """Have managers and reports change places; Okta sends the manager first.

        That push would close a circle and is refused. It is carried out by itself when the
        report has arrived.
        """
        company = self.company
        for manager in company.pick(
            company.scaled(5),
            lambda one: one.is_assigned and company.directors < one.number < company.managers,
        ):
            reports = company.reports_of(manager)
            if not reports:
                continue
            report = reports[0]
            company.keep_busy([report])
            manager.manager, report.manager = report, manager.manager
            manager.title = "Swapped"
            answer = self.okta.push(manager)
            self.okta.expect("a swap, the manager first", manager, answer, 400)
            self.okta.expect("a swap, the report", report, self.okta.push(report))
            company.checks["swap"] += 1

    def deactivate_by_accident(self) -> list[Employee]:
        company = self.company
        gone = company.pick(company.scaled(120), lambda one: one.is_assigned and not one.is_held)
        for employee, answer in zip(gone, of_all(self.okta.deactivate, gone), strict=True):
            self.okta.expect("the accident", employee, answer)
        return gone

    def bring_back(self, gone: list[Employee]) -> None:
        for employee in gone:
            employee.come_back()
        for employee, answer in zip(gone, of_all(self.okta.assign, gone), strict=True):
            self.okta.expect("the accident undone", employee, answer)

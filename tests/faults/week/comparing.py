"""Compares what Ramp has with the model: rows, history, pages, mails and groups."""

import re
from collections import Counter, defaultdict
from typing import Any

from tests.faults.stack import Stack
from tests.faults.week import mailbox
from tests.faults.week.browser import Browser
from tests.faults.week.company import Company, Employee
from tests.faults.week.mailbox import Letter
from tests.services.db import Connected

PEOPLE = """
    SELECT u.scim_id::text, u.waiting_manager, p.state, p.given_name, p.family_name, p.email,
           p.pending_email, d.name, l.name, p.role, p.manually_overridden_at,
           (SELECT m.scim_id::text FROM scim_scimuser m
             WHERE m.person_id = p.manager_id AND m.deleted_at IS NULL),
           (SELECT i.hold_reason FROM people_invite i
             WHERE i.person_id = p.id AND i.accepted_at IS NULL AND i.revoked_at IS NULL)
      FROM scim_scimuser u JOIN people_person p ON p.id = u.person_id
      LEFT JOIN people_department d ON d.id = p.department_id
      LEFT JOIN people_location l ON l.id = p.location_id
     WHERE u.connection_id = %s
"""
COLUMNS = (
    *("waits for a manager", "state", "first name", "last name", "email", "pending email"),
    *("department", "location", "role", "overruled", "manager", "invite"),
)
ERRORS = """
    SELECT user_name, reason FROM scim_syncerror
     WHERE connection_id = %s AND resolved_at IS NULL AND dismissed_at IS NULL
"""
# The history of each person, folded from nothing, beside the row.
HISTORY = """
    SELECT p.email, to_jsonb(p), d.name, l.name, e.changes, e.facts
      FROM people_person p JOIN people_tenant t ON t.id = p.tenant_id
      JOIN people_event e ON e.person_id = p.id
      LEFT JOIN people_department d ON d.id = p.department_id
      LEFT JOIN people_location l ON l.id = p.location_id
     WHERE t.slug = %s ORDER BY e.id
"""
FOLDED = ("given_name", "family_name", "email", "pending_email", "manager", "role", "state")
OTHERS_MAIL = """
    SELECT DISTINCT m."to" FROM people_mail m JOIN people_tenant t ON t.id = m.tenant_id
     WHERE t.slug <> %s
"""
GROUPS = """
    SELECT g.scim_id::text, u.scim_id::text FROM scim_scimmembership m
      JOIN scim_scimgroup g ON g.id = m.group_id JOIN scim_scimuser u ON u.id = m.user_id
     WHERE g.connection_id = %s
"""
COUNT = "SELECT count(*) FROM {} x JOIN people_tenant t ON t.id = x.tenant_id WHERE t.slug = %s"


class Comparison:
    def __init__(
        self, company: Company, stack: Stack, connected: Connected, admin: Browser
    ) -> None:
        self.company, self.stack, self.connected, self.admin = company, stack, connected, admin

    def all(self, mails_before: int) -> int:
        """Compare everything, and return how many mails there are by now."""
        self.people()
        self.sync_errors()
        self.history()
        self.list_of_people()
        self.other_pages()
        self.groups()
        return self.mails(mails_before)

    def people(self) -> None:
        rows = {row[0]: row[1:] for row in self.stack.rows(PEOPLE, self.connected.connection)}
        for employee in self.company.people:
            if not employee.scim_id:
                continue
            row = rows.get(employee.scim_id)
            if row is None:
                self.company.differ("no person", employee, "a person", None)
                continue
            got = dict(zip(COLUMNS, row, strict=True))
            if got["invite"] is not None:
                got["invite"] = "held" if got["invite"] else "open"
            for name, value in self._wanted(employee).items():
                self.company.compare(name, employee, value, got[name])

    def _wanted(self, employee: Employee) -> dict[str, Any]:
        by_division = self.company.departments_are_divisions
        is_changing = employee.has_joined and employee.email != employee.confirmed_email
        return {
            "waits for a manager": employee.unknown_manager,
            "state": employee.state,
            "first name": employee.given,
            "last name": employee.family,
            "email": employee.confirmed_email,
            "pending email": employee.email if is_changing else "",
            "department": employee.division if by_division else employee.department,
            "location": employee.city,
            "role": employee.role or "BUSINESS_USER",
            "overruled": None,
            "manager": employee.manager.scim_id if employee.manager else None,
            "invite": employee.invite,
        }

    def sync_errors(self) -> None:
        listed = set(self.stack.rows(ERRORS, self.connected.connection))
        wanted = self.company.sync_errors
        self.company.checks["sync errors"] += 1
        for who, reason in listed - wanted:
            self.company.differ("sync error that is not true", who, None, reason)
        for who, reason in wanted - listed:
            self.company.differ("sync error that is missing", who, reason, None)

    def history(self) -> None:
        """See that the changes in everybody's history, added up, are the row."""
        folded: dict[str, dict[str, Any]] = defaultdict(dict)
        stored: dict[str, dict[str, Any]] = {}
        for email, row, department, location, changes, facts in self.stack.rows(
            HISTORY, self.connected.tenant
        ):
            folded[email] |= {name: change["to"] for name, change in changes.items()}
            folded[email] |= {
                name: facts[f"{name}_id"] for name in ("department", "location") if name in changes
            }
            row["manager"] = row["manager_id"]
            stored[email] = {name: row[name] for name in FOLDED} | {
                "department": department and row["department_id"],
                "location": location and row["location_id"],
            }
        for email, row in stored.items():
            want = {name: value for name, value in row.items() if value}
            result = folded[email]
            got = {name: result[name] for name in row if result.get(name)}
            self.company.compare("history", email, want, got)

    def list_of_people(self) -> None:
        page = self.admin.get("/people/")
        text = _plain(page.text)
        found = re.findall(r"\b(People|Departments|Locations) ([\d,]+\+?)", text)
        shown = {name.lower(): count for name, count in found}
        for tab, table in (("departments", "department"), ("locations", "location")):
            count = self.stack.value(COUNT.format(f"people_{table}"), self.connected.tenant)
            self.company.compare(f"tab {tab}", "", f"{count:,}", shown.get(tab))
        company = self.company
        provisioned = [one for one in company.people if one.scim_id]
        everybody = len(provisioned) + 1 + len(self._only_by_hand())
        company.compare("tab people", "", f"{everybody:,}", shown.get("people"))
        self._what_needs_attention(page.text)

    def _what_needs_attention(self, people_page: str) -> None:
        """Compare the sync errors that the overview counts, and its total with the badge."""
        text = _plain(self.admin.get("/overview/").text)
        errors = re.search(r"Error: ([\d,]+) changes? from (?:an )?identity provider", text)
        wanted = f"{len(self.company.sync_errors):,}"
        self.company.compare("overview", "sync errors", wanted, errors.group(1) if errors else "0")
        total = re.search(r"Needs attention ([\d,]+)", text)
        badge = re.search(r'class="ramp-count">([\d,]+)', people_page)
        shown = badge.group(1) if badge else "0"
        self.company.compare("badge", "", total.group(1) if total else "0", shown)

    def _only_by_hand(self) -> set[str]:
        provisioned = {one.email for one in self.company.people if one.scim_id}
        return self.company.by_hand.keys() - provisioned

    def other_pages(self) -> None:
        company, here = self.company, f"/integrations/scim/{self.connected.connection}/"
        provisioned = [one for one in company.people if one.scim_id]
        inactive = sum(one.state == "inactive" for one in provisioned)
        invited = sum(one.state == "invited" for one in provisioned)
        text = _plain(self.admin.get("/people/updates/invites/").text)
        for title, want in (
            ("Pending invites", invited + len(self._only_by_hand())),
            ("Inactive users", inactive),
            ("Sync errors", len(company.sync_errors)),
        ):
            found = re.search(rf"{title} ([\d,]+)", text)
            company.compare(f"updates: {title}", "", f"{want:,}", found and found.group(1))
        text = _plain(self.admin.get(here).text)
        through = sum(not one.is_adopted for one in provisioned)
        for what, count in (("inactive", inactive), ("invited", through)):
            company.check(f"SCIM settings: {what}", "", holds=f" {count:,} " in text)
        for path in (
            *(
                "/people/updates/inactive/",
                "/people/updates/errors/",
                "/people/departures/",
            ),
            *(f"{here}requests/", f"{here}groups/"),
        ):
            company.compare("page", path, 200, self.admin.get(path).status_code)
        for failure in self.admin.failures:
            company.differ("page of 500", failure, "", "")
        self.admin.failures.clear()

    def groups(self) -> None:
        members: dict[str, set[str]] = defaultdict(set)
        for group, user in self.stack.rows(GROUPS, self.connected.connection):
            members[group].add(user)
        for name, (group_id, employees) in self.company.groups.items():
            wanted = {one.scim_id for one in employees}
            self.company.compare("members of a group", name, wanted, members[group_id])

    def mails(self, before: int) -> int:
        """Compare how often each was written to; return how many mails there are by now."""
        letters = mailbox.letters(self.stack.smtp)
        for message, count in Counter(letter.id for letter in letters).items():
            self.company.compare("a mail once", message, 1, count)
        holders = {address: one for one in self.company.people for address in one.addresses}
        self._compare_counts(letters, holders)
        for letter in letters[before:]:
            if letter.kind == "invite" and letter.to in holders:
                self._compare_sender(letter, holders[letter.to])
        return len(letters)

    def _compare_counts(self, letters: list[Letter], holders: dict[str, Employee]) -> None:
        sent: dict[int, Counter[str]] = defaultdict(Counter)
        # Other tests on the same Ramp have mail for people of their own companies.
        known = {to for (to,) in self.stack.rows(OTHERS_MAIL, self.connected.tenant)}
        known |= {letter.to for letter in letters if letter.to.startswith("owner@")}
        known |= self.company.by_hand.keys()
        for letter in letters:
            if letter.to in holders:
                sent[holders[letter.to].number][letter.kind] += 1
            elif letter.to not in known:
                self.company.differ("mail to nobody", letter.to, None, letter.kind)
        for one in self.company.people:
            for kind in ("invite", "confirm", "notice"):
                self.company.compare(f"mails: {kind}", one, one.mails[kind], sent[one.number][kind])

    def _compare_sender(self, letter: Letter, employee: Employee) -> None:
        manager = employee.manager
        is_gone = manager is None or not manager.is_assigned
        # A mail that waits may be sent before or after a manager leaves or comes back.
        has_left_today = manager is not None and manager.left_on == self.company.day
        allowed = set(employee.senders)
        if manager and (not is_gone or has_left_today):
            allowed |= manager.names
        if is_gone or has_left_today:
            allowed.add(self.company.owner)
        wanted = letter.sender if letter.sender in allowed else sorted(allowed)
        self.company.compare("sender", employee, wanted, letter.sender)
        self.company.compare("reply-to", employee, letter.sender, letter.reply_to)


def _plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))

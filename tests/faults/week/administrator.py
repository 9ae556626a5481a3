"""What an administrator does in the week, on the pages."""

import re
import time
from dataclasses import dataclass, replace
from threading import Event, Thread
from typing import Any

import httpx

from tests.faults.provider import ENTERPRISE
from tests.faults.stack import Stack
from tests.faults.week.browser import Browser, Forms
from tests.faults.week.company import Company, Employee
from tests.faults.week.okta import Okta, of_all
from tests.services.db import Connected

PERSON_ID = "SELECT person_id::text FROM scim_scimuser WHERE scim_id = %s"
OPEN_ERROR = """
    SELECT id FROM scim_syncerror
     WHERE connection_id = %s AND user_name = %s AND resolved_at IS NULL AND dismissed_at IS NULL
"""
ANOTHER_LOCATION = """
    SELECT id::text FROM people_location l
     WHERE tenant_id = (SELECT tenant_id FROM people_person WHERE id = %s)
       AND id <> (SELECT location_id FROM people_person WHERE id = %s)
     ORDER BY id LIMIT 1
"""
TOKEN = re.compile(r'id="token"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*id="token"')


@dataclass
class Administrator:
    company: Company
    okta: Okta
    stack: Stack
    connected: Connected
    browser: Browser

    def sign_in(self) -> None:
        self.browser.forget_cookies()
        page = self.browser.get(f"/sign-in/{self.connected.tenant}/")
        email = f"owner@{self.connected.tenant}.example.com"
        page = self.browser.submit(page, email=email, password="correct horse")
        assert "sign-out" in page.text, page.text[:500]

    def invite_held_people(self) -> None:
        """Let the invites go that wait for managers whom nobody knows, from earlier days."""
        for employee in self.company.people:
            is_waiting = employee.unknown_manager and employee.is_held and employee.is_assigned
            if not is_waiting or employee.number in self.company.busy:
                continue
            found = self.stack.rows(OPEN_ERROR, self.connected.connection, employee.user_name)
            self.company.compare("listed for “Invite anyway”", employee, 1, len(found))
            page = self.browser.get(f"/people/updates/errors/{found[0][0]}/")
            answer = self.browser.post(
                f"/people/updates/errors/{found[0][0]}/invite-anyway/", _token(page), follow=False
            )
            self.company.compare("“Invite anyway”", employee, 302, answer.status_code)
            employee.is_held, employee.is_invited_anyway = False, True
            employee.mails["invite"] += 1
            employee.senders.add(self.company.owner)

    def give_another_manager(self) -> None:
        """Change the manager of somebody of whom Okta names the manager's former address."""
        for employee in self.company.pick(
            1,
            lambda one: bool(
                one.is_assigned
                and one.manager
                and one.sent_manager
                and one.sent_manager != one.manager.email
                and not one.unknown_manager
            ),
        ):
            first, second = self.company.people[:2]
            other = second if employee.manager is first else first
            self._edit(employee, manager=self._person_id(other))

    def edit_owned_fields(self) -> None:
        """Change fields that Okta owns; the cycle puts them back."""
        for employee in self.company.pick(
            self.company.scaled(10), lambda one: one.is_assigned and not one.is_held
        ):
            if employee.number % 2:
                # An invite that is sent before the cycle puts it back has this name.
                employee.former_names.add(f"{employee.name}X")
                self._edit(employee, family_name=f"{employee.family}X")
            else:
                person_id = self._person_id(employee)
                location = self.stack.value(ANOTHER_LOCATION, person_id, person_id)
                self._edit(employee, location=location)

    def _edit(self, employee: Employee, **changes: Any) -> None:
        page = self.browser.get(f"/people/{self._person_id(employee)}/edit/")
        answer = self.browser.submit(page, **changes)
        self.company.check("edit", employee, holds="was updated" in answer.text)

    def _person_id(self, employee: Employee) -> str:
        return str(self.stack.value(PERSON_ID, employee.scim_id))

    def invite_contractors(self) -> None:
        for number in range(2):
            email = f"c{self.company.day}{number}@acme.example"
            page = self.browser.get("/people/add/")
            answer = self.browser.submit(page, given_name="Con", family_name="Tractor", email=email)
            self.company.by_hand[email] = self.company.day
            self.company.check("by hand", email, holds="was added and invited" in answer.text)

    def let_okta_adopt_contractors(self) -> None:
        """Have Okta assign those who were invited by hand the day before."""
        for email, day in list(self.company.by_hand.items()):
            if day != self.company.day - 1:
                continue
            employee = self.company.hire(self.company.some_manager())
            employee.user_name = employee.email = employee.confirmed_email = email
            employee.is_adopted = True
            employee.senders.add(self.company.owner)
            self.okta.expect("an adoption", employee, self.okta.assign(employee), 201)
            del self.company.by_hand[email]
            self.okta.change_group(f"All {employee.department}", add=[employee])

    def map_departments_to_divisions(self) -> None:
        path = f"/integrations/scim/{self.connected.connection}/mapping/"
        forms = Forms(self.browser.get(path).text).all
        fields = next(form.fields for form in forms if "department" in form.fields)
        fields |= {"department": f"{ENTERPRISE}:division"}
        preview = self.browser.post(path, fields | {"do": "preview"})
        self.company.compare("preview of the mapping", "", 200, preview.status_code)
        saved = self.browser.post(path, fields | {"do": "save"})
        self.company.check("mapping saved", "", holds="mapping was saved" in saved.text)
        self.company.departments_are_divisions = True
        pushed = self.company.pick(self.company.scaled(20), lambda one: one.is_assigned)
        for employee in pushed:
            employee.title = "After the mapping"
        for employee, answer in zip(pushed, of_all(self.okta.push, pushed), strict=True):
            self.okta.expect("a push after the mapping", employee, answer)

    def rotate_token(self) -> None:
        """Replace the token while Okta goes on; none of its requests may be refused."""
        path = f"/integrations/scim/{self.connected.connection}/tokens/"
        refused: list[int] = []
        is_over = Event()
        thread = Thread(target=self._keep_asking, args=(is_over, refused))
        thread.start()
        page = self.browser.post(path, _token(self.browser.get(path)))
        shown = TOKEN.search(page.text)
        self.company.check("new token is shown", "", holds=shown is not None)
        if shown:
            old = self.okta.client
            token = shown.group(1) or shown.group(2)
            self.okta.use(replace(self.connected, token=token))
            # The pages show the use of a token some seconds later.
            time.sleep(6)
            first = re.search(r"/tokens/(\d+)/revoke/", self.browser.get(path).text)
            assert first
            self.browser.submit(self.browser.get(f"{path}{first.group(1)}/revoke/"))
            status = old.send("GET", "/Users?count=1").status_code
            self.company.compare("old token is refused", "", 401, status)
        is_over.set()
        thread.join()
        self.company.compare("refused while the token was replaced", "", 0, len(refused))

    def _keep_asking(self, is_over: Event, refused: list[int]) -> None:
        while not is_over.wait(0.05):
            status = self.okta.send("GET", "/Users?startIndex=1&count=2").status_code
            if status == 401:
                refused.append(status)


def _token(page: httpx.Response) -> dict[str, Any]:
    forms = Forms(page.text).all
    name = "csrfmiddlewaretoken"
    return {name: next(form.fields[name] for form in forms if name in form.fields)}

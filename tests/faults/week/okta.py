"""Okta: what it sends of the company, in the order and the form in which it does."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from tests.faults.provider import ENTERPRISE, USER, ScimClient, patch
from tests.faults.week.company import Company, Employee
from tests.services.db import Connected

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
# Okta has several workers.
WORKERS = 4
GROUP_CHUNK = 100

Result = TypeVar("Result")


def of_all(
    do: Callable[[Employee], Result], employees: Iterable[Employee], workers: int = WORKERS
) -> list[Result]:
    """Do something of several people at a time; return the results in their order."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(do, employees))


class Okta:
    """Sends requests, and notes each answer that is not the expected one."""

    def __init__(self, company: Company, connected: Connected) -> None:
        self.company = company
        self.use(connected)

    def use(self, connected: Connected) -> None:
        """Send with the token of this connection from now on."""
        self.client = ScimClient(connected)

    def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        answer = self.client.send(method, path, body)
        if answer.status_code >= 500:
            self.company.differ("answer of 500", path, "", answer.text[:300])
        return answer

    def expect(
        self, what: str, employee: Employee, answer: httpx.Response, *statuses: int
    ) -> httpx.Response:
        wanted = statuses or (200, 201, 204)
        self.company.checks["answer"] += 1
        if answer.status_code not in wanted:
            text = f"{answer.status_code} {answer.text[:200]}"
            self.company.differ(f"answer to {what}", employee, wanted, text)
        return answer

    def assign(self, employee: Employee) -> httpx.Response:
        """Create the user, or push them if Ramp has them under their userName."""
        condition = quote(f"userName eq {json.dumps(employee.user_name)}")
        found = self.send("GET", f"/Users?filter={condition}&startIndex=1&count=100").json()
        if found.get("totalResults"):
            employee.scim_id = found["Resources"][0]["id"]
            return self.push(employee)
        document = document_of(employee) | {"password": "Zx9-placeholder"}
        answer = self.send("POST", "/Users", document)
        if answer.status_code == 201:
            employee.scim_id = answer.json()["id"]
        return answer

    def push(self, employee: Employee) -> httpx.Response:
        """Read the user and put Okta's values over what was read, as Okta does."""
        path = f"/Users/{employee.scim_id}"
        answer = self.send("GET", path)
        if answer.status_code != 200:
            return answer
        known, document = answer.json(), document_of(employee)
        extension = {**known.get(ENTERPRISE, {})}
        extension.pop("manager", None)
        return self.send(
            "PUT", path, {**known, **document, ENTERPRISE: extension | document[ENTERPRISE]}
        )

    def deactivate(self, employee: Employee, *, way: str = "PATCH") -> httpx.Response:
        employee.is_assigned, employee.left_on = False, self.company.day
        if way == "PUT":
            return self.push(employee)
        body = patch({"op": "replace", "value": {"active": False}})
        return self.send("PATCH", f"/Users/{employee.scim_id}", body)

    def start_group(self, name: str) -> None:
        body = {"schemas": [GROUP], "displayName": name, "members": []}
        answer = self.send("POST", "/Groups", body)
        self.company.groups[name] = (answer.json()["id"], set())

    def change_group(
        self, name: str, *, add: Iterable[Employee] = (), remove: Iterable[Employee] = ()
    ) -> None:
        group_id, members = self.company.groups[name]
        added, removed = list(add), list(remove)
        changes: list[dict[str, Any]] = [
            {"op": "remove", "path": f'members[value eq "{one.scim_id}"]'} for one in removed
        ]
        for start in range(0, len(added), GROUP_CHUNK):
            chunk = added[start : start + GROUP_CHUNK]
            value = [{"value": one.scim_id, "display": one.user_name} for one in chunk]
            changes.append({"op": "add", "path": "members", "value": value})
        if not changes:
            return
        name_again = {"op": "replace", "value": {"id": group_id, "displayName": name}}
        answer = self.send("PATCH", f"/Groups/{group_id}", patch(name_again, *changes))
        self.company.checks["answer"] += 1
        if answer.status_code not in (200, 204):
            self.company.differ("answer to a group", name, 204, answer.text[:200])
        members |= set(added)
        members -= set(removed)


def document_of(employee: Employee) -> dict[str, Any]:
    """Return the user as Okta builds it from its profile now."""
    manager = employee.manager.email if employee.manager else ""
    employee.sent_manager = employee.unknown_manager or manager
    extension: dict[str, Any] = {
        "department": employee.department,
        "division": employee.division,
        "employeeNumber": str(employee.number),
    }
    if employee.sent_manager:
        extension["manager"] = {"value": employee.sent_manager}
    document = {
        "schemas": [USER, ENTERPRISE],
        "userName": employee.user_name,
        "externalId": employee.external_id,
        "name": {"givenName": employee.given, "familyName": employee.family},
        "displayName": employee.name,
        "emails": [{"primary": True, "value": employee.email, "type": "work"}],
        "title": employee.title,
        "locale": "en-US",
        "groups": [],
        "active": employee.is_assigned,
        "addresses": [{"type": "work", "primary": True, "locality": employee.city}],
        ENTERPRISE: extension,
    }
    if employee.is_incomplete:
        document["addresses"] = []
    if employee.role:
        document["roles"] = [{"type": "rampUserRole", "value": employee.role}]
    return document

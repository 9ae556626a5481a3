"""The SCIM requests of one connection, and how each answer is checked."""

import itertools
import json
import random
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from orjson import loads

from tests.bench.load import people
from tests.bench.load.people import DEPARTMENTS, ENTERPRISE, Person
from tests.bench.load.settings import CREATES, MIXES, Settings

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

Check = Callable[[int, bytes], str | None]


@dataclass(slots=True)
class Operation:
    kind: str
    wire: bytes
    check: Check  # None, or what is wrong


class Client:
    """Makes the requests of one connection, for the users which it owns."""

    def __init__(self, settings: Settings, slot: int) -> None:
        url = urllib.parse.urlsplit(settings.base)
        self.settings = settings
        self.slot = slot
        self.path = url.path.rstrip("/") + settings.users_path
        self.head = _head(settings, url.netloc)
        # The same each time for the same run; nothing here is secret.
        self.random = random.Random(f"{settings.run_id}/{slot}")  # noqa: S311
        self.people: list[Person] = []
        self.numbers = itertools.count(slot, settings.concurrency)
        self.turn = 0
        self.total = 0  # totalResults, for the list phases
        self.resources = 0

    def operations(self, phase: str, count: int) -> Iterator[Operation]:
        """Make the operations of one phase, each when it is asked for."""
        return (make() for make in self._makers(phase, count))

    def create(self) -> Operation:
        return self._create("create", self._new_person())

    def incomplete(self) -> Operation:
        """Create someone without a department; the server stores the user without a person."""
        return self._create("incomplete", replace(self._new_person(), department=""))

    def _create(self, kind: str, person: Person) -> Operation:
        def check(status: int, body: bytes) -> str | None:
            if status != 201:
                return wrong_status(status, body)
            answer = loads(body)
            if answer.get("userName") != person.user_name or not answer.get("id"):
                return "no id, or different userName"
            person.id = str(answer["id"])
            self.people.append(person)
            return None

        return Operation(kind, self.request("POST", self.path, self._document(person)), check)

    def find_name(self) -> Operation:
        person = self._anyone()
        return self._find("find-name", "userName", person.user_name, person)

    def find_ext(self) -> Operation:
        person = self._anyone()
        return self._find("find-ext", "externalId", person.external_id, person)

    def get(self, person: Person | None = None) -> Operation:
        person = person or self._anyone()

        def check(status: int, body: bytes) -> str | None:
            if status != 200:
                return wrong_status(status, body)
            answer = loads(body)
            if answer.get("userName") != person.user_name:
                return "different userName"
            return people.difference(answer, person, self.settings.payload)

        return Operation("get", self.request("GET", f"{self.path}/{person.id}"), check)

    def patch(self) -> Operation:
        person = self._next()
        stamp = self.random.randrange(1_000_000)
        if self.settings.payload != "full":
            family = people.family_name(stamp)
            return self._change("patch", person, {"name.familyName": family}, family=family)
        title, department = f"Engineer {stamp}", DEPARTMENTS[stamp % len(DEPARTMENTS)]
        values = {"title": title, f"{ENTERPRISE}:department": department}
        return self._change("patch", person, values, title=title, department=department)

    def manager(self) -> Operation:
        """Give someone of this run a manager who comes earlier in the list.

        Nobody of an earlier run is managed by people of this one, so no cycle can arise.
        """
        self.turn += 1
        mine = sum(person.mine for person in self.people)
        index = max(1, len(self.people) - 1 - self.turn % mine)
        manager = self.people[self.random.randrange(index)].id
        value = {f"{ENTERPRISE}:manager": {"value": manager}}
        return self._change("manager", self.people[index], value, manager=manager)

    def deactivate(self) -> Operation:
        return self._change("deactivate", self._next(), {"active": False}, active=False)

    def put(self) -> Operation:
        person = self._next()
        stamp = self.random.randrange(1_000_000)
        family = people.family_name(stamp)
        after = replace(person, active=True, title=f"Director {stamp}", family=family)
        body = self._document(after) | {"id": person.id}
        return self._write("put", "PUT", body, person, after)

    def list_first(self) -> Operation:
        return self._page("list-first", 1)

    def list_deep(self) -> Operation:
        return self._page("list-deep", max(1, self.total - self.settings.page + 1))

    def delete(self) -> Operation:
        person = self.people.pop()

        def check(status: int, body: bytes) -> str | None:
            return None if status == 204 else wrong_status(status, body)

        return Operation("delete", self.request("DELETE", f"{self.path}/{person.id}"), check)

    def gone(self, person: Person) -> Operation:
        def check(status: int, body: bytes) -> str | None:
            return None if status == 404 else f"status {status} after DELETE, not 404"

        return Operation("gone", self.request("GET", f"{self.path}/{person.id}"), check)

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        line = f"{method} {path} HTTP/1.1\r\n".encode()
        if body is None:
            return line + self.head + b"\r\n"
        data = json.dumps(body).encode()
        content_type = self.settings.content_type
        extra = f"Content-Type: {content_type}\r\nContent-Length: {len(data)}\r\n\r\n"
        return line + self.head + extra.encode() + data

    def _makers(self, phase: str, count: int) -> Iterable[Callable[[], Operation]]:
        if phase in CREATES:
            return itertools.repeat(self._maker(phase), count)
        if phase == "delete":
            self.people = [person for person in self.people if person.mine]
            return itertools.repeat(self.delete, len(self.people))
        if not self.people and not phase.startswith("list"):
            return ()
        if phase == "mix":
            weights = MIXES[self.settings.mix]
            pool = [self._maker(kind) for kind in weights]
            return self.random.choices(pool, list(weights.values()), k=count)
        return itertools.repeat(self._maker(phase), count)

    def _maker(self, kind: str) -> Callable[[], Operation]:
        maker: Callable[[], Operation] = getattr(self, kind.replace("-", "_"))
        return maker

    def _anyone(self) -> Person:
        return self.people[self.random.randrange(len(self.people))]

    def _next(self) -> Person:
        self.turn += 1
        return self.people[self.turn % len(self.people)]

    def _new_person(self) -> Person:
        return people.new_person(next(self.numbers), self.settings.run_id, manager=self._manager())

    def _manager(self) -> str:
        """Choose someone who came earlier, so that nobody ends up managing themselves."""
        wanted = self.people and self.settings.manager
        return self.people[len(self.people) // 10].id if wanted else ""

    def _document(self, person: Person) -> dict[str, Any]:
        return people.document(person, self.settings.payload)

    def _find(self, kind: str, attribute: str, value: str, person: Person) -> Operation:
        query = urllib.parse.quote(f'{attribute} eq "{value}"', safe="")

        def check(status: int, body: bytes) -> str | None:
            if status != 200:
                return wrong_status(status, body)
            answer = loads(body)
            if answer.get("totalResults") != 1:
                return f"totalResults {answer.get('totalResults')}, not 1"
            if str(answer["Resources"][0]["id"]) != person.id:
                return "another user found"
            return None

        return Operation(kind, self.request("GET", f"{self.path}?filter={query}"), check)

    def _change(self, kind: str, person: Person, values: dict[str, Any], **after: Any) -> Operation:
        operations: list[dict[str, Any]] = [{"op": "replace", "value": values}]
        if self.settings.patch_style == "path":
            operations = [
                {"op": "replace", "path": path, "value": value} for path, value in values.items()
            ]
        body = {"schemas": [PATCH_OP], "Operations": operations}
        return self._write(kind, "PATCH", body, person, replace(person, **after))

    def _write(
        self, kind: str, method: str, body: dict[str, Any], person: Person, after: Person
    ) -> Operation:
        def check(status: int, answer: bytes) -> str | None:
            # RFC 7644 3.5.2 allows 204 for a PATCH; those are read back after the phase.
            if not (status == 204 and method == "PATCH"):
                if status != 200:
                    return wrong_status(status, answer)
                if error := people.difference(loads(answer), after, self.settings.payload):
                    return error
            for field in ("title", "family", "department", "manager", "active"):
                setattr(person, field, getattr(after, field))
            return None

        return Operation(kind, self.request(method, f"{self.path}/{person.id}", body), check)

    def _page(self, kind: str, start: int) -> Operation:
        count = self.settings.page
        wanted = min(count, self.total - start + 1)

        def check(status: int, body: bytes) -> str | None:
            if status != 200:
                return wrong_status(status, body)
            answer = loads(body)
            found = answer.get("Resources") or []
            self.resources += len(found)
            if answer.get("totalResults", 0) < self.total:
                return f"totalResults {answer.get('totalResults')}, less than {self.total}"
            if len(found) < wanted:
                return f"a page of {len(found)} at startIndex {start}"
            return None if found[-1].get("userName") else "a resource without userName"

        wire = self.request("GET", f"{self.path}?startIndex={start}&count={count}")
        return Operation(kind, wire, check)


def _head(settings: Settings, host: str) -> bytes:
    lines = [f"Host: {host}", "Accept: application/scim+json", "User-Agent: scim-load"]
    if settings.token:
        lines.append(f"Authorization: Bearer {settings.token}")
    return "".join(f"{line}\r\n" for line in [*lines, *settings.header]).encode()


def wrong_status(status: int, body: bytes) -> str:
    text = " ".join(body[:300].decode(errors="replace").split())
    return f"status {status}: {text[:160]}"

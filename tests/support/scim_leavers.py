"""How a provider says that Ada has left, and everything for which a request is refused."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from django.db import connection as database

from people.models import Person
from tests.clients.scim import ENT, RAMP, USER, Answer, Json, Provider, mail, managed_by, someone
from tests.factories import core

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
UNKNOWN = "urn:ietf:params:scim:schemas:extension:unknown:2.0:User"
VALUES = (False, "False", "0", 0, [False], {"value": False})


@dataclass(frozen=True)
class Refused:
    """What else a request says, for which it is refused as a whole."""

    # In a PUT, and as the value of an operation without path in a PATCH.
    said: Json = field(default_factory=dict)
    # An operation that only a PATCH can hold.
    operations: tuple[Json, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    # What makes the text of the body unreadable.
    spelled: Callable[[str], str] = str
    # What has happened before.
    given: Callable[[Provider], object] = lambda scim: None
    # What holds while the request is carried out.
    during: Callable[[], AbstractContextManager[object]] = nullcontext
    settings: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Way:
    """How a request says it: a PUT, a PATCH, an operation of a bulk request, a DELETE."""

    method: str
    # Of the one attribute in a PUT or an operation without path, or of an operation with one.
    member: Json = field(default_factory=dict)
    operation: Json = field(default_factory=dict)
    is_bulk: bool = False
    comes_last: bool = False

    def __str__(self) -> str:
        result = json.dumps(self.operation or self.member) if self.method != "DELETE" else ""
        return f"{'bulk ' if self.is_bulk else ''}{self.method} {result}".strip()

    def body(self, rest: Refused) -> Json | None:
        if self.method == "DELETE":
            return None
        if self.method == "PUT":
            everything = someone("ada", active=None) | rest.said
            return everything | self.member if self.comes_last else self.member | everything
        others = [{"op": "add", "value": rest.said}] if rest.said else []
        result = self.operation or {"op": "replace", "value": self.member}
        operations = [*others, *rest.operations]
        return {"Operations": [*operations, result] if self.comes_last else [result, *operations]}

    def send(self, scim: Provider, scim_id: str, rest: Refused) -> Answer:
        path, body = f"/Users/{scim_id}", self.body(rest)
        method = self.method
        if self.is_bulk:
            one = {"method": method, "path": path, "data": body}
            if rest.headers.get("If-Match"):
                one["version"] = rest.headers["If-Match"]
            method, path, body = "POST", "/Bulk", {"schemas": [BULK], "Operations": [one]}
        text = rest.spelled(json.dumps(body)).encode() if body is not None else None
        with rest.during():
            return scim(method, path, text, **rest.headers)

    def was_accepted(self, answer: Answer) -> bool:
        statuses = [str(answer.status)]
        if self.is_bulk and answer.status == 200:
            statuses = [one["status"] for one in answer.body["Operations"]]
        return statuses in (["200"], ["204"])


def ways() -> Iterator[Way]:
    yield Way("DELETE")
    yield Way("DELETE", is_bulk=True)
    for value in VALUES:
        yield Way("PUT", {"active": value})
        yield Way("PATCH", operation={"op": "Replace", "path": "active", "value": value})
    for value in VALUES[:3]:
        yield Way("PATCH", {"active": value})
    for member in ({"ACTIVE": False}, {f"{USER}:active": False}, {USER: {"active": False}}):
        yield Way("PUT", member, comes_last=True)
        yield Way("PATCH", member, comes_last=True)
    for path in ("Active", f"{USER}:active"):
        yield Way("PATCH", operation={"op": "add", "path": path, "value": "False"}, comes_last=True)
    yield Way("PUT", {"active": "False"}, is_bulk=True)
    yield Way("PATCH", {"active": False}, is_bulk=True, comes_last=True)


WAYS = list(ways())


def bob_reports_to_ada(scim: Provider) -> None:
    scim.add("bob", **managed_by("ada@example.com"))


def guido_is_a_guest(scim: Provider) -> None:
    core.person(email="guido@example.com", role=Person.Role.GUEST)


def new_york_pays_in_dollars(scim: Provider) -> None:
    core.location("New York", entity=core.entity("Ramp Inc.", currency="USD"))


def the_location_is_mapped_elsewhere(scim: Provider) -> None:
    scim.connection.mapping = {"location": f"{ENT}:division"}
    scim.connection.save()


@contextmanager
def departments_fail() -> Iterator[None]:
    """Have something go wrong on our side, whatever the database is asked about departments."""

    def fail(execute: Callable[..., Any], sql: str, *how: Any) -> Any:
        if sql.startswith("INSERT") and "people_department" in sql:
            raise RuntimeError(sql)
        return execute(sql, *how)

    with database.execute_wrapper(fail):
        yield


# By the code of a PeopleError, or the name of a SCIM exception.
REFUSED: dict[str, Refused] = {
    "circular-manager": Refused(managed_by("bob@example.com"), given=bob_reports_to_ada),
    "duplicate-email": Refused(
        {"emails": [mail("bob@example.com")]}, given=lambda scim: scim.add("bob")
    ),
    "incomplete": Refused({ENT: {"department": ""}}),
    "invalid-location-change": Refused(
        {RAMP: {"location": "New York"}}, given=new_york_pays_in_dollars
    ),
    "invalid-manager": Refused(managed_by("guido@example.com"), given=guido_is_a_guest),
    "invalid-name": Refused({"name": {"givenName": "--", "familyName": "King"}}),
    "invalid-role-assignment": Refused({"roles": [{"value": "EMPEROR"}]}),
    "self-manager": Refused(managed_by("ada@example.com")),
    "InvalidFilterException": Refused(
        operations=({"op": "add", "path": 'emails[size eq "x"].value', "value": "x"},)
    ),
    "InvalidPathException": Refused(
        operations=({"op": "add", "path": "emails[type eq", "value": "x"},)
    ),
    "InvalidSyntaxException": Refused(spelled=lambda text: f'{{"x": 1, "x": 2, {text[1:]}'),
    "InvalidValueException": Refused({"emails": [mail("not an address")]}),
    "MutabilityException": Refused(operations=({"op": "replace", "path": "id", "value": "x"},)),
    "NoTargetException": Refused(operations=({"op": "remove"},)),
    "PayloadTooLargeException": Refused(
        operations=({"op": "replace", "path": "title", "value": "x"},) * 501
    ),
    "PreconditionFailedException": Refused(headers={"If-Match": 'W/"99"'}),
    "UniquenessConflict": Refused(
        {"userName": "bob@example.com"}, given=lambda scim: scim.add("bob")
    ),
    "TooManyRequests": Refused(settings={"SCIM_REQUESTS_PER_SECOND": 0.001}),
    "Unexpected": Refused({ENT: {"department": "New"}}, during=departments_fail),
    "UnsupportedMediaType": Refused(headers={"Content-Type": "text/xml"}),
}
# Further ones of the field, tried with one policy; some may be accepted one day.
FIELD_CASES: dict[str, Refused] = {
    "no enterprise attributes": Refused({ENT: {}}),
    "an unknown extension": Refused(
        operations=({"op": "add", "path": f"{UNKNOWN}:leaveDate", "value": "2026-01-01"},)
    ),
    "a title of 250 characters": Refused({"title": "x" * 250}),
    "several roles": Refused({"roles": [{"value": "BUSINESS_ADMIN"}, {"value": "IT_ADMIN"}]}),
    "a number in employeeNumber": Refused({ENT: {"department": "Research", "employeeNumber": 7}}),
    "a mapping edited later": Refused(given=the_location_is_mapped_elsewhere),
    "NUL": Refused({"title": "x\0"}),
    "a name twice": Refused({"userName": "ada@example.com", "USERNAME": "ada@example.com"}),
    "a huge number": Refused({"x": 10**40}),
}
# What may refuse a deactivation, or cannot be met by one.
MAY_REFUSE: dict[str, str] = {
    "last-owner": "The tenant would be left without an owner.",
    "last-administrator": "The tenant would be left without an administrator.",
    "terminated": "Only a reactivation is refused for it.",
    "no-address": "Only a reactivation is refused for it.",
    "UnauthorizedException": "Nobody is known to have sent it.",
    "NotFoundException": "The connection has no such user.",
    "MethodNotAllowed": "It is about no user.",
    "Unavailable": "The database does not answer; the client sends it again.",
    "UniquenessException": "It is only the base of UniquenessConflict.",
    "ForbiddenException": "It is raised for lists of schemas alone.",
}
# Refusals of pages, jobs, the API and other addresses of SCIM, which no change of a user meets.
ELSEWHERE = {
    "ExpiredCursorException",
    "InvalidCountException",
    "InvalidCursorException",
    "NotImplementedException",
    "RequestLost",
    "UnknownAttribute",
    "absent-inactive",
    "already-active",
    "already-connected",
    "already-decided",
    "always-ends",
    "api-token-settings",
    "applier-left",
    "approver-inactive",
    "authenticator-app-first",
    "changed-meanwhile",
    "changed-since-comparison",
    "comparison-busy",
    "confirmation-refused",
    "connection-not-live",
    "currency-in-use",
    "custom-field-taken",
    "decided-meanwhile",
    "delegate-away",
    "delegate-inactive",
    "disconnected",
    "domain-taken",
    "duplicate-name",
    "ended",
    "erasure-by-operator",
    "holder-inactive",
    "holds-less",
    "holds-more",
    "idempotency-key-reused",
    "invalid-columns",
    "invalid-days",
    "invalid-last-day",
    "invalid-period",
    "invalid-state",
    "invalid-successor",
    "invalid-threshold",
    "invite-expired",
    "invite-held",
    "invite-revoked",
    "invite-used",
    "manager-not-applied",
    "many-deactivations",
    "more-changed-since",
    "new-person-holds",
    "no-longer-connected",
    "not-a-draft",
    "not-approver",
    "not-guest",
    "not-held",
    "not-invitable",
    "not-scheduled",
    "not-terminated",
    "nothing-selected",
    "nothing-to-confirm",
    "nothing-to-undo",
    "operator-not-active",
    "other-database",
    "own-request",
    "owner-not-meant",
    "passkey-known",
    "reason-missing",
    "request-not-kept",
    "reset-out-of-date",
    "role-above-own",
    "role-not-mappable",
    "role-not-withheld",
    "role-owned",
    "second-factor-needed",
    "self-delegate",
    "setup-link-unusable",
    "setup-token-exists",
    "several-roles",
    "signal-token-needed",
    "signal-stream-not-enabled",
    "signal-url-not-expected",
    "slug-taken",
    "step-in-use",
    "still-in-use",
    "terminated-person",
    "too-early",
    "too-late-to-undo",
    "too-many-passkeys",
    "too-many-people",
    "too-many-signal-streams",
    "too-many-webhook-endpoints",
    "transmitter-failed",
    "two-webhook-secrets",
    "unknown-event-kind",
    "unreadable-file",
    "value-deleted",
    "verified-just-now",
    "webhook-endpoint-paused",
    "webhook-url-refused",
    "workflow-empty",
}

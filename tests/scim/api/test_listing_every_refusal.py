"""Every refused write is listed as a sync error, with every reason."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from people.models import Person
from scim.models import SyncError
from scim.sync.resolutions import DEFAULT_RESOLUTIONS, SyncErrorCase, resolution_for
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import NOBODY, PATCH, RAMP, Answer, Json, Provider, mail, managed_by
from tests.clients.scim import someone as user
from tests.factories import core
from tests.scim.conftest import Connect
from tests.support.scim_settings import address_of

pytestmark = pytest.mark.django_db

TOO_LARGE = b'{"userName": "' + b"a" * 1024 * 1024 + b'"}'
STALE = {"If_Match": 'W/"99"'}
PLAIN = {"Content_Type": "text/plain"}
Change = Callable[[str], Any]


def patch(*operations: Json) -> Json:
    return {"schemas": [PATCH], "Operations": operations}


def group(**values: Any) -> Json:
    return {"displayName": "Sales"} | values


@dataclass(frozen=True)
class Write:
    """A refused write of Ada, of the group Sales, or of an unknown resource."""

    reason: str
    method: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "User"
    of: str = "known"
    given: Callable[[Provider], object] = lambda scim: None
    # The name in the list, if it is not the name of Ada or Sales.
    name: str | None = None

    def send(self, scim: Provider, scim_id: str) -> Answer:
        return scim(self.method, self.path(scim_id), self.body, **self.headers)

    def path(self, scim_id: str) -> str:
        home = f"/{self.kind}s"
        if self.method == "POST":
            return home
        return f"{home}/{scim_id if self.of == 'known' else NOBODY}"

    def __str__(self) -> str:
        return f"{self.reason} {self.method} {self.kind}"


def make_ada_last_owner(scim: Provider) -> None:
    Person.objects.exclude(email="ada@example.com").update(role=Person.Role.CARDHOLDER)
    ada = Person.objects.filter(email="ada@example.com")
    ada.update(role=Person.Role.OWNER, state=Person.State.ACTIVE)


def add_report_of_ada(scim: Provider) -> None:
    scim.add("bob", **managed_by("ada@example.com"))


def add_location_in_dollars(scim: Provider) -> None:
    core.location("New York", entity=core.entity("Ramp Inc.", currency="USD"))


def take_address(scim: Provider) -> None:
    core.administrator(email="taken@example.com")


def add_guest(scim: Provider) -> None:
    scim.add("guido", roles=[{"value": "GUEST_USER"}])


RULES = {
    "circular-manager": (managed_by("bob@example.com"), add_report_of_ada),
    "invalid-manager": (managed_by("guido@example.com"), add_guest),
    "self-manager": (managed_by("ada@example.com"), None),
    "duplicate-email": ({"emails": [mail("taken@example.com")]}, take_address),
    "invalid-name": ({"name": {"givenName": "--", "familyName": "King"}}, None),
    "invalid-location-change": ({RAMP: {"location": "New York"}}, add_location_in_dollars),
    "invalid-role-assignment": ({"roles": [{"value": "EMPEROR"}]}, None),
    "incomplete": ({RAMP: None}, None),
}
REMOVE = {"op": "remove"}
USERS = [
    *[
        Write(reason, "PUT", user("ada", **said), given=given or (lambda scim: None))
        for reason, (said, given) in RULES.items()
    ],
    Write("last-owner", "DELETE", given=make_ada_last_owner),
    Write("invalid-syntax", "POST", b"{", name=""),
    Write("invalid-syntax", "PUT", b"{"),
    Write("invalid-syntax", "PATCH", {"Operations": {}}),
    Write("invalid-value", "POST", {"externalId": "X-7"}, name="X-7"),
    Write("invalid-value", "POST", {}, name=""),
    Write("invalid-value", "PUT", {}),
    Write("invalid-path", "PATCH", patch({"op": "add", "path": "emails[", "value": 5})),
    Write("no-target", "PATCH", patch(REMOVE)),
    Write("mutability", "PATCH", patch(REMOVE | {"path": "userName"})),
    Write("uniqueness", "POST", user("ada")),
    *[
        Write("not-found", method, body, of="unknown", name=name)
        for method, body, name in (
            ("PUT", user("ada"), None),
            ("PATCH", patch({"op": "replace", "path": "title", "value": "x"}), NOBODY),
            ("DELETE", None, NOBODY),
        )
    ],
    *[
        Write("precondition-failed", method, body, STALE)
        for method, body in (
            ("PUT", user("ada")),
            ("PATCH", patch({"op": "replace", "path": "title", "value": "x"})),
        )
    ],
    Write("payload-too-large", "POST", TOO_LARGE, name=""),
    Write("payload-too-large", "PUT", TOO_LARGE),
    Write("payload-too-large", "PATCH", TOO_LARGE),
    Write("unsupported-media-type", "POST", user("ada"), PLAIN, name=""),
    Write("unsupported-media-type", "PUT", user("ada"), PLAIN),
]
GROUPS = [
    Write("invalid-syntax", "POST", b"{", kind="Group", name=""),
    Write("invalid-syntax", "PUT", b"{", kind="Group"),
    Write("invalid-syntax", "PATCH", {"Operations": {}}, kind="Group"),
    Write("invalid-value", "POST", {"externalId": "G-7"}, kind="Group", name="G-7"),
    Write("invalid-value", "PUT", {}, kind="Group"),
    Write("invalid-value", "PUT", group(members=[{"display": "Ada"}]), kind="Group"),
    Write(
        "invalid-path", "PATCH", patch({"op": "add", "path": "members[", "value": 5}), kind="Group"
    ),
    Write(
        "invalid-filter",
        "PATCH",
        patch(REMOVE | {"path": 'members[display sw "A"]'}),
        kind="Group",
    ),
    Write("no-target", "PATCH", patch(REMOVE), kind="Group"),
    Write("mutability", "PATCH", patch(REMOVE | {"path": "displayName"}), kind="Group"),
    Write("not-found", "PUT", group(), kind="Group", of="unknown"),
    Write(
        "not-found",
        "PATCH",
        patch({"op": "replace", "path": "displayName", "value": "x"}),
        kind="Group",
        of="unknown",
        name=NOBODY,
    ),
    Write("not-found", "DELETE", kind="Group", of="unknown", name=NOBODY),
    Write("precondition-failed", "PUT", group(), STALE, kind="Group"),
    Write("precondition-failed", "DELETE", None, STALE, kind="Group"),
    Write("payload-too-large", "POST", TOO_LARGE, kind="Group", name=""),
    Write("unsupported-media-type", "PUT", group(), PLAIN, kind="Group"),
]
# No request is refused for these reasons today; they exist for a status without a scimType.
NEVER = {"conflict", "refused", "too-many", "last-administrator", "terminated"}
# This reason belongs to accepted requests; see `test_listing_several_roles.py`.
NEVER |= {"several-roles"}
each_write = pytest.mark.parametrize("write", [*USERS, *GROUPS], ids=str)


@pytest.fixture
def ids(scim: Provider) -> dict[str, str]:
    return {"User": scim.add("ada"), "Group": scim.add_group("Sales")}


def listed() -> SyncError:
    row: SyncError = SyncError.objects.open().get()
    return row


def expected(write: Write) -> str:
    usual = {"User": "ada@example.com", "Group": "Sales"}[write.kind]
    return usual if write.name is None else write.name


def test_every_reason_has_a_case() -> None:
    assert {write.reason for write in [*USERS, *GROUPS]} | NEVER == set(SyncError.Reason.values)


@each_write
def test_repeated_refusal_is_listed_once_with_a_count(
    scim: Provider, ids: dict[str, str], write: Write
) -> None:
    write.given(scim)
    write.send(scim, ids[write.kind])
    answer = write.send(scim, ids[write.kind])

    assert 400 <= answer.status < 500
    row = listed()
    assert (row.reason, row.resource_type, row.user_name, row.times) == (
        write.reason,
        write.kind,
        expected(write),
        2,
    )
    assert (row.message, str(row.request_id)) == (answer.detail, answer.request_id)
    if write.of == "known" and write.method != "POST":
        resource = row.user if write.kind == "User" else row.group
        assert resource
        assert str(resource.scim_id) == ids[write.kind]


@each_write
def test_error_is_resolved_by_next_successful_write(
    scim: Provider, ids: dict[str, str], write: Write
) -> None:
    write.given(scim)
    write.send(scim, ids[write.kind])
    good: Json = user("ada", title="Countess") if write.kind == "User" else group()
    name = expected(write)
    if name in ("", "X-7", "G-7"):
        home, fresh = f"/{write.kind}s", user("cy") if write.kind == "User" else group()
        answer = scim("POST", home, fresh | ({"externalId": name} if name else {}))
    else:
        answer = scim("PUT", f"/{write.kind}s/{ids[write.kind]}", good)

    assert answer.status < 300
    # For an id that Ramp has never seen, no write can succeed.
    assert SyncError.objects.open().exists() is (name == NOBODY)


BULKY = [
    write
    for write in [*USERS, *GROUPS]
    if not isinstance(write.body, bytes) and write.headers is not PLAIN
]


@pytest.mark.parametrize("write", BULKY, ids=str)
def test_refused_bulk_operation_is_listed(
    scim: Provider, ids: dict[str, str], write: Write
) -> None:
    write.given(scim)
    operation = {
        "method": write.method,
        "path": write.path(ids[write.kind]),
        "bulkId": "1",
        "data": write.body,
        "version": write.headers.get("If_Match"),
    }

    answer = scim("POST", "/Bulk", {"Operations": [operation]})

    assert int(answer.body["Operations"][0]["status"]) >= 400
    row = listed()
    assert (row.reason, row.resource_type, row.user_name) == (
        write.reason,
        write.kind,
        expected(write),
    )


def test_unreadable_bulk_request_is_listed_until_the_next_one(scim: Provider) -> None:
    scim("POST", "/Bulk", {"Operations": "none"})
    assert (listed().resource_type, listed().who) == ("Bulk", "a bulk request")

    scim("POST", "/Bulk", {"Operations": []})

    assert not SyncError.objects.open().exists()


def test_invalid_member_is_listed_for_the_group(scim: Provider, ids: dict[str, str]) -> None:
    answer = scim("PUT", f"/Groups/{ids['Group']}", group(members=[{"value": 5}]))

    assert answer.status == 400
    assert listed().who == "group Sales"


def test_write_to_deleted_user_is_listed_with_the_user_name(
    scim: Provider, ids: dict[str, str]
) -> None:
    scim("DELETE", f"/Users/{ids['User']}")

    scim.replace(ids["User"], "title", "Countess")

    assert (listed().reason, listed().user_name) == ("not-found", "ada@example.com")
    scim.add("ada")
    assert not SyncError.objects.open().exists()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/Users/{NOBODY}", 404),
        ("GET", "/Users?filter=x", 400),
        ("POST", "/Users/.search", 400),
        ("PATCH", "/Users", 405),
        ("POST", "/Nothing", 404),
    ],
)
def test_refused_reads_and_unknown_endpoints_are_not_listed(
    scim: Provider, method: str, path: str, status: int
) -> None:
    assert scim(method, path, None if method == "GET" else []).status == status

    assert not SyncError.objects.exists()


def test_request_with_wrong_token_is_not_listed(scim: Provider) -> None:
    scim.token = "wrong"

    assert scim("POST", "/Users", user("ada")).status == 401

    assert not SyncError.objects.exists()


def test_error_is_resolved_by_a_request_that_changes_nothing(
    scim: Provider, ids: dict[str, str]
) -> None:
    before = scim.read(ids["User"])
    scim.replace(ids["User"], "roles", "EMPEROR")

    answer = scim("PUT", f"/Users/{ids['User']}", user("ada"))

    assert not SyncError.objects.open().exists()
    assert answer.body["meta"] == before["meta"]


class TestPages:
    @pytest.fixture
    def visit(self, owner: Person) -> Client:
        return signed_in(owner)

    def test_error_list_shows_group_and_number_of_requests(
        self, scim: Provider, ids: dict[str, str], visit: Client
    ) -> None:
        for _ in range(3):
            scim("PUT", f"/Groups/{ids['Group']}", {})

        page = text_of(visit.get("/people/updates/errors/"))

        assert "Group Sales" in page
        assert "3 times" in page
        row = text_of(visit.get(f"/people/updates/errors/{listed().pk}/"))
        assert "Invalid value: group Sales" in row
        assert "3; the latest is shown" in row

    def test_error_without_name_is_shown_as_unnamed_user(
        self, scim: Provider, visit: Client
    ) -> None:
        scim("POST", "/Users", b"{")

        assert "An unnamed user" in text_of(visit.get("/people/updates/errors/"))
        row = text_of(visit.get(f"/people/updates/errors/{listed().pk}/"))
        assert "Not specified in the request" in row

    def test_settings_count_the_errors_of_their_connection(
        self, connect: Connect, scim: Provider, ids: dict[str, str], visit: Client
    ) -> None:
        scim.replace(ids["User"], "roles", "EMPEROR")
        scim.replace(ids["User"], "roles", "EMPEROR")
        scim("PUT", f"/Groups/{ids['Group']}", {})
        other = connect("entra").connection

        text = text_of(visit.get(address_of(scim.connection)))

        assert "2 open sync errors</a> from 3 requests" in text
        assert "open sync error" not in text_of(visit.get(address_of(other)))

    @pytest.mark.parametrize("reason", SyncError.Reason.values)
    def test_every_reason_has_a_resolution(self, reason: str) -> None:
        case = SyncErrorCase(reason=reason, provider="Okta", may_retry=True)

        assert "{" not in resolution_for(case).advice
        assert reason in DEFAULT_RESOLUTIONS or reason in ("invalid-manager", "duplicate-email")

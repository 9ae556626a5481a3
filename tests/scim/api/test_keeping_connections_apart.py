"""Resources of other connections and companies cannot be read or changed."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from people import tenancy
from people.models import Person
from scim.models import ScimGroup, ScimMembership, ScimUser
from scim.sync import waiting_members
from tests.clients.scim import ENT, Answer, Provider, mail, managed_by, someone
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

BODIES = {
    "PUT": {"displayName": "x", **someone("eve")},
    "PATCH": {"Operations": [{"op": "replace", "path": "displayName", "value": "x"}]},
}


class OtherConnection:
    """Another connection with a user, a group and a person; `rows` reads them in its tenant."""

    def __init__(self, scim: Provider) -> None:
        self.scim = scim
        values = {"userName": "carl", "externalId": "X-9", "emails": [mail("carl@other.example")]}
        self.user = scim.add("carl", **values)
        self.group = scim.add_group("Secret", self.user)
        self.tenant_id = scim.connection.tenant_id

    def rows(self) -> list[object]:
        with tenancy.use(self.tenant_id):
            person = Person.objects.get(email="carl@other.example")
            return [
                ScimUser.objects.filter(scim_id=self.user).values().get(),
                ScimGroup.objects.filter(scim_id=self.group).values().get(),
                list(ScimGroup.objects.get(scim_id=self.group).members.values("pk")),
                Person.objects.filter(pk=person.pk).values().get(),
                person.events.count(),
            ]


@pytest.fixture(params=["another company's", "another of the company"])
def other(request: pytest.FixtureRequest, connect: Connect) -> Iterator[OtherConnection]:
    if request.param == "another of the company":
        yield OtherConnection(connect("entra"))
        return
    with core.in_another_tenant():
        core.owner()
        other = OtherConnection(Provider(scim_connection()))
    yield other


def without_ids(answer: Answer, scim_id: str) -> tuple[int, bytes, dict[str, str]]:
    """Return the answer without the parts that must differ."""
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}
    return answer.status, answer.content.replace(scim_id.encode(), b"?"), headers


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_resource_of_another_connection_is_answered_as_unknown(
    scim: Provider, other: OtherConnection, kind: str, method: str
) -> None:
    theirs, nobodys = other.user if kind == "Users" else other.group, str(uuid4())
    before = other.rows()

    answers = [
        without_ids(scim(method, f"/{kind}/{scim_id}", BODIES.get(method)), scim_id)
        for scim_id in (theirs, nobodys)
    ]

    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert other.rows() == before


@pytest.mark.parametrize(
    "text",
    [
        'id eq "{user}"',
        'userName eq "carl"',
        'externalId eq "X-9"',
        'emails.value eq "carl@other.example"',
        'emails[value co "carl"]',
        'groups.value eq "{group}"',
        'groups.display eq "Secret"',
        'userName pr or userName eq "carl"',
        'not (userName eq "nobody")',
        'id eq "{user}" or not (id eq "{user}")',
        "",
    ],
)
def test_filters_find_no_user_of_another_connection(
    scim: Provider, other: OtherConnection, text: str
) -> None:
    text = text.format(user=other.user, group=other.group)

    assert scim.find(text).body["Resources"] == []
    search = {"filter": text} if text else {}
    assert scim("POST", "/Users/.search", search).body["Resources"] == []


@pytest.mark.parametrize("text", ['displayName eq "Secret"', 'members.value eq "{user}"', ""])
def test_filters_find_no_group_of_another_connection(
    scim: Provider, other: OtherConnection, text: str
) -> None:
    search = {"filter": text.format(user=other.user)} if text else {}

    assert scim("POST", "/Groups/.search", search).body["totalResults"] == 0
    assert scim("GET", "/Groups").body["totalResults"] == 0
    if not text:
        assert scim("POST", "/.search", search).body["totalResults"] == 0


def test_user_of_another_connection_cannot_become_member(
    scim: Provider, other: OtherConnection
) -> None:
    group = scim.add_group("Editors")
    member = {"value": other.user}
    answers = [
        scim("POST", "/Groups", {"displayName": "Readers", "members": [member]}),
        scim("PUT", f"/Groups/{group}", {"displayName": "Editors", "members": [member]}),
        scim(
            "PATCH",
            f"/Groups/{group}",
            {"Operations": [{"op": "add", "path": "members", "value": [member]}]},
        ),
    ]

    waiting_members.join_all()

    nobody = {"value": str(uuid4())}
    unknown = scim("POST", "/Groups", {"displayName": "Readers", "members": [nobody]})
    assert [answer.status for answer in answers] == [unknown.status, 200, 204]
    assert not ScimMembership.objects.filter(group__connection=scim.connection).exists()
    for one in scim("GET", "/Groups").body["Resources"]:
        assert "members" not in one
    assert other.scim("GET", f"/Groups/{other.group}").body["members"]


@pytest.mark.parametrize("reference", ["{user}", "carl", "X-9"])
def test_user_of_another_connection_cannot_become_manager(
    scim: Provider, other: OtherConnection, reference: str
) -> None:
    answer = scim("POST", "/Users", someone(**managed_by(reference.format(user=other.user))))

    assert answer.status == 201
    assert "$ref" not in answer.body[ENT]["manager"]
    assert Person.objects.get(email="ada@example.com").manager is None


def test_cursor_of_another_connection_shows_none_of_its_users(
    scim: Provider, other: OtherConnection
) -> None:
    scim.add()
    scim.add("bob")
    other.scim.add("dora")
    cursor = other.scim("GET", "/Users?cursor&count=1").body["nextCursor"]

    answer = scim("GET", f"/Users?cursor={cursor}&count=1")

    assert "carl" not in answer.content.decode()
    assert "dora" not in answer.content.decode()


def test_connections_may_use_the_same_user_name_and_external_id(connect: Connect) -> None:
    okta, entra = connect("generic"), connect("generic")
    values = {"userName": "ada", "externalId": "X-1"}

    assert okta("POST", "/Users", values).status == 201
    assert entra("POST", "/Users", values).status == 201


class TestExternalId:
    """CVE-2025-41115: the externalId “1” was read as the primary key 1 of a user."""

    def test_external_id_is_never_read_as_another_identifier(
        self, scim: Provider, other: OtherConnection, owner: Person
    ) -> None:
        before = Person.objects.filter(pk=owner.pk).values().get()
        with tenancy.use(other.tenant_id):
            carl_key = ScimUser.objects.get(scim_id=other.user).pk
        keys = (str(carl_key), str(owner.tenant_id))
        given = [
            *("0", "1", "-1", "admin", "root", "null", "true", "1e0", " 1", "../1", "%", "_"),
            *(str(owner.pk), owner.pk.hex, other.user, other.group, *keys),
        ]
        given = list(dict.fromkeys(given))
        theirs = other.rows()

        people = {scim.add(f"p{number}", externalId=one) for number, one in enumerate(given)}

        assert len(people) == len(given)
        assert Person.objects.filter(pk=owner.pk).values().get() == before
        assert other.rows() == theirs
        mine = Person.objects.filter(scim_users__connection=scim.connection)
        assert set(mine.values_list("role", flat=True)) == {Person.Role.CARDHOLDER}
        for number, one in enumerate(given):
            found = scim.find(f'externalId eq "{one}"')
            assert found.names == [f"p{number}"]

    def test_external_id_cannot_be_used_as_id(self, scim: Provider) -> None:
        scim_id = scim.add(externalId="1")

        for text in ("1", "0", str(ScimUser.objects.get().pk), scim_id.upper(), f"{{{scim_id}}}"):
            answer = scim("GET", f"/Users/{text}")
            assert answer.status == 404 or UUID(answer.id) == UUID(scim_id) == UUID(text)

    def test_external_id_keeps_case_and_spaces(self, scim: Provider) -> None:
        scim.add("ada", externalId="abc")
        scim.add("bob", externalId="ABC")
        scim.add("cy", externalId=" abc")

        assert scim.find('externalId eq "ABC"').names == ["bob"]
        assert scim.find('externalId eq " abc"').names == ["cy"]

    def test_external_id_has_no_wildcards(self, scim: Provider) -> None:
        scim.add("ada", externalId="a%b_c")

        assert scim.find('externalId eq "a%"').names == []
        assert scim.find('externalId eq "axb_c"').names == []
        assert scim.find('externalId eq "a%b_c"').names == ["ada"]

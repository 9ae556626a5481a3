"""The fixed SQL statements answer exactly as the ORM does."""

import re
from collections.abc import Callable

import pytest
from pytest_django import DjangoAssertNumQueries

from people import tenancy
from people.db import prepared_statements
from scim.models import ScimGroup, ScimUser
from scim.sync import managers
from tests.clients.scim import (
    ENT,
    NOBODY,
    RAMP,
    Answer,
    Json,
    Provider,
    address,
    mail,
    managed_by,
    someone,
)
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

# Values with every character that is difficult to render identically.
PEOPLE: dict[str, Json] = {
    "ada": {},
    "bob": {"externalId": "X-1", "title": 'The "Boss" \\ of /all/', "nickName": "\u2028\x7f"},
    "cy": {"userName": "Łukasz.Żółć@Example.com", "displayName": "李 雷 \U0001f600 e\u0301"},
    "dan": {"active": False, "phoneNumbers": [{"value": "+1 555"}], "nickName": "</script>"},
    "eve": {**managed_by("bob@example.com"), "roles": [{"value": "BUSINESS_ADMIN"}]},
    "fay": {RAMP: {"location": "Rome", "costCenter": "C\t7"}, "externalId": "x-1"},
    "gus": {"emails": [mail("gus@example.com"), {"value": "g@x.example", "primary": False}]},
    "hal": managed_by("nobody@example.com"),
    "ida": {"displayName": '"$ref":"/Users/x"', "title": '{"id":1}}', "nickName": "a\\u0041"},
    "jan": {"externalId": "0", "name": {"formatted": "", "givenName": "J", "familyName": "}"}},
}


@pytest.fixture
def provider_with_people(connect: Connect) -> Provider:
    """Connect a provider that pushed many kinds of people, some into groups."""
    generic = connect("generic")
    ids = [generic.add(name, **value) for name, value in PEOPLE.items()]
    generic.add_group('Editors "of" Łódź', *ids[:3])
    generic.add_group("Readers", *ids[1:5])
    generic("DELETE", f"/Groups/{generic.add_group('Gone', *ids)}")
    generic.replace(ids[0], "title", "Countess")
    with tenancy.use(generic.connection.tenant_id):
        assert ScimGroup.objects.count() == 3
    return generic


@pytest.fixture
def through_orm(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Answer]], Answer]:
    """Send the request through the ORM, as on SQLite."""

    def through_orm(ask: Callable[[], Answer]) -> Answer:
        with monkeypatch.context() as patched:
            patched.setattr(prepared_statements, "available", lambda: False)
            return ask()

    return through_orm


ThroughOrm = Callable[[Callable[[], Answer]], Answer]


def essentials(answer: Answer) -> tuple[int, bytes, str | None]:
    return answer.status, answer.content, answer.headers.get("ETag")


def compare(scim: Provider, through_orm: ThroughOrm, path: str) -> Answer:
    """Check that both ways answer the same bytes, and return the answer."""
    fixed, usual = scim("GET", path), through_orm(lambda: scim("GET", path))
    assert essentials(fixed) == essentials(usual)
    return fixed


def all_users(scim: Provider) -> list[Json]:
    found: list[Json] = scim("GET", "/Users").body["Resources"]
    return found


def test_every_user_is_answered_identically(
    provider_with_people: Provider, through_orm: ThroughOrm
) -> None:
    people = all_users(provider_with_people)
    assert len(people) == len(PEOPLE)

    for one in people:
        assert compare(provider_with_people, through_orm, f"/Users/{one['id']}").body == one
        assert compare(provider_with_people, through_orm, f"/Users/{one['id'].upper()}").body == one


def test_indirect_memberships_are_answered_identically(
    provider_with_people: Provider, through_orm: ThroughOrm
) -> None:
    readers = provider_with_people(
        "GET", address("/Groups", filter='displayName eq "Readers"')
    ).body["Resources"]
    provider_with_people.add_group(
        "Everybody", provider_with_people.add_group("Staff", readers[0]["id"])
    )
    listed = compare(provider_with_people, through_orm, "/Users").body["Resources"]

    for one in listed:
        assert compare(provider_with_people, through_orm, f"/Users/{one['id']}").body == one
    kinds = [group["type"] for one in listed for group in one.get("groups", [])]
    assert {*kinds} == {"direct", "indirect"}


def test_filters_are_answered_identically(
    provider_with_people: Provider, through_orm: ThroughOrm
) -> None:
    for one in all_users(provider_with_people):
        texts = [
            f'userName eq "{one["userName"]}"',
            f'USERNAME EQ "{one["userName"].swapcase()}"',
            f'id eq "{one["id"]}"',
        ]
        if "externalId" in one:
            texts.append(f'externalId eq "{one["externalId"]}"')
        for text in texts:
            found = compare(provider_with_people, through_orm, address("/Users", filter=text))
            assert found.body["Resources"] == [one]
            paged = address("/Users", filter=text, startIndex=1, count=100)
            assert compare(provider_with_people, through_orm, paged).content == found.content


def test_selected_attributes_are_answered_identically(
    provider_with_people: Provider, through_orm: ThroughOrm
) -> None:
    [eve] = provider_with_people.find('userName eq "eve@example.com"').body["Resources"]

    for wanted in ("attributes=userName,groups", "excludedAttributes=groups,name", "attributes=x"):
        compare(provider_with_people, through_orm, f"/Users/{eve['id']}?{wanted}")


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "nobody"',
        'externalId eq "nobody"',
        'externalId eq "X-1 "',
        'externalId eq ""',
        'userName eq ""',
        f'id eq "{NOBODY}"',
        'id eq "1"',
        'id eq ""',
    ],
)
def test_filter_without_match_is_answered_identically(
    provider_with_people: Provider, through_orm: ThroughOrm, text: str
) -> None:
    answer = compare(provider_with_people, through_orm, address("/Users", filter=text))

    assert answer.body["Resources"] == []


@pytest.mark.parametrize("scim_id", [NOBODY, "1", "0" * 36, NOBODY.replace("-", "")])
def test_unknown_id_is_answered_identically(
    provider_with_people: Provider, through_orm: ThroughOrm, scim_id: str
) -> None:
    assert compare(provider_with_people, through_orm, f"/Users/{scim_id}").status == 404


def test_external_ids_are_case_sensitive(
    provider_with_people: Provider, through_orm: ThroughOrm
) -> None:
    for external_id, name in (("X-1", "bob"), ("x-1", "fay")):
        path = address("/Users", filter=f'externalId eq "{external_id}"')
        assert compare(provider_with_people, through_orm, path).names == [name]


def test_deleted_user_is_not_found(provider_with_people: Provider, through_orm: ThroughOrm) -> None:
    [bob] = provider_with_people.find('externalId eq "X-1"').body["Resources"]
    provider_with_people("DELETE", f"/Users/{bob['id']}")

    assert compare(provider_with_people, through_orm, f"/Users/{bob['id']}").status == 404
    for text in ('externalId eq "X-1"', 'userName eq "bob@example.com"', f'id eq "{bob["id"]}"'):
        answer = compare(provider_with_people, through_orm, address("/Users", filter=text))
        assert answer.body["totalResults"] == 0


def test_restored_user_is_found(provider_with_people: Provider, through_orm: ThroughOrm) -> None:
    [ada] = provider_with_people.find('userName eq "ada@example.com"').body["Resources"]
    provider_with_people("DELETE", f"/Users/{ada['id']}")
    provider_with_people.add("ada", title="Duchess")

    assert (
        compare(provider_with_people, through_orm, f"/Users/{ada['id']}").body["title"] == "Duchess"
    )


def test_users_of_other_connections_are_not_found(
    provider_with_people: Provider, through_orm: ThroughOrm, connect: Connect
) -> None:
    [bob] = provider_with_people.find('externalId eq "X-1"').body["Resources"]
    with core.in_another_tenant():
        another = Provider(scim_connection())

    for stranger in (connect("entra"), another):
        assert compare(stranger, through_orm, f"/Users/{bob['id']}").status == 404
        answer = compare(stranger, through_orm, address("/Users", filter='externalId eq "X-1"'))
        assert answer.body["totalResults"] == 0


def test_if_none_match_is_answered_identically(
    provider_with_people: Provider, through_orm: ThroughOrm
) -> None:
    [ada] = provider_with_people.find('userName eq "ada@example.com"').body["Resources"]

    def ask() -> Answer:
        return provider_with_people(
            "GET", f"/Users/{ada['id']}", If_None_Match=ada["meta"]["version"]
        )

    assert essentials(ask()) == essentials(through_orm(ask))
    assert ask().status == 304


WRITES: list[tuple[str, Json]] = [
    ("PATCH", {"Operations": [{"op": "replace", "path": "title", "value": "Łord"}]}),
    ("PATCH", {"Operations": [{"op": "replace", "path": "active", "value": False}]}),
    ("PATCH", {"Operations": []}),
    ("PUT", {"userName": "new", "emails": [mail("new@example.com")], ENT: {"department": "New"}}),
    ("DELETE", {}),
]


@pytest.mark.parametrize(("method", "body"), WRITES)
def test_writes_are_answered_identically(
    connect: Connect, through_orm: ThroughOrm, method: str, body: Json
) -> None:
    """Send the same to two connections, by fixed statements and through the ORM."""
    assert write(method, body, lambda ask: ask()) == write(method, body, through_orm)


def write(method: str, body: Json, through: ThroughOrm) -> tuple[int, int, bytes]:
    with core.in_another_tenant():
        core.owner()
        scim = Provider(scim_connection("generic"))
    scim_id = through(lambda: scim("POST", "/Users", PEOPLE["bob"] | {"userName": "b"})).id
    group = scim.add_group("Editors", scim_id)
    answer = through(lambda: scim(method, f"/Users/{scim_id}", body or None))
    assert answer.status in (200, 204)
    read = scim("GET", f"/Users/{scim_id}")
    text = b"|".join([answer.content, read.content, str(answer.headers.get("ETag")).encode()])
    for one in (scim_id, group):
        text = text.replace(one.encode(), b"?")
    return answer.status, read.status, without_moments(text)


def without_moments(text: bytes) -> bytes:
    return re.sub(rb"20\d\d-[^\"]*Z", b"now", text)


def test_each_read_needs_one_query(
    provider_with_people: Provider, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    [bob] = provider_with_people.find('externalId eq "X-1"').body["Resources"]

    for path in (
        f"/Users/{bob['id']}",
        address("/Users", filter='userName eq "bob@example.com"'),
        address("/Users", filter='externalId eq "X-1"', startIndex=1, count=100),
        address("/Users", filter='userName eq "nobody"'),
    ):
        with django_assert_num_queries(1):
            provider_with_people("GET", path)


@pytest.mark.django_db(transaction=True)
def test_each_write_needs_few_queries(
    scim: Provider, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    boss, bob = scim.add("boss"), scim.add("bob")
    path = f"/Users/{bob}"
    newcomer = someone("new", **managed_by(boss))
    # BEGIN and COMMIT count. A deactivation revokes invites; a reactivation issues an invite unless
    # one is open.
    requests: list[tuple[str, str, Json | None, int]] = [
        ("POST", "/Users", newcomer, 4),
        ("PATCH", path, {"Operations": [{"op": "replace", "path": "title", "value": "Sir"}]}, 4),
        ("PATCH", path, {"Operations": [{"op": "replace", "value": {"active": False}}]}, 5),
        ("PUT", path, someone("bob", active=True), 5),
        ("PUT", path, someone("bob", title="Lord"), 4),
        ("DELETE", path, None, 5),
    ]

    for method, where, body, statements in requests:
        with django_assert_num_queries(statements):
            answer = scim(method, where, body)
        assert answer.status < 300


def test_link_to_manager_is_stored_identically(
    scim: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss = scim.add("boss")
    scim.add("by-fixed-sql", **managed_by(boss))
    monkeypatch.setattr(prepared_statements, "available", lambda: False)
    scim.add("by-the-orm", **managed_by(boss))

    documents = ScimUser.objects.exclude(scim_username__startswith="boss")
    managers_told = [one.document[ENT]["manager"] for one in documents]
    assert [one["$ref"] for one in managers_told] == [f"/Users/{boss}"] * 2


@pytest.mark.parametrize(
    "given", ["id", "x-9", "bob@example.com", "BOB@example.com", "bob@work.example", "nobody", ""]
)
def test_same_manager_is_found(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    okta = connect()
    scim_id = okta.add("bob", externalId="x-9", emails=[mail("bob@work.example")])
    # Eve's externalId equals Bob's userName, and an externalId takes precedence.
    okta.add("eve", externalId="bob@example.com")
    given = scim_id if given == "id" else given

    fixed = managers.find(okta.connection, given)
    monkeypatch.setattr(prepared_statements, "available", lambda: False)

    assert managers.find(okta.connection, given) == fixed
    assert (fixed is None) == (given in ("nobody", ""))

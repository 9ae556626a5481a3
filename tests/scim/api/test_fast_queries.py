"""The fixed statements …"""

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

# Everything that has ever been hard to write as the same bytes twice.
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
def full(connect: Connect) -> Provider:
    """Connect a provider that pushed all sorts of people, some into groups."""
    generic = connect("generic")
    ids = [generic.add(name, **said) for name, said in PEOPLE.items()]
    generic.add_group('Editors "of" Łódź', *ids[:3])
    generic.add_group("Readers", *ids[1:5])
    generic("DELETE", f"/Groups/{generic.add_group('Gone', *ids)}")
    generic.replace(ids[0], "title", "Countess")
    with tenancy.use(generic.connection.tenant_id):
        assert ScimGroup.objects.count() == 3
    return generic


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Answer]], Answer]:
    """Ask the same through the ORM, as on SQLite."""

    def ordinary(ask: Callable[[], Answer]) -> Answer:
        with monkeypatch.context() as patched:
            patched.setattr(prepared_statements, "available", lambda: False)
            return ask()

    return ordinary


Ordinary = Callable[[Callable[[], Answer]], Answer]


def told(answer: Answer) -> tuple[int, bytes, str | None]:
    return answer.status, answer.content, answer.headers.get("ETag")


def compare(scim: Provider, ordinary: Ordinary, path: str) -> Answer:
    """See that both ways give the same bytes, and return them."""
    fixed, usual = scim("GET", path), ordinary(lambda: scim("GET", path))
    assert told(fixed) == told(usual)
    return fixed


def everybody(scim: Provider) -> list[Json]:
    found: list[Json] = scim("GET", "/Users").body["Resources"]
    return found


def test_read_everybody_to_the_same_bytes(full: Provider, ordinary: Ordinary) -> None:
    people = everybody(full)
    assert len(people) == len(PEOPLE)

    for one in people:
        assert compare(full, ordinary, f"/Users/{one['id']}").body == one
        assert compare(full, ordinary, f"/Users/{one['id'].upper()}").body == one


def test_show_indirect_memberships_to_the_same_bytes(full: Provider, ordinary: Ordinary) -> None:
    readers = full("GET", address("/Groups", filter='displayName eq "Readers"')).body["Resources"]
    full.add_group("Everybody", full.add_group("Staff", readers[0]["id"]))
    listed = compare(full, ordinary, "/Users").body["Resources"]

    for one in listed:
        assert compare(full, ordinary, f"/Users/{one['id']}").body == one
    kinds = [group["type"] for one in listed for group in one.get("groups", [])]
    assert {*kinds} == {"direct", "indirect"}


def test_find_everybody_to_the_same_bytes(full: Provider, ordinary: Ordinary) -> None:
    for one in everybody(full):
        texts = [
            f'userName eq "{one["userName"]}"',
            f'USERNAME EQ "{one["userName"].swapcase()}"',
            f'id eq "{one["id"]}"',
        ]
        if "externalId" in one:
            texts.append(f'externalId eq "{one["externalId"]}"')
        for text in texts:
            found = compare(full, ordinary, address("/Users", filter=text))
            assert found.body["Resources"] == [one]
            paged = address("/Users", filter=text, startIndex=1, count=100)
            assert compare(full, ordinary, paged).content == found.content


def test_show_the_same_parts(full: Provider, ordinary: Ordinary) -> None:
    [eve] = full.find('userName eq "eve@example.com"').body["Resources"]

    for wanted in ("attributes=userName,groups", "excludedAttributes=groups,name", "attributes=x"):
        compare(full, ordinary, f"/Users/{eve['id']}?{wanted}")


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
def test_find_nobody_alike(full: Provider, ordinary: Ordinary, text: str) -> None:
    answer = compare(full, ordinary, address("/Users", filter=text))

    assert answer.body["Resources"] == []


@pytest.mark.parametrize("scim_id", [NOBODY, "1", "0" * 36, NOBODY.replace("-", "")])
def test_read_nobody_alike(full: Provider, ordinary: Ordinary, scim_id: str) -> None:
    assert compare(full, ordinary, f"/Users/{scim_id}").status == 404


def test_tell_external_ids_apart_by_case(full: Provider, ordinary: Ordinary) -> None:
    for external_id, name in (("X-1", "bob"), ("x-1", "fay")):
        path = address("/Users", filter=f'externalId eq "{external_id}"')
        assert compare(full, ordinary, path).names == [name]


def test_do_not_find_the_deleted(full: Provider, ordinary: Ordinary) -> None:
    [bob] = full.find('externalId eq "X-1"').body["Resources"]
    full("DELETE", f"/Users/{bob['id']}")

    assert compare(full, ordinary, f"/Users/{bob['id']}").status == 404
    for text in ('externalId eq "X-1"', 'userName eq "bob@example.com"', f'id eq "{bob["id"]}"'):
        answer = compare(full, ordinary, address("/Users", filter=text))
        assert answer.body["totalResults"] == 0


def test_find_who_came_back(full: Provider, ordinary: Ordinary) -> None:
    [ada] = full.find('userName eq "ada@example.com"').body["Resources"]
    full("DELETE", f"/Users/{ada['id']}")
    full.add("ada", title="Duchess")

    assert compare(full, ordinary, f"/Users/{ada['id']}").body["title"] == "Duchess"


def test_do_not_find_strangers(full: Provider, ordinary: Ordinary, connect: Connect) -> None:
    [bob] = full.find('externalId eq "X-1"').body["Resources"]
    with core.in_another_tenant():
        another = Provider(scim_connection())

    for stranger in (connect("entra"), another):
        assert compare(stranger, ordinary, f"/Users/{bob['id']}").status == 404
        answer = compare(stranger, ordinary, address("/Users", filter='externalId eq "X-1"'))
        assert answer.body["totalResults"] == 0


def test_know_what_the_client_has(full: Provider, ordinary: Ordinary) -> None:
    [ada] = full.find('userName eq "ada@example.com"').body["Resources"]

    def ask() -> Answer:
        return full("GET", f"/Users/{ada['id']}", If_None_Match=ada["meta"]["version"])

    assert told(ask()) == told(ordinary(ask))
    assert ask().status == 304


WRITES: list[tuple[str, Json]] = [
    ("PATCH", {"Operations": [{"op": "replace", "path": "title", "value": "Łord"}]}),
    ("PATCH", {"Operations": [{"op": "replace", "path": "active", "value": False}]}),
    ("PATCH", {"Operations": []}),
    ("PUT", {"userName": "new", "emails": [mail("new@example.com")], ENT: {"department": "New"}}),
    ("DELETE", {}),
]


@pytest.mark.parametrize(("method", "body"), WRITES)
def test_write_alike(connect: Connect, ordinary: Ordinary, method: str, body: Json) -> None:
    """Push the same to two connections, the one by fixed statements and the other without."""
    assert write(method, body, lambda ask: ask()) == write(method, body, ordinary)


def write(method: str, body: Json, through: Ordinary) -> tuple[int, int, bytes]:
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


def test_ask_the_database_once(
    full: Provider, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    [bob] = full.find('externalId eq "X-1"').body["Resources"]

    for path in (
        f"/Users/{bob['id']}",
        address("/Users", filter='userName eq "bob@example.com"'),
        address("/Users", filter='externalId eq "X-1"', startIndex=1, count=100),
        address("/Users", filter='userName eq "nobody"'),
    ):
        with django_assert_num_queries(1):
            full("GET", path)


@pytest.mark.django_db(transaction=True)
def test_change_a_user_in_few_statements(
    scim: Provider, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    boss, bob = scim.add("boss"), scim.add("bob")
    path = f"/Users/{bob}"
    newcomer = someone("new", **managed_by(boss))
    # BEGIN and COMMIT count. Leavers' invites are revoked, and those who return are invited
    # unless an invite is open.
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


def test_store_the_link_to_a_manager_as_the_orm_does(
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
def test_find_the_same_manager(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    okta = connect()
    scim_id = okta.add("bob", externalId="x-9", emails=[mail("bob@work.example")])
    # Her name at the provider is Bob's here, and comes before it.
    okta.add("eve", externalId="bob@example.com")
    given = scim_id if given == "id" else given

    fixed = managers.find(okta.connection, given)
    monkeypatch.setattr(prepared_statements, "available", lambda: False)

    assert managers.find(okta.connection, given) == fixed
    assert (fixed is None) == (given in ("nobody", ""))

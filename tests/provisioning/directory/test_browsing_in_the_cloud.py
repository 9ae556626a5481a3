"""Live browsing of cloud directories.

Okta's, Microsoft's and Keycloak's are small servers of ours that answer in the shapes that
the vendors publish (the adapters name the pages); SCIM's is scim2-server, which is not ours.
"""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioning.directory import Directory, DirectoryFailed, directory_of
from provisioning.models import IdentityProvider
from provisioning.sign_in.sign_in import sign_in
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.postgres_redis_smtp import free_port, wait_until
from tests.support import sign_in_flow
from tests.support.cloud_directories import ORGANIZATION, CloudProvider, added, browsing
from tests.support.sign_in_flow import claims, come_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_acme")]

PEOPLE = [("u1", "Ada", "Lovelace"), ("u2", "Bob", "Builder"), ("u3", "Grace", "Hopper")]
MANY = [(f"u{number}", "Many", f"Number{number}") for number in range(10, 60)]


def sent(provider: IdentityProvider, *groups: str) -> None:
    """Have a sign-in send these groups."""
    come_in(provider, "ada", sign_in_flow.groups(*groups))


class TestMicrosoft:
    @pytest.fixture
    def graph(self, cloud: CloudProvider) -> Directory:
        cloud.api = self.answer
        return browsing(cloud, "graph", directory_url=cloud.url)

    def answer(self, path: str, query: dict[str, str], headers: Any) -> tuple[int, Any]:
        assert (headers["Authorization"], headers["ConsistencyLevel"]) == ("Bearer at", "eventual")
        groups = [{"id": "g1", "displayName": "Finance"}, {"id": "g2", "displayName": "Staff"}]
        match path.split("/")[2:]:
            case ["users"]:
                return 200, self.page(query)
            case ["users", "u1"]:
                return 200, self.people()[0]
            case ["users", "u1", "transitiveMemberOf", _] if query["$count"] == "true":
                return 200, {"value": groups}
            case ["groups"]:
                return 200, {"value": groups[:1]}
            case ["groups", "g1", "transitiveMembers", _] if query["$count"] == "true":
                return 200, {"value": self.people()[:2]}
        return 404, {"error": {"code": "Request_ResourceNotFound"}}

    def page(self, query: dict[str, str]) -> dict[str, Any]:
        word = query.get("$search", '":"').split('"')[1].partition(":")[2]
        found = [one for one in self.people() if word in one["displayName"]]
        start = int(query.get("$skiptoken", "0"))
        values: dict[str, Any] = {"value": found[start : start + int(query["$top"])]}
        if len(found) > start + 25:
            values["@odata.nextLink"] = f"https://elsewhere.example/?$skiptoken={start + 25}"
        return values

    def people(self) -> list[dict[str, str]]:
        return [
            {
                "id": key,
                "displayName": f"{given} {family}",
                "mail": f"{key}@acme.example",
                "userPrincipalName": f"{key}@acme.onmicrosoft.example",
                "department": "Sales",
            }
            for key, given, family in PEOPLE + MANY
        ]

    def test_finds_people_and_turns_pages(self, graph: Directory) -> None:
        first = graph.people("Many")
        second = graph.people("Many", first.next)

        assert len({one.id for one in first.items + second.items}) == 50
        assert second.next == ""

    def test_shows_a_person_and_their_groups(self, graph: Directory) -> None:
        ada = graph.person("u1")

        assert ada
        assert (ada.name, ada.email, ada.details) == (
            *("Ada Lovelace", "u1@acme.example"),
            {"department": "Sales"},
        )
        assert [(group.id, group.name) for group in graph.groups_of("u1") or []] == [
            *(("g1", "Finance"), ("g2", "Staff")),
        ]

    def test_shows_groups_and_members(self, graph: Directory) -> None:
        [finance] = graph.groups("Fin").items

        assert [one.id for one in graph.members(finance.id).items] == ["u1", "u2"]

    def test_invalid_id_finds_no_person(self, graph: Directory) -> None:
        assert graph.person("../groups/g1") is None
        assert graph.person("nobody") is None
        assert graph.groups_of("nobody") is None

    def test_group_page_shows_which_members_have_signed_in(self, cloud: CloudProvider) -> None:
        cloud.api = self.answer
        issuer = f"{cloud.url}/{ORGANIZATION}/v2.0"
        cloud.discovery = {"issuer": issuer}
        provider = added(cloud, "graph", directory_url=cloud.url, issuer=issuer)
        core.owner()
        sign_in(provider, claims(f"{ORGANIZATION}/u1", email="u1@acme.example"))
        sign_in(provider, claims("another/u2", email="u2@acme.example"))
        olga = signed_in(core.owner(email="olga@acme.example"))

        page = text_of(olga.get(f"/tenants/acme/directory/{provider.pk}/group/?id=g1"))

        assert (page.count("u1@acme.example"), page.count("u2@acme.example")) == (1, 1)
        assert page.count("Has not signed in") == 1

    def test_multi_tenant_issuer_browses_the_one_allowed_organization(
        self, cloud: CloudProvider
    ) -> None:
        cloud.api = self.answer
        issuer = f"{cloud.url}/organizations/v2.0"
        cloud.discovery = {
            "issuer": cloud.url + "/{tenantid}/v2.0",
            "token_endpoint": f"{issuer}/token",
        }
        more = {"directory_url": cloud.url, "issuer": issuer}
        one = browsing(cloud, "graph", restrict_to={"entra_tenants": [ORGANIZATION]}, **more)

        assert one.people("Ada").items[0].subject == f"{ORGANIZATION}/u1"
        assert f"/{ORGANIZATION}/v2.0/token" in cloud.asked
        two = {"entra_tenants": [ORGANIZATION, "other"]}
        with pytest.raises(DirectoryFailed, match="only the directory of one can be browsed"):
            browsing(cloud, "graph", restrict_to=two, name="Two", **more)

    def test_refused_client_credentials_are_explained(self, cloud: CloudProvider) -> None:
        with pytest.raises(DirectoryFailed, match="Allow the client credentials grant"):
            browsing(cloud, "graph", directory_url=cloud.url, client_secret="wrong")


OKTA_GROUP = "00g1emaKYZTWRYYRRTSK"


class TestOkta:
    @pytest.fixture
    def okta(self, cloud: CloudProvider) -> Directory:
        cloud.api = self.answer
        return browsing(cloud, "okta", directory_token="t0ken")

    def answer(self, path: str, query: dict[str, str], headers: Any) -> tuple[int, Any]:
        if headers["Authorization"] != "SSWS t0ken":
            return 401, {"errorCode": "E0000011"}
        people = [
            {
                "id": key,
                "status": "ACTIVE",
                "profile": {
                    "firstName": given,
                    "lastName": family,
                    "email": f"{key}@acme.example",
                    "login": f"{key}@acme.example",
                },
            }
            for key, given, family in PEOPLE
        ]
        groups = [{"id": OKTA_GROUP, "profile": {"name": "Finance"}}]
        match path.split("/")[3:]:
            case ["users"]:
                word = query.get("q", "")
                return 200, [one for one in people if word in str(one)]
            case ["users", "u1"]:
                return 200, people[0]
            case ["users", "u1", "groups"] | ["groups"]:
                is_about_twins = query.get("q") == "Twins"
                return 200, self.twins() if is_about_twins else groups
            case ["groups", key, "users"] if key == OKTA_GROUP:
                return 200, people[:1]
        return 404, {"errorCode": "E0000007"}

    def twins(self) -> list[dict[str, Any]]:
        named = [("00g2", "Twins"), ("00g3", "Twins"), ("00g4", "Twins and more")]
        return [{"id": key, "profile": {"name": name}} for key, name in named]

    def test_finds_people(self, okta: Directory) -> None:
        [ada] = okta.people("Love").items

        assert (ada.id, ada.name, ada.email) == ("u1", "Ada Lovelace", "u1@acme.example")

    def test_shows_groups_by_the_name_that_tokens_list(self, okta: Directory) -> None:
        assert [group.id for group in okta.groups("").items] == ["Finance"]
        assert [group.id for group in okta.groups_of("u1") or []] == ["Finance"]
        assert okta.groups_of("nobody") is None

    def test_shows_the_members_of_a_group_by_its_name(self, okta: Directory) -> None:
        assert [one.id for one in okta.members("Finance").items] == ["u1"]
        assert okta.members("Nobody").items == []

    @pytest.mark.parametrize("is_told", [True, False])
    def test_shows_groups_by_id_where_tokens_list_ids(
        self, cloud: CloudProvider, *, is_told: bool
    ) -> None:
        cloud.api = self.answer
        more = {"group_key": "id"} if is_told else {}
        provider = added(cloud, "okta", directory_token="t0ken", **more)
        if not is_told:
            sent(provider, OKTA_GROUP)
        okta = directory_of(provider)
        assert okta

        [finance] = okta.groups("Fin").items

        assert (finance.id, finance.name) == (OKTA_GROUP, "Finance")
        assert [one.id for one in okta.members(finance.id).items] == ["u1"]

    def test_ambiguous_group_name_fails(self, okta: Directory) -> None:
        with pytest.raises(DirectoryFailed, match="several groups named “Twins”: 00g2, 00g3"):
            okta.members("Twins")

    def test_refused_token_is_reported(self, cloud: CloudProvider) -> None:
        cloud.api = self.answer

        with pytest.raises(DirectoryFailed, match="returned status 401"):
            browsing(cloud, "okta", directory_token="old").people("")


class TestKeycloak:
    @pytest.fixture
    def keycloak(self, cloud: CloudProvider) -> Directory:
        cloud.api = self.answer
        return browsing(cloud, "keycloak", directory_url=f"{cloud.url}/admin/realms/acme")

    def answer(self, path: str, query: dict[str, str], headers: Any) -> tuple[int, Any]:
        if headers["Authorization"] != "Bearer at":
            return 403, {"error": "unknown_error"}
        people = [
            {"id": key, "username": key, "firstName": given, "lastName": family}
            for key, given, family in PEOPLE + MANY
        ]
        groups = [{"id": "k1", "name": "finance", "path": "/staff/finance", "subGroups": []}]
        first, most = int(query.get("first", "0")), int(query.get("max", "100"))
        match path.split("/")[4:]:
            case ["users"]:
                word = query.get("search", "")
                found = [one for one in people if word in str(one["firstName"])]
                return 200, found[first : first + most]
            case ["users", "u1"]:
                return 200, people[0]
            case ["users", "u1", "groups"] | ["groups"]:
                return 200, groups
            case ["groups", "k1", "members"]:
                return 200, people[:2]
        return 404, {"error": "User not found"}

    def test_finds_people_and_turns_pages(self, keycloak: Directory) -> None:
        first = keycloak.people("Many")
        second = keycloak.people("Many", first.next)

        assert len({one.id for one in first.items + second.items}) == 50
        assert second.next == ""

    def test_shows_groups_by_the_path_that_tokens_list(self, keycloak: Directory) -> None:
        [finance] = keycloak.groups("fin").items

        assert finance.id == "/staff/finance"
        assert [one.id for one in keycloak.members(finance.id).items] == ["u1", "u2"]
        assert keycloak.groups_of("u1") == [finance]


def keycloak_group(key: str, path: str, *inner: Any, count: int = 0) -> dict[str, Any]:
    name = path.rpartition("/")[2]
    return {
        "id": key,
        "name": name,
        "path": path,
        "subGroups": list(inner),
        "subGroupCount": count or len(inner),
    }


class TestKeycloakSubgroups:
    """The groups are /staff/finance/payroll, /staff/it and /guests/it."""

    def answer(self, path: str, query: dict[str, str], headers: Any) -> tuple[int, Any]:
        payroll = keycloak_group("k3", "/staff/finance/payroll")
        finance = keycloak_group("k2", "/staff/finance", count=1)
        inner = [finance, keycloak_group("k4", "/staff/it")]
        guests = keycloak_group("k5", "/guests", keycloak_group("k6", "/guests/it"))
        staff = keycloak_group("k1", "/staff", count=2)
        whole = keycloak_group("k1", "/staff", finance | {"subGroups": [payroll]}, inner[1])
        match path.split("/")[4:]:
            case ["groups"] if "search" in query:
                # A search returns the groups above what it finds, too.
                return 200, [one for one in (whole, guests) if query["search"] in str(one)]
            case ["groups"]:
                return 200, [staff, guests]
            case ["groups", "k1", "children"]:
                return 200, inner
            case ["groups", "k2", "children"]:
                return 200, [payroll]
            case ["groups", "k3", "members"]:
                return 200, [{"id": "u1", "username": "ada"}]
        return 404, {}

    @pytest.fixture
    def provider(self, cloud: CloudProvider) -> IdentityProvider:
        cloud.api = self.answer
        url = f"{cloud.url}/admin/realms/acme"
        return added(cloud, "keycloak", directory_url=url)

    def directory(self, provider: IdentityProvider) -> Directory:
        directory = directory_of(provider)
        assert directory
        return directory

    def test_subgroups_are_listed(self, provider: IdentityProvider) -> None:
        assert [group.id for group in self.directory(provider).groups("").items] == [
            *("/staff", "/staff/finance", "/staff/finance/payroll", "/staff/it"),
            *("/guests", "/guests/it"),
        ]

    def test_subgroups_are_found_by_search(self, provider: IdentityProvider) -> None:
        found = self.directory(provider).groups("payroll").items

        assert [group.id for group in found] == ["/staff/finance/payroll"]

    @pytest.mark.parametrize(
        ("key", "seen", "expected"),
        [
            ("", [], "/staff/finance/payroll"),
            ("", ["staff"], "payroll"),
            ("", ["/staff"], "/staff/finance/payroll"),
            ("name", ["/staff"], "payroll"),
            ("path", ["staff"], "/staff/finance/payroll"),
            ("id", ["staff"], "k3"),
        ],
        ids=str,
    )
    def test_group_id_is_the_value_that_tokens_list(
        self, provider: IdentityProvider, key: str, seen: list[str], expected: str
    ) -> None:
        provider.settings |= {"group_key": key}
        provider.save()
        if seen:
            sent(provider, *seen)
        keycloak = self.directory(provider)

        [payroll] = keycloak.groups("payroll").items

        assert (payroll.id, payroll.name) == (expected, "/staff/finance/payroll")
        assert [one.id for one in keycloak.members(expected).items] == ["u1"]

    def test_ambiguous_name_fails_and_lists_the_paths(self, provider: IdentityProvider) -> None:
        provider.settings |= {"group_key": "name"}
        provider.save()

        with pytest.raises(DirectoryFailed, match="named “it”: /guests/it, /staff/it"):
            self.directory(provider).members("it")


@pytest.fixture(scope="module")
def scim_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("scim") / "log"
    port = free_port()
    program = Path(sys.executable).with_name("scim2-server")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program, "--port", str(port), "--bearer-token", "t0ken"], stdout=out, stderr=out
        )
    url = f"http://127.0.0.1:{port}/v2"
    wait_until(lambda: _answers(url), process, log)
    ada = _post(url, "Users", _user("ada", "Ada", "Lovelace"))
    for number in range(30):
        _post(url, "Users", _user(f"many-{number}", "Many", f"Number{number}"))
    _post(url, "Groups", _group("Finance", ada))
    yield url
    process.terminate()
    process.wait(10)


class TestScimServer:
    @pytest.fixture
    def scim(self, cloud: CloudProvider, scim_server: str) -> Directory:
        return browsing(cloud, "scim", directory_url=scim_server, directory_token="t0ken")

    def test_finds_people_and_turns_pages(self, scim: Directory) -> None:
        first = scim.people("many-")
        second = scim.people("many-", first.next)

        assert len({one.id for one in first.items + second.items}) == 30
        assert second.next == ""

    @pytest.mark.parametrize("text", ['"', "\\", '" or userName pr or userName eq "'])
    def test_search_text_is_escaped(self, scim: Directory, text: str) -> None:
        assert scim.people(text).items == []

    def test_shows_a_person_and_groups(self, scim: Directory) -> None:
        [ada] = scim.people("ada").items
        [finance] = scim.groups("Fin").items

        assert (ada.name, ada.email) == ("Ada Lovelace", "ada@acme.example")
        assert [one.id for one in scim.members(finance.id).items] == [ada.id]
        assert scim.person(ada.id) == ada
        assert scim.person("nobody") is None

    def test_refused_scim_token_is_reported(self, cloud: CloudProvider, scim_server: str) -> None:
        directory = browsing(cloud, "scim", directory_url=scim_server, directory_token="old")

        with pytest.raises(DirectoryFailed, match="returned status 401"):
            directory.people("ada")


def _user(name: str, given: str, family: str) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "displayName": f"{given} {family}",
        "emails": [{"value": f"{name}@acme.example", "primary": True}],
    }


def _group(name: str, *members: str) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": name,
        "members": [{"value": member} for member in members],
    }


def _post(url: str, path: str, body: dict[str, Any]) -> str:
    headers = {"Authorization": "Bearer t0ken", "Content-Type": "application/scim+json"}
    request = urllib.request.Request(
        f"{url}/{path}", json.dumps(body).encode(), headers, method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["id"])


def _answers(url: str) -> bool:
    try:
        request = urllib.request.Request(
            f"{url}/ServiceProviderConfig", headers={"Authorization": "Bearer t0ken"}
        )
        urllib.request.urlopen(request, timeout=2).close()
    except OSError:
        return False
    return True

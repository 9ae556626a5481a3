"""Versions (ETag), If-Match and If-None-Match."""

from collections.abc import Callable

import pytest

from tests.clients.scim import NOBODY, Answer, Provider, managed_by, someone

pytestmark = pytest.mark.django_db

CURRENT = ['W/"1"', '"1"', "*", 'W/"7", W/"1"', ' W/"1" ']
OTHERS = ['W/"2"', '"0"', 'W/"7", W/"8"', '"x"', "1"]

Change = Callable[..., Answer]
CHANGES: dict[str, Change] = {
    "PUT": lambda scim, path, **headers: scim("PUT", path, someone(title="Countess"), **headers),
    "PATCH": lambda scim, path, **headers: scim(
        "PATCH", path, {"Operations": [{"op": "add", "path": "title", "value": "C"}]}, **headers
    ),
    "DELETE": lambda scim, path, **headers: scim("DELETE", path, **headers),
}
GROUP_CHANGES: dict[str, Change] = {
    "PUT": lambda scim, path, **headers: scim("PUT", path, {"displayName": "Writers"}, **headers),
    "PATCH": lambda scim, path, **headers: scim("PATCH", path, {"Operations": []}, **headers),
    "DELETE": lambda scim, path, **headers: scim("DELETE", path, **headers),
}


@pytest.fixture
def ada(scim: Provider) -> str:
    return f"/Users/{scim.add('ada')}"


@pytest.fixture
def editors(scim: Provider) -> str:
    return f"/Groups/{scim.add_group('Editors')}"


def version(scim: Provider, path: str) -> str:
    answer = scim("GET", path)
    assert answer.headers["ETag"] == answer.body["meta"]["version"]
    return str(answer.headers["ETag"])


def test_first_version_is_one(scim: Provider, ada: str, editors: str) -> None:
    assert version(scim, ada) == version(scim, editors) == 'W/"1"'


def test_head_answers_version_without_body(scim: Provider, ada: str) -> None:
    answer = scim("HEAD", ada)

    assert (answer.status, answer.content) == (200, b"")
    assert answer.headers["ETag"] == version(scim, ada)
    assert scim("HEAD", ada, If_None_Match='W/"1"').status == 304
    assert scim("HEAD", f"/Users/{NOBODY}").status == 404


class TestVersion:
    def test_version_grows_with_each_change(self, scim: Provider, ada: str) -> None:
        for number, title in enumerate(["a", "b", "c"], start=2):
            answer = scim.replace(ada[7:], "title", title)
            assert answer.headers["ETag"] == version(scim, ada) == f'W/"{number}"'

    def test_version_stays_if_nothing_changes(self, scim: Provider, ada: str) -> None:
        before = scim("GET", ada).body

        for same in (
            scim("PUT", ada, someone("ada")),
            scim("PUT", ada, before),
            scim.patch(ada[7:]),
            scim.replace(ada[7:], "active", "True"),
            scim.patch(ada[7:], {"op": "remove", "path": "title"}),
        ):
            assert (same.status, same.body) == (200, before)

        assert scim("GET", ada).body == before

    def test_version_stays_after_a_refusal(self, scim: Provider, ada: str) -> None:
        scim.replace(ada[7:], "roles", "EMPEROR")

        assert version(scim, ada) == 'W/"1"'

    def test_version_of_user_stays_when_a_group_changes(self, scim: Provider, ada: str) -> None:
        scim.add_group("Editors", ada[7:])

        assert version(scim, ada) == 'W/"1"'

    def test_last_modified_changes_with_the_version(self, scim: Provider, ada: str) -> None:
        before = scim("GET", ada).body["meta"]

        after = scim.replace(ada[7:], "title", "Countess").body["meta"]

        assert after["created"] == before["created"]
        assert after["lastModified"] > before["lastModified"]

    def test_version_of_group_grows_with_a_change(self, scim: Provider, editors: str) -> None:
        scim("PUT", editors, {"displayName": "Writers"})

        assert version(scim, editors) == 'W/"2"'


class TestIfMatch:
    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    @pytest.mark.parametrize("header", CURRENT)
    def test_change_with_current_version_is_accepted(
        self, scim: Provider, ada: str, change: Change, header: str
    ) -> None:
        assert change(scim, ada, If_Match=header).status in (200, 204)

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    @pytest.mark.parametrize("header", OTHERS)
    def test_change_with_another_version_is_refused(
        self, scim: Provider, ada: str, method: str, header: str
    ) -> None:
        before = scim("GET", ada).body

        answer = CHANGES[method](scim, ada, If_Match=header)

        assert answer.status == 412
        assert "Read it again" in answer.detail
        assert scim("GET", ada).body == before

    def test_delete_of_a_user_ignores_the_version(self, scim: Provider, ada: str) -> None:
        assert scim("DELETE", ada, If_Match='W/"2"').status == 204
        assert scim("GET", ada).status == 404

    @pytest.mark.parametrize("change", GROUP_CHANGES.values(), ids=GROUP_CHANGES)
    def test_if_match_applies_to_groups(self, scim: Provider, editors: str, change: Change) -> None:
        assert change(scim, editors, If_Match='W/"7"').status == 412
        assert change(scim, editors, If_Match='W/"1"').status in (200, 204)

    def test_second_change_with_the_same_version_is_refused(self, scim: Provider, ada: str) -> None:
        seen = version(scim, ada)
        answers = [
            scim.patch(ada[7:], {"op": "add", "path": "title", "value": value}, If_Match=seen)
            for value in ("a", "b")
        ]

        assert [answer.status for answer in answers] == [200, 412]
        assert scim("GET", ada).body["title"] == "a"

    def test_unknown_resource_is_not_found(self, scim: Provider) -> None:
        assert scim("DELETE", "/Users/x", If_Match='W/"1"').status == 404


class TestIfNoneMatch:
    @pytest.mark.parametrize("header", CURRENT)
    def test_current_version_is_answered_with_304(
        self, scim: Provider, ada: str, editors: str, header: str
    ) -> None:
        for path in (ada, editors):
            answer = scim("GET", path, If_None_Match=header)
            assert (answer.status, answer.content) == (304, b"")
            assert answer.headers["ETag"] == 'W/"1"'

    @pytest.mark.parametrize("header", OTHERS)
    def test_other_version_is_answered_with_the_resource(
        self, scim: Provider, ada: str, header: str
    ) -> None:
        assert scim("GET", ada, If_None_Match=header).body["userName"] == "ada@example.com"

    def test_version_before_a_change_is_outdated(self, scim: Provider, ada: str) -> None:
        scim.replace(ada[7:], "title", "Countess")

        assert scim("GET", ada, If_None_Match='W/"1"').status == 200
        assert scim("GET", ada, If_None_Match='W/"2"').status == 304

    def test_version_stays_when_a_waiting_manager_is_created(
        self, scim: Provider, ada: str
    ) -> None:
        scim("PUT", ada, someone(**managed_by("bob@example.com")))
        scim.add("bob")

        assert scim("GET", ada, If_None_Match='W/"2"').status == 304

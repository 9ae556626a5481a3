"""Refusals of invalid filters and search parameters."""

import time
from typing import Any

import pytest

from tests.clients.scim import Json, Provider, address
from tests.support.scim_errors import assert_refused

pytestmark = pytest.mark.django_db

# Seconds of CPU, which other processes do not change. Exponential algorithms would take minutes.
MAX_CPU_SECONDS = 1.0


class TestFilter:
    BOMBS = {
        "long": 'userName eq "' + "x" * 3000 + '"',
        "nested": "(" * 1000 + "userName pr" + ")" * 1000,
        "not": "not (" * 20 + "userName pr" + ")" * 20,
        "many": " or ".join(['userName eq "x"'] * 51),
        "very many": " or ".join(["a pr"] * 20_000),
        "open": "(" * 2000,
        "quotes": 'userName eq "' + '\\"' * 1000,
        "blanks": "userName" + " " * 2000 + "eq",
        "brackets": "emails[" * 200,
    }

    @pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
    @pytest.mark.parametrize("how", ["GET", ".search"])
    def test_filter_bomb_is_refused_quickly(self, scim: Provider, text: str, how: str) -> None:
        began = time.thread_time()

        answer = scim.find(text) if how == "GET" else scim("POST", "/.search", {"filter": text})

        assert time.thread_time() - began < MAX_CPU_SECONDS
        assert_refused(answer, 400, "invalidFilter")

    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ('shoeSize eq "43"', "shoeSize"),
            ('userName eq "a" or shoeSize eq "43"', "shoeSize"),
            ('person.role eq "x"', "person.role"),
            ('tenant_id eq "1"', "tenant_id"),
            ('userName__contains eq "a"', "userName__contains"),
            ('password eq "x"', "password"),
            ('userName = "a"', ""),
            ("userName eq", ""),
            ("userName eq ada lovelace", ""),
            ('userName eq "a" and', ""),
            ('userName eq "a', ""),
            ("' OR 1=1 --", ""),
            ('userName eq "\\ud800"', ""),
            ("active gt true", "active"),
        ],
    )
    def test_invalid_filter_is_refused_with_the_attribute(
        self, scim: Provider, text: str, word: str
    ) -> None:
        assert_refused(scim.find(text), 400, "invalidFilter", word)

    def test_null_character_is_refused(self, scim: Provider) -> None:
        for text in ('userName eq "a\x00b"', 'externalId eq "\x00"', r'title eq "a\u0000b"'):
            assert_refused(scim.find(text), 400, "invalidFilter")


class TestParameters:
    @pytest.mark.parametrize(
        ("parameters", "scim_type"),
        [
            ({"startIndex": "one"}, "invalidValue"),
            ({"count": "ten"}, "invalidValue"),
            ({"count": "1.5"}, "invalidValue"),
            ({"sortOrder": "sideways", "sortBy": "userName"}, "invalidValue"),
            ({"sortBy": "shoeSize"}, "invalidPath"),
            ({"sortBy": "password"}, "invalidPath"),
            ({"cursor": "made up"}, "invalidCursor"),
            ({"cursor": "é"}, "invalidCursor"),
            ({"attributes": "userName", "excludedAttributes": "name"}, "invalidValue"),
        ],
    )
    def test_invalid_query_parameter_is_refused(
        self, scim: Provider, parameters: Json, scim_type: str
    ) -> None:
        assert_refused(scim("GET", address("/Users", **parameters)), 400, scim_type)

    @pytest.mark.parametrize(
        "body",
        [
            [],
            "x",
            {"filter": 5},
            {"filter": {}},
            {"count": "ten"},
            {"count": []},
            {"cursor": "\ud800"},
            {"attributes": 5},
            {"attributes": [5]},
            {"excludedAttributes": {"a": 1}},
            {"startIndex": {}},
            {"cursor": 5},
            {"cursor": ["x"]},
            {"sortBy": 5},
            {"sortBy": ["userName"]},
            {"sortOrder": 5},
        ],
        ids=str,
    )
    def test_invalid_search_body_is_refused(self, scim: Provider, body: Any) -> None:
        answer = scim("POST", "/Users/.search", body)

        assert_refused(answer, 400, answer.body["scimType"])

    def test_discovery_endpoints_refuse_filters(self, scim: Provider) -> None:
        assert_refused(scim("GET", address("/Schemas", filter="id pr")), 403, None)

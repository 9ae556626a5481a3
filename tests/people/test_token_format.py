"""The format of bearer tokens."""

import re
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from people.tokens import ALPHABET, KINDS, PATTERN, may_be_valid, new_token

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_new_tokens_match_the_documented_pattern(kind: str) -> None:
    assert f"\n{PATTERN}\n" in DOCS
    tokens = {new_token(kind) for _ in range(100)}

    assert len(tokens) == 100
    assert all(re.fullmatch(PATTERN, token) for token in tokens)
    assert all(may_be_valid(token, kind) for token in tokens)


def test_token_ends_with_the_documented_checksum() -> None:
    token = new_token("scim")

    number = 0
    for character in token[-6:]:
        number = number * 62 + ALPHABET.index(character)
    assert number == zlib.crc32(token[:-6].encode())


@pytest.mark.parametrize("kind", KINDS)
def test_changed_token_is_detected(kind: str) -> None:
    token = new_token(kind)

    for place in range(len(f"ramp_{kind}_"), len(token)):
        other = "x" if token[place] != "x" else "y"
        assert not may_be_valid(token[:place] + other + token[place + 1 :], kind)
    assert not may_be_valid(token[:-1], kind)
    assert not may_be_valid(f"{token}x", kind)
    assert not may_be_valid(f"{token}\n", kind)


def test_token_of_another_kind_is_invalid() -> None:
    assert not may_be_valid(new_token("api"), "scim")
    assert not may_be_valid(new_token("scim"), "api")


@given(st.text())
def test_text_without_a_prefix_may_be_a_token_of_an_earlier_version(text: str) -> None:
    assert may_be_valid(text, "scim") or text.startswith(("ramp_scim_", "ramp_api_"))

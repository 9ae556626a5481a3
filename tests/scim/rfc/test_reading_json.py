import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim2_models import InvalidSyntaxException, PayloadTooLargeException, SCIMException

from scim.rfc.strict_json import MAX_BODY_SIZE, read, read_object

FULL = MAX_BODY_SIZE


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, -2.5, true, null, "x"]}', {"a": [1, -2.5, True, None, "x"]}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'"\\ud83d\\ude00 \\u00e9"', "😀 é"),
        (b'"\\\\u0000"', "\\u0000"),
        (b'{"a": "' + b"[{" * 1000 + b'\\""}', {"a": "[{" * 1000 + '"'}),
        (b"[" * 32 + b"]" * 32, eval("[" * 32 + "]" * 32)),  # noqa: S307
    ],
)
def test_valid_json_is_read(body: bytes, value: object) -> None:
    assert read(body) == value


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b"  \n", "empty", id="blanks"),
        pytest.param(b'{"a": ', "line 1, column 7", id="cut off"),
        pytest.param(b"{} {}", "Extra data", id="two values"),
        pytest.param(b'{"a": 1, "b": 2, "a": 3}', "duplicate key “a”", id="duplicate name"),
        pytest.param(b'{"x": {"a": 1, "a": 1}}', "duplicate key “a”", id="duplicate name inside"),
        pytest.param(b"[NaN]", "NaN", id="NaN"),
        pytest.param(b"[-Infinity]", "-Infinity", id="Infinity"),
        pytest.param(b"[1e999]", "too large", id="infinite number"),
        pytest.param(b"9" * 5000, "too large", id="endless integer"),
        pytest.param(b"0." + b"1" * 5000, "too large", id="endless decimal"),
        pytest.param(b'"\\u0000"', "U+0000", id="escaped NUL"),
        pytest.param(b'"\0"', "control character", id="raw NUL"),
        pytest.param(b'"\\ud800"', "surrogate", id="high surrogate"),
        pytest.param(b'{"\\udc00": 1}', "surrogate", id="low surrogate in a name"),
        pytest.param(
            b'"\\\\ud83d\\ude00"', "surrogate", id="low surrogate after an escaped backslash"
        ),
        pytest.param(b'"\xff"', "UTF-8", id="latin-1"),
        pytest.param('"ü"'.encode("utf-16"), "UTF-8", id="UTF-16"),
        pytest.param(b'"\xed\xa0\x80"', "UTF-8", id="surrogate in UTF-8"),
        pytest.param(b"[" * 33 + b"]" * 33, "32 levels", id="nested deeply"),
        pytest.param(b'{"a":' * 33 + b"1" + b"}" * 33, "32 levels", id="objects nested deeply"),
        pytest.param(b"[" * 20_000, "32 levels", id="opened only"),
    ],
)
def test_invalid_json_is_refused_with_the_reason(body: bytes, text: str) -> None:
    with pytest.raises(InvalidSyntaxException) as refused:
        read(body)

    assert text in refused.value.detail
    assert refused.value.status == 400


def test_body_above_one_mebibyte_is_refused() -> None:
    with pytest.raises(PayloadTooLargeException) as refused:
        read(b" " * (MAX_BODY_SIZE + 1))

    assert refused.value.status == 413


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null"])
def test_resource_must_be_an_object(body: bytes) -> None:
    with pytest.raises(InvalidSyntaxException, match="JSON object"):
        read_object(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * FULL, id="opened"),
        pytest.param(b"]" * FULL, id="closed"),
        pytest.param(b"[" + b"[]," * (FULL // 3 - 1) + b"[]", id="many lists"),
        pytest.param((b"[" * 40 + b"]" * 40 + b",") * (FULL // 81), id="many nests"),
        pytest.param(b"[" + b"1," * (FULL // 2 - 1) + b"1", id="many numbers"),
        pytest.param(b'["' + b'","' * (FULL // 3 - 1) + b'"', id="many strings"),
        pytest.param(b'"' * FULL, id="quotes"),
        pytest.param(b'"' + b"\\" * (FULL - 1), id="backslashes"),
        pytest.param(b'"' + b"\\u0041" * (FULL // 6 - 1) + b'"', id="escapes"),
        pytest.param(b'{"a":' * (FULL // 5), id="objects"),
        pytest.param(b'[{"a":' * (FULL // 6), id="a mixture"),
        pytest.param(b"9" * FULL, id="one number"),
        pytest.param(b"\0" * FULL, id="NULs"),
    ],
)
def test_json_bomb_is_refused_quickly(body: bytes) -> None:
    start = time.thread_time()
    with pytest.raises(SCIMException):
        read(body)

    # A quadratic algorithm would take minutes.
    assert time.thread_time() - start < 0.5


def test_group_with_twenty_thousand_members_is_read() -> None:
    member = b'{"value":"0b8b3c7e-3a57-4b0f-9a55-6e0c7e2f4a10"}'

    assert len(read(b'{"members":[' + b",".join([member] * 20_000) + b"]}")["members"]) == 20_000


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_every_text_is_read_or_refused(body: bytes) -> None:
    with suppress(InvalidSyntaxException):
        read(body)

import logging

import pytest
import structlog

from ramp import logs


def line(message: str, *arguments: object, **facts: object) -> str:
    record = logging.LogRecord("scim", logging.INFO, __file__, 1, message, arguments, None)
    with structlog.contextvars.bound_contextvars(**facts):
        return logs.line_formatter().format(record)


def test_a_record_is_one_line_that_names_its_request() -> None:
    said = line("%s people arrived", 3, request_id="7f3c")

    assert said.endswith("[info] 3 people arrived [scim] request_id=7f3c")
    assert "\n" not in said


@pytest.mark.parametrize(
    "message",
    [
        "Authorization: Bearer s3cr3t-s3cr3t",
        "refused header 'basic s3cr3t-s3cr3t=='",
        "BEARER   s3cr3t-s3cr3t again",
    ],
)
def test_a_credential_in_the_text_is_blotted_out(message: str) -> None:
    assert "s3cr3t" not in line(message)


@pytest.mark.parametrize("name", ["token", "password", "Authorization", "cookie"])
def test_a_credential_by_its_name_is_blotted_out(name: str) -> None:
    assert "s3cr3t" not in line("signed in", **{name: "s3cr3t"})


def test_ordinary_words_stay() -> None:
    assert "the bearer of bad news" in line("the bearer of bad news")

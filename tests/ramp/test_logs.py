"""The format of log lines."""

import json
import logging

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from ramp import logs
from ramp.middleware import ProxyRequestIdMiddleware


def line(message: str, *arguments: object, **facts: object) -> str:
    return formatted(logs.line_formatter(), message, *arguments, **facts)


def formatted(
    formatter: logging.Formatter, message: str, *arguments: object, **facts: object
) -> str:
    record = logging.LogRecord("scim", logging.INFO, __file__, 1, message, arguments, None)
    with structlog.contextvars.bound_contextvars(**facts):
        return formatter.format(record)


def test_record_is_one_line_with_its_request_id() -> None:
    result = line("%s people arrived", 3, request_id="7f3c")

    assert result.endswith("[info] 3 people arrived [scim] request_id=7f3c")
    assert "\n" not in result


@pytest.mark.parametrize(
    "message",
    [
        "Authorization: Bearer s3cr3t-s3cr3t",
        "refused header 'basic s3cr3t-s3cr3t=='",
        "BEARER   s3cr3t-s3cr3t again",
    ],
)
def test_credential_in_the_message_is_masked(message: str) -> None:
    assert "s3cr3t" not in line(message)


@pytest.mark.parametrize("name", ["token", "password", "Authorization", "cookie"])
def test_value_with_the_name_of_a_credential_is_masked(name: str) -> None:
    assert "s3cr3t" not in line("signed in", **{name: "s3cr3t"})


def test_record_can_be_a_json_object() -> None:
    formatter = logs.line_formatter(as_json=True)

    result = formatted(formatter, "%s people\narrived", 3, request_id="7f3c", token="s3cr3t")

    assert "\n" not in result
    record = json.loads(result)
    assert record.pop("timestamp")
    assert record == {
        "event": "3 people\narrived",
        "level": "info",
        "logger": "scim",
        "request_id": "7f3c",
        "token": "***",
    }


@pytest.mark.parametrize(
    ("is_behind_proxy", "sent", "bound"),
    [(True, "7f3c-1", "7f3c-1"), (True, "7f3c\n[error]", None), (False, "7f3c-1", None)],
)
def test_request_id_of_the_proxy_is_logged_only_behind_a_proxy(
    settings: Settings, is_behind_proxy: bool, sent: str, bound: str | None
) -> None:
    settings.BEHIND_PROXY = is_behind_proxy
    request = RequestFactory().get("/", headers={"X-Request-Id": sent})
    seen: list[object] = []

    def respond(_: HttpRequest) -> HttpResponse:
        seen.append(structlog.contextvars.get_contextvars().get("proxy_request_id"))
        return HttpResponse()

    ProxyRequestIdMiddleware(respond)(request)

    assert seen == [bound]


def test_ordinary_words_are_not_masked() -> None:
    assert "the bearer of bad news" in line("the bearer of bad news")

"""The middleware for SCIM paths and request IDs."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from ramp.middleware import RequestIdMiddleware, ScimMiddleware


def page(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("page")


@pytest.fixture
def middleware(monkeypatch: pytest.MonkeyPatch) -> ScimMiddleware:
    middleware = ScimMiddleware(page)
    monkeypatch.setattr(middleware, "serve", lambda _request: HttpResponse("scim"))
    monkeypatch.setattr(middleware, "serve_elsewhere", lambda _request: HttpResponse("wrong"))
    return middleware


@pytest.mark.parametrize("path", ["/scim/v2", "/scim/v2/", "/scim/v2/Users/1"])
def test_scim_paths_are_answered_by_the_scim_api(middleware: ScimMiddleware, path: str) -> None:
    assert middleware(RequestFactory().get(path)).content == b"scim"


@pytest.mark.parametrize("path", ["/scim", "/scim/Users", "/scim/v1/Users", "/scim/v20/Users"])
def test_mistyped_scim_paths_reach_neither_scim_api_nor_pages(
    middleware: ScimMiddleware, path: str
) -> None:
    assert middleware(RequestFactory().get(path)).content == b"wrong"


@pytest.mark.parametrize("path", ["/", "/scimitar", "/people/scim/v2"])
def test_all_other_paths_reach_the_pages(middleware: ScimMiddleware, path: str) -> None:
    assert middleware(RequestFactory().get(path)).content == b"page"


def test_every_request_has_a_unique_id() -> None:
    name = RequestIdMiddleware(page)

    answers = [name(RequestFactory().get("/")) for _ in range(2)]

    assert len({answer["X-Request-Id"] for answer in answers}) == 2

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from ramp.middleware import RequestIdMiddleware, ScimMiddleware


def page(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("page")


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> ScimMiddleware:
    door = ScimMiddleware(page)
    monkeypatch.setattr(door, "serve", lambda _request: HttpResponse("scim"))
    monkeypatch.setattr(door, "serve_elsewhere", lambda _request: HttpResponse("wrong"))
    return door


@pytest.mark.parametrize("path", ["/scim/v2", "/scim/v2/", "/scim/v2/Users/1"])
def test_scim_is_answered_at_the_door(door: ScimMiddleware, path: str) -> None:
    assert door(RequestFactory().get(path)).content == b"scim"


@pytest.mark.parametrize("path", ["/scim", "/scim/Users", "/scim/v1/Users", "/scim/v20/Users"])
def test_scim_says_where_it_is_to_who_asks_beside_it(door: ScimMiddleware, path: str) -> None:
    assert door(RequestFactory().get(path)).content == b"wrong"


@pytest.mark.parametrize("path", ["/", "/scimitar", "/people/scim/v2"])
def test_everything_else_goes_on_to_the_pages(door: ScimMiddleware, path: str) -> None:
    assert door(RequestFactory().get(path)).content == b"page"


def test_every_request_has_a_name_of_its_own() -> None:
    name = RequestIdMiddleware(page)

    answers = [name(RequestFactory().get("/")) for _ in range(2)]

    assert len({answer["X-Request-Id"] for answer in answers}) == 2

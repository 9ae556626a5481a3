"""Security headers of responses."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver

from people import tenancy
from tests.clients.pages import signed_in
from tests.factories import core

pytestmark = pytest.mark.django_db


def addresses_without_arguments(
    resolver: URLResolver | None = None, prefix: str = "/"
) -> Iterator[str]:
    for pattern in (resolver or get_resolver()).url_patterns:
        address = prefix + re.sub(r"^\^|\\?[$Z]$", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses_without_arguments(pattern, address)
        elif not set("<(^?*") & set(address):
            yield address


ADDRESSES = sorted(set(addresses_without_arguments()) - {"/jsi18n", "/scim/v2/"})


def test_list_of_addresses_contains_pages_of_all_apps() -> None:
    assert {"/people/", "/sign-in/", "/api/v1/people/", "/healthz"} <= set(ADDRESSES)


@pytest.mark.parametrize("who", ["owner", "stranger"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_responses_forbid_storing_and_foreign_scripts(address: str, who: str) -> None:
    with tenancy.use(core.tenant()):
        client = signed_in(core.owner()) if who == "owner" else Client()

    answer = client.get(address)

    assert "no-store" in answer["Cache-Control"]
    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert policy["script-src"] == "'self' 'unsafe-eval'"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert "camera=()" in answer["Permissions-Policy"]


def test_page_not_found_has_the_same_headers() -> None:
    answer = Client().get("/nothing-here/")

    assert answer.status_code == 404
    assert answer["Cache-Control"] == "no-store"
    assert "default-src 'self'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_pages_contain_no_inline_scripts_or_styles(address: str) -> None:
    with tenancy.use(core.tenant()):
        answer = signed_in(core.owner()).get(address, follow=True)
    page = b"".join(answer).decode()

    assert re.findall(r"<style|<script(?![^>]*\bsrc=)[^>]*>|\son[a-z]+=", page) == []


def test_static_files_may_be_stored(client: Client) -> None:
    answer = client.get("/static/ramp.css")
    answer.close()

    assert answer.status_code == 200
    assert "no-store" not in answer["Cache-Control"]

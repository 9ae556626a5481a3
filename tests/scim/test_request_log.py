"""A request in the log …"""

import json

import pytest

from scim.models import RequestLog, ScimUser
from tests.scim.provider import Provider, someone

pytestmark = pytest.mark.django_db


def test_is_masked_where_it_is_secret(scim: Provider) -> None:
    secret = 'correct \\" horse'
    sent = json.dumps(someone(password="correct horse")).replace("correct horse", secret)

    answer = scim("POST", "/Users", sent.encode())

    row = RequestLog.objects.get(pk=answer.request_id)
    assert "horse" not in row.body
    assert '"password": "••••••"' in row.body
    assert "Ada" in row.body
    assert "horse" not in str(ScimUser.objects.values().get())


def test_names_no_token(scim: Provider) -> None:
    answer = scim("POST", "/Users", b"{", User_Agent="Okta SCIM Client 1.0.0")

    row = RequestLog.objects.get(pk=answer.request_id)
    assert row.headers["User-Agent"] == "Okta SCIM Client 1.0.0"
    assert "Authorization" not in row.headers
    assert scim.token not in str(RequestLog.objects.values().get())


def test_tells_what_was_asked(scim: Provider) -> None:
    answer = scim("GET", "/Users?filter=shoe&count=5")

    row = RequestLog.objects.get(pk=answer.request_id)
    assert (row.method, row.path, row.status) == ("GET", "/Users?filter=shoe&count=5", 400)
    assert (row.connection, row.ip) == (scim.connection, "127.0.0.1")


def test_stands_beside_no_reads_that_went_well(scim: Provider) -> None:
    scim("GET", "/Users")
    scim("GET", "/ServiceProviderConfig")
    scim("POST", "/Users/.search", {})

    assert not RequestLog.objects.exists()


def test_is_cut_and_clean(scim: Provider) -> None:
    answer = scim("POST", "/Users", b'"\x00\xff' + b"x" * 100_000)

    row = RequestLog.objects.get(pk=answer.request_id)
    assert len(row.body) == 64 * 1024
    assert row.body.startswith('"\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}')

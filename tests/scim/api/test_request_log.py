"""What the SCIM request log stores, and which secrets it masks."""

import json

import pytest

from scim.models import RequestLog, ScimUser
from tests.clients.scim import USER, Json, Provider, someone

pytestmark = pytest.mark.django_db


def test_password_is_masked(scim: Provider) -> None:
    secret = 'correct \\" horse'
    sent = json.dumps(someone(password="correct horse")).replace("correct horse", secret)

    answer = scim("POST", "/Users", sent.encode())

    row = RequestLog.objects.get(pk=answer.request_id)
    assert "horse" not in row.body
    assert '"password": "••••••"' in row.body
    assert "Ada" in row.body
    assert "horse" not in str(ScimUser.objects.values().get())


@pytest.mark.parametrize(
    "body",
    [
        {"Operations": [{"op": "replace", "path": "password", "value": "correct horse"}]},
        {"Operations": [{"op": "replace", "Path": f"{USER}:password", "Value": "correct horse"}]},
        {"Operations": [{"op": "replace", "value": {"password": "correct horse"}}]},
        {"Operations": [{"op": "add", "path": "password", "value": {"value": "correct horse"}}]},
        {"clientSecret": ["correct horse"]},
    ],
    ids=["path", "URN", "no path", "object", "another name"],
)
def test_secret_is_masked_in_every_place(scim: Provider, body: Json) -> None:
    answer = scim("PATCH", f"/Users/{scim.add()}", body)

    row = RequestLog.objects.get(pk=answer.request_id)
    assert "horse" not in row.body
    assert "••••••" in row.body


@pytest.mark.parametrize("rest", [b"", b"x" * 100_000])
def test_unreadable_body_with_secret_is_not_stored(scim: Provider, rest: bytes) -> None:
    answer = scim("POST", "/Users", b'{"password": "correct horse' + rest)

    row = RequestLog.objects.get(pk=answer.request_id)
    assert "horse" not in row.body
    assert "Not stored" in row.body


def test_secret_is_masked_before_truncation(scim: Provider) -> None:
    answer = scim("POST", "/Users", someone(title="x" * 70_000, password="correct horse"))

    row = RequestLog.objects.get(pk=answer.request_id)
    assert len(row.body) == 64 * 1024
    assert row.body.startswith("{")


def test_body_with_secret_and_unpaired_surrogate_is_stored(scim: Provider) -> None:
    answer = scim("POST", "/Users", b'{"password": "correct horse", "title": "\\ud800"}')

    assert '"title": "?"' in RequestLog.objects.get(pk=answer.request_id).body


def test_secret_in_a_filter_is_masked(scim: Provider) -> None:
    answer = scim("GET", "/Users?filter=password%20eq%20%22horse%22")

    assert RequestLog.objects.get(pk=answer.request_id).path == "/Users?••••••"


def test_token_is_not_stored(scim: Provider) -> None:
    answer = scim("POST", "/Users", b"{", User_Agent="Okta SCIM Client 1.0.0")

    row = RequestLog.objects.get(pk=answer.request_id)
    assert row.headers["User-Agent"] == "Okta SCIM Client 1.0.0"
    assert "Authorization" not in row.headers
    assert scim.token not in str(RequestLog.objects.values().get())


def test_refused_read_is_stored_with_its_query(scim: Provider) -> None:
    answer = scim("GET", "/Users?filter=shoe&count=5")

    row = RequestLog.objects.get(pk=answer.request_id)
    assert (row.method, row.path, row.status) == ("GET", "/Users?filter=shoe&count=5", 400)
    assert (row.connection, row.ip) == (scim.connection, "127.0.0.1")


def test_successful_reads_are_not_stored(scim: Provider) -> None:
    scim("GET", "/Users")
    scim("GET", "/ServiceProviderConfig")
    scim("POST", "/Users/.search", {})

    assert not RequestLog.objects.exists()


def test_body_is_truncated_and_cleaned(scim: Provider) -> None:
    answer = scim("POST", "/Users", b'"\x00\xff' + b"x" * 100_000)

    row = RequestLog.objects.get(pk=answer.request_id)
    assert len(row.body) == 64 * 1024
    assert row.body.startswith('"\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}')

"""Authentication of SCIM requests by bearer tokens."""

import hashlib

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people.models import Person, Tenant
from people.tokens import new_token, token_digest
from scim.models import RequestLog, ScimUser, Token
from scim.models.connection import TooManyTokens, issue_token, revoke_token
from tests.clients.scim import ERROR, Answer, Provider, someone
from tests.clients.spend import Api
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

WRONG = [
    *("", " ", "Bearer", "Bearer ", "Bearer  ", "Basic YTpi", "Token {token}", "{token}"),
    *("Bearer x", "Bearer {token}x", "Bearer x{token}", "Bearer {upper}", "Bearer {token},{token}"),
    *("Bearer {digest}", "Bearer {hint}", "Bearer null", "Bearer \x00", "Bearer ł", "Bearer' OR 1"),
    "Bearer " + "x" * 5000,
]
REQUESTS = [
    ("GET", "/Users"),
    ("GET", '/Users?filter=userName eq "ada"'),
    ("GET", "/Users/0b8b3c7e-3a57-4b0f-9a55-6e0c7e2f4a10"),
    ("POST", "/Users"),
    ("PUT", "/Users/0b8b3c7e-3a57-4b0f-9a55-6e0c7e2f4a10"),
    ("PATCH", "/Users/0b8b3c7e-3a57-4b0f-9a55-6e0c7e2f4a10"),
    ("DELETE", "/Users/0b8b3c7e-3a57-4b0f-9a55-6e0c7e2f4a10"),
    ("POST", "/Users/.search"),
    ("GET", "/Groups"),
    ("POST", "/Groups"),
    ("GET", "/Groups/0b8b3c7e-3a57-4b0f-9a55-6e0c7e2f4a10"),
    ("POST", "/Groups/.search"),
    ("POST", "/.search"),
    ("POST", "/Bulk"),
    ("GET", "/ServiceProviderConfig"),
    ("GET", "/ResourceTypes"),
    ("GET", "/ResourceTypes/User"),
    ("GET", "/Schemas"),
    ("GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User"),
    ("GET", "/Me"),
    ("GET", ""),
    ("GET", "/nowhere"),
    ("POST", "/nowhere"),
    ("DELETE", "/Users"),
]


def assert_unauthorized(answer: Answer) -> None:
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.headers["Content-Type"] == "application/scim+json"
    assert answer.body == {"schemas": [ERROR], "status": "401", "detail": answer.detail}
    assert answer.request_id


@pytest.mark.parametrize("header", WRONG, ids=lambda header: header[:20] or "empty")
def test_invalid_authorization_header_is_refused(scim: Provider, header: str) -> None:
    sent = header.format(
        token=scim.token,
        upper=scim.token.upper(),
        digest=token_digest(scim.token),
        hint=scim.token[-4:],
    )

    assert_unauthorized(scim("GET", "/Users", Authorization=sent))


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_every_endpoint_requires_a_token(scim: Provider, method: str, path: str) -> None:
    body = someone() if method in ("POST", "PUT", "PATCH") else None

    assert_unauthorized(scim(method, path, body, Authorization=""))
    assert_unauthorized(scim(method, path, body, Authorization="Bearer wrong"))
    assert not ScimUser.objects.exists()
    assert not RequestLog.objects.exists()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_session_of_the_pages_does_not_authenticate(
    scim: Provider, owner: Person, method: str
) -> None:
    browser = Client()
    browser.force_login(owner)
    assert browser.get("/people/").status_code == 200

    answer = browser.generic(method, "/scim/v2/Users", "{}", content_type="application/json")

    assert_unauthorized(Answer(answer))


def test_token_in_the_query_does_not_authenticate(scim: Provider) -> None:
    assert_unauthorized(scim("GET", f"/Users?access_token={scim.token}", Authorization=""))


def test_scim_token_does_not_authenticate_at_the_api(scim: Provider, owner: Person) -> None:
    assert Api(owner, scim.token).get("people").status_code == 401


@pytest.mark.parametrize("path", ["/Users", '/Users?filter=userName eq "ada"', "/Users/x"])
class TestEndOfAccess:
    def test_revoked_token_is_refused(self, scim: Provider, path: str) -> None:
        revoke_token(Token.objects.get())

        assert_unauthorized(scim("GET", path))

    def test_token_of_disconnected_connection_is_refused(self, scim: Provider, path: str) -> None:
        scim.connection.disconnected_at = timezone.now()
        scim.connection.save()

        assert_unauthorized(scim("GET", path))

    def test_token_of_suspended_company_is_refused(
        self, scim: Provider, tenant: Tenant, path: str
    ) -> None:
        tenant.is_active = False
        tenant.save(update_fields=["is_active"])

        assert_unauthorized(scim("GET", path))


def test_writes_with_revoked_token_are_refused(scim: Provider) -> None:
    scim_id = scim.add()
    revoke_token(Token.objects.get())

    assert_unauthorized(scim("POST", "/Users", someone("bob")))
    assert_unauthorized(scim.replace(scim_id, "title", "Countess"))
    assert_unauthorized(scim("DELETE", f"/Users/{scim_id}"))
    assert ScimUser.objects.get().deleted_at is None


class TestAccess:
    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_scheme_is_case_insensitive(self, scim: Provider, scheme: str) -> None:
        assert scim("GET", "/Users", Authorization=f"{scheme} {scim.token}").status == 200

    def test_both_tokens_are_valid_during_rotation(self, scim: Provider) -> None:
        old = scim.token
        scim.token = issue_token(scim.connection)

        for token in (old, scim.token):
            assert scim("GET", "/Users", Authorization=f"Bearer {token}").status == 200
        revoke_token(Token.objects.get(digest=token_digest(old)))

        assert scim("GET", "/Users").status == 200
        assert_unauthorized(scim("GET", "/Users", Authorization=f"Bearer {old}"))

    def test_connection_has_at_most_two_tokens(self, scim: Provider) -> None:
        issue_token(scim.connection)

        with pytest.raises(TooManyTokens, match="Revoke one"):
            issue_token(scim.connection)

        revoke_token(Token.objects.filter(connection=scim.connection).earliest("pk"))
        assert issue_token(scim.connection)

    def test_token_reaches_only_its_own_connection(self, connect: Connect) -> None:
        okta, entra = connect(), connect("entra")
        okta.add()

        assert okta("GET", "/Users").body["totalResults"] == 1
        assert entra("GET", "/Users").body["totalResults"] == 0


class TestTokenFormat:
    @pytest.mark.parametrize("kind", ["scim", "api"])
    def test_malformed_token_is_refused_without_a_query(self, scim: Provider, kind: str) -> None:
        damaged = new_token("scim")[:-1] + "_"
        scim.token = damaged if kind == "scim" else new_token("api")

        with CaptureQueriesContext(connection) as queries:
            assert scim("GET", "/Users").status == 401

        assert not queries.captured_queries

    def test_token_without_prefix_stays_valid(self, scim: Provider) -> None:
        scim.token = "-old_token_that_begins_with_a_dash"
        Token.objects.update(digest=token_digest(scim.token))

        assert scim("GET", "/Users").status == 200

    def test_only_the_digest_is_stored(self, scim: Provider) -> None:
        scim.add()
        kept = hashlib.sha256(scim.token.encode()).hexdigest()

        assert Token.objects.get().digest == kept
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                with_it = f'SELECT 1 FROM "{table}" t WHERE t::text LIKE %s'  # noqa: S608
                cursor.execute(with_it, [f"%{scim.token}%"])
                assert cursor.fetchone() is None, table

    def test_tokens_are_random_and_long(self, connect: Connect) -> None:
        tokens = {connect().token for _ in range(20)}

        assert len(tokens) == 20
        assert min(map(len, tokens)) >= 43  # 256 bits in base64

    def test_token_is_displayed_by_its_last_characters(self, scim: Provider) -> None:
        assert str(Token.objects.get()) == f"…{scim.token[-4:]}"

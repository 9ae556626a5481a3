"""Requests to addresses that an administrator of a tenant entered."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from people import tenancy
from people.models import Tenant
from people.net import safe_http
from people.net.safe_http import OutboundError, fetch, fetch_json
from people.net.time_limit import time_limit
from provisioning.ldap.connection import LdapFailed, connected
from provisioning.models import SignInAttempt
from provisioning.providers.config import LdapSettings
from tests.services.fake_openid import OpenIdProvider
from tests.services.fake_server import GOOD, Listener
from tests.services.ldap import certificate
from tests.support.openid_flow import connected as connected_to
from tests.support.openid_flow import sign_in
from tests.support.private_addresses import HOSTS, SPELLINGS

Resolve = Callable[..., None]
NAME = "id.acme.test"


@pytest.fixture
def canaries() -> Iterator[list[Listener]]:
    """Listen on one port of several loopback addresses, which no request may reach."""
    with (
        Listener() as one,
        Listener("127.0.0.2", one.port) as two,
        Listener("::1", one.port) as three,
    ):
        yield [one, two, three]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Make NAME resolve to these addresses; each lookup takes the next list."""
    really = socket.getaddrinfo

    def set_up(*answers: list[str]) -> None:
        left = list(answers)

        def answer(host: str, port: int, *more: Any, **how: Any) -> list[Any]:
            if host.rstrip(".") != NAME:
                return really(host, port, *more, **how)
            addresses = left.pop(0) if len(left) > 1 else left[0]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", answer)

    return set_up


@pytest.fixture
def openid() -> Iterator[OpenIdProvider]:
    cache.clear()
    provider = OpenIdProvider()
    yield provider
    provider.stop()


@pytest.fixture
def allowed(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1/32"]


def code_of(url: str, **how: Any) -> str:
    with pytest.raises(OutboundError) as refused:
        fetch(url, **how)
    return refused.value.code


class TestPrivateAddresses:
    @pytest.fixture(autouse=True)
    def nothing_is_allowed(self, settings: Settings) -> None:
        settings.OUTBOUND_ALLOW = []

    def test_every_spelling_of_a_private_address_is_refused(self, canaries: list[Listener]) -> None:
        port = canaries[0].port
        asked = [url.replace("PORT", str(port)) for url in SPELLINGS]

        refused = {url: code_of(url) for url in asked}

        assert len(refused) >= 200
        assert set(refused.values()) <= {"bad-url", "not-https", "address-refused", "unresolvable"}
        assert [canary.connections for canary in canaries] == [0, 0, 0]

    @pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
    def test_private_ldap_server_is_refused(self, canaries: list[Listener], scheme: str) -> None:
        for host in HOSTS:
            uri = f"{scheme}://{host}:{canaries[0].port}"
            with pytest.raises(LdapFailed):
                connected(LdapSettings(uri=uri, base_dn="dc=acme"))

        assert [canary.connections for canary in canaries] == [0, 0, 0]

    def test_name_that_resolves_to_a_private_address_is_refused(
        self, canaries: list[Listener], resolve: Resolve
    ) -> None:
        resolve(["127.0.0.1"])

        assert code_of(f"https://{NAME}:{canaries[0].port}/") == "address-refused"
        assert canaries[0].connections == 0

    def test_name_that_also_resolves_to_a_private_address_is_refused(
        self, canaries: list[Listener], resolve: Resolve
    ) -> None:
        resolve(["93.184.216.34", "127.0.0.1"])

        assert code_of(f"https://{NAME}:{canaries[0].port}/") == "address-refused"


@pytest.mark.usefixtures("allowed")
class TestAllowedPrivateAddresses:
    def test_allowed_address_may_use_plain_http(self) -> None:
        with Listener() as server:
            answer = fetch(f"http://127.0.0.1:{server.port}/path?query=1")

        assert (answer.status, answer.json()) == (200, {})
        assert server.asked[0].startswith(b"GET /path?query=1 HTTP/1.1\r\n")

    def test_other_private_addresses_stay_refused(self, canaries: list[Listener]) -> None:
        port = canaries[0].port

        assert code_of(f"https://127.0.0.2:{port}/") == "address-refused"
        assert code_of(f"http://127.0.0.2:{port}/") == "not-https"
        assert code_of(f"http://[::1]:{port}/") == "not-https"
        assert [canary.connections for canary in canaries] == [0, 0, 0]

    def test_connects_to_the_address_that_was_checked(
        self, canaries: list[Listener], resolve: Resolve
    ) -> None:
        resolve(["127.0.0.1"], ["127.0.0.2"])

        assert fetch(f"http://{NAME}:{canaries[0].port}/").status == 200
        assert [canary.connections for canary in canaries] == [1, 0, 0]

    def test_tries_the_next_address_if_one_refuses_the_connection(
        self, canaries: list[Listener], resolve: Resolve, settings: Settings
    ) -> None:
        settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
        resolve(["127.0.0.9", "127.0.0.1"])

        assert fetch(f"http://{NAME}:{canaries[0].port}/").status == 200

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_are_not_followed(self, status: int) -> None:
        with Listener("127.0.0.2") as canary, Listener() as server:
            where = f"http://127.0.0.2:{canary.port}/"
            server.says = f"HTTP/1.1 {status} Go\r\nLocation: {where}\r\n\r\n".encode()

            assert code_of(f"http://127.0.0.1:{server.port}/") == "redirected"
        assert canary.connections == 0

    def test_proxy_variables_are_ignored(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Listener("127.0.0.2") as canary, Listener() as server:
            for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.2:{canary.port}")

            assert fetch(f"http://127.0.0.1:{server.port}/").status == 200
        assert canary.connections == 0

    def test_cookies_are_not_sent_back(self) -> None:
        with Listener(says=GOOD.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n")) as server:
            for _ in range(2):
                fetch(f"http://127.0.0.1:{server.port}/")

        assert b"cookie" not in b"".join(server.asked).lower()


@pytest.mark.usefixtures("allowed")
class TestErrorCodes:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            pytest.param(b"", "broken", id="nothing"),
            pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", "broken", id="another protocol"),
            pytest.param(GOOD.replace(b"200 OK", b"404 Not Found"), "not-ok", id="not found"),
            pytest.param(GOOD.replace(b"{}", b"<>"), "not-json", id="a page"),
            pytest.param(GOOD.replace(b"{}", b"[]"), "not-json", id="a list"),
            pytest.param(GOOD.replace(b": 2", b": 9"), "broken", id="less than promised"),
            pytest.param(
                GOOD.replace(b": 2", b": 999999") + b" " * 300_000, "too-large", id="too much"
            ),
            pytest.param(
                b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 300_000, "too-large", id="without an end"
            ),
            pytest.param(
                GOOD.replace(b": 2", b": 200000").replace(b"{}", b"[" * 200_000),
                "not-json",
                id="too deep",
            ),
            pytest.param(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200, "broken", id="200 headers"),
        ],
    )
    def test_unusable_response_has_a_code_and_the_url(self, text: bytes, code: str) -> None:
        with Listener(says=text) as server, pytest.raises(OutboundError) as error:
            fetch_json(f"http://127.0.0.1:{server.port}/")

        assert error.value.code == code
        assert f"http://127.0.0.1:{server.port}/" in str(error.value)

    def test_closed_port_has_the_code_refused(self) -> None:
        with Listener() as gone:
            url = f"http://127.0.0.1:{gone.port}/"

        assert code_of(url) == "refused"

    def test_header_with_a_line_break_has_the_code_bad_url(self) -> None:
        with Listener() as server:
            headers = {"Authorization": "Bearer a\r\nX-Other: b"}

            assert code_of(f"http://127.0.0.1:{server.port}/", headers=headers) == "bad-url"
        assert b"X-Other" not in b"".join(server.asked)


@pytest.mark.usefixtures("allowed")
class TestTimeouts:
    @pytest.fixture(autouse=True)
    def short_timeouts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(safe_http, "CONNECT_SECONDS", 0.4)
        monkeypatch.setattr(safe_http, "TOTAL_SECONDS", 1)

    @pytest.mark.parametrize(
        "beginning",
        [
            pytest.param(b"", id="the status"),
            pytest.param(b"HTTP/1.1 200 OK\r\nA: ", id="a header"),
            pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="the body"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", id="a promised body"),
        ],
    )
    def test_slow_response_times_out(self, beginning: bytes) -> None:
        def drip(connection: socket.socket) -> None:
            connection.sendall(beginning)
            while not server.over.wait(0.05):
                connection.sendall(b"1")

        with Listener(says=drip) as server:
            began = time.monotonic()

            assert code_of(f"http://127.0.0.1:{server.port}/") == "timeout"
            assert time.monotonic() - began < 3

    def test_silent_server_times_out(self) -> None:
        with Listener(says=None) as server:
            assert code_of(f"http://127.0.0.1:{server.port}/") == "timeout"

    def test_tls_handshake_times_out(self) -> None:
        with Listener(says=None) as server:
            assert code_of(f"https://127.0.0.1:{server.port}/") == "timeout"

    def test_name_resolution_times_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        over = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(10) and [])

        assert code_of(f"https://{NAME}/") == "unresolvable"
        over.set()

    def test_requests_end_at_the_time_limit_of_the_page(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(safe_http, "TOTAL_SECONDS", 10)
        with Listener(says=None) as server, time_limit(0.3):
            url = f"http://127.0.0.1:{server.port}/"

            codes = [code_of(url) for _ in range(5)]

        # One request was sent. It does not count as a failure: the circuit breaker stays closed.
        assert codes == ["timeout"] * 5
        assert server.connections == 1

    def test_circuit_breaker_opens_after_three_timeouts(self) -> None:
        with Listener(says=None) as server:
            url = f"http://127.0.0.1:{server.port}/"

            codes = [code_of(url) for _ in range(5)]

        assert codes == ["timeout"] * 3 + ["resting"] * 2
        assert server.connections <= 3


@pytest.mark.usefixtures("allowed")
class TestCertificates:
    @pytest.fixture(autouse=True)
    def name(self, resolve: Resolve) -> None:
        resolve(["127.0.0.1"])

    def test_accepts_a_valid_certificate(self, tls: Callable[..., Listener]) -> None:
        with tls(NAME) as server:
            answer = fetch(f"https://{NAME}:{server.port}/")

        assert answer.status == 200
        assert f"Host: {NAME}:{server.port}".encode() in server.asked[0]

    def test_accepts_a_name_that_ends_in_a_dot(self, tls: Callable[..., Listener]) -> None:
        with tls(NAME) as server:
            assert fetch(f"https://{NAME}.:{server.port}/").status == 200

    @pytest.mark.parametrize(
        ("made", "why"),
        [
            pytest.param({"host": "other.test"}, "Hostname mismatch", id="another name"),
            pytest.param({"host": "127.0.0.1"}, "Hostname mismatch", id="IP address"),
            pytest.param({"host": NAME, "days": -1}, "expired", id="expired"),
            pytest.param(
                {"host": NAME, "is_trusted": False}, "self-signed", id="an untrusted issuer"
            ),
        ],
    )
    def test_refuses_invalid_certificate(
        self, tls: Callable[..., Listener], made: dict[str, Any], why: str
    ) -> None:
        with tls(**made) as server, pytest.raises(OutboundError, match=why) as refused:
            fetch(f"https://{NAME}:{server.port}/")

        assert refused.value.code == "certificate"
        assert server.asked == []

    def test_https_url_needs_tls(self) -> None:
        with Listener(says=GOOD) as server:
            assert code_of(f"https://{NAME}:{server.port}/") == "no-tls"

    def test_refuses_tls_before_1_2(self, tls: Callable[..., Listener]) -> None:
        with tls(NAME, newest=ssl.TLSVersion.TLSv1_1) as server:
            assert code_of(f"https://{NAME}:{server.port}/") == "no-tls"


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Listener]:
    """Make a server with a certificate, which is trusted by default."""

    def made(
        host: str,
        *,
        days: int = 1,
        is_trusted: bool = True,
        newest: ssl.TLSVersion | None = None,
    ) -> Listener:
        file, key = certificate(tmp_path, host, days=days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file, key)
        if newest:
            context.set_ciphers("ALL:@SECLEVEL=0")
            with pytest.deprecated_call():
                context.minimum_version = context.maximum_version = newest
        if is_trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(file))
        return Listener(tls=context)

    return made


@pytest.mark.django_db
@pytest.mark.usefixtures("allowed")
class TestAddressesFromAProvider:
    """The provider is at an allowed address and refers to 127.0.0.2, which is not allowed."""

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
    def test_endpoint_at_a_private_address_is_refused(
        self, client: Client, acme: Tenant, openid: OpenIdProvider, scheme: str, name: str
    ) -> None:
        with Listener("127.0.0.2") as canary:
            openid.discovery[name] = f"{scheme}://127.0.0.2:{canary.port}/"

            sign_in(client, connected_to(acme, openid), openid)

        assert canary.connections == 0
        with tenancy.across_tenants():
            attempt = SignInAttempt.objects.latest("pk")
        assert attempt.reason in ("address-refused", "not-https")
        assert "127.0.0.2" in attempt.detail

    def test_token_request_does_not_follow_a_redirect(
        self, client: Client, acme: Tenant, openid: OpenIdProvider
    ) -> None:
        with Listener("127.0.0.2") as canary:
            openid.instead["/token"] = (307, f"http://127.0.0.2:{canary.port}/".encode())

            sign_in(client, connected_to(acme, openid), openid)

        assert canary.connections == 0

    def test_access_token_cannot_add_a_header(
        self, client: Client, acme: Tenant, openid: OpenIdProvider
    ) -> None:
        openid.access_token = "at\r\nX-Other: b"

        response = sign_in(client, connected_to(acme, openid), openid)

        assert response.status_code == 400

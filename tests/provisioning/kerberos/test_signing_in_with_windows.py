"""Windows sign-in (Kerberos by SPNEGO)."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from people import tenancy
from people.models import Person, Tenant
from people.values import Actor
from provisioning import kerberos
from provisioning.kerberos import KerberosFailed
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from provisioning.providers import config, manage
from tests.clients.pages import text_of
from tests.factories import core
from tests.services import ldap
from tests.services.kerberos import OTHER_REALM, REALM, Kdc, curl
from tests.services.ldap import Slapd, certificate
from tests.support.sign_in_flow import mapping

pytestmark = pytest.mark.django_db

# Prints a token for a service, with or without a channel binding.
CLIENT = """
import base64, sys, gssapi
service, digest = sys.argv[1:]
name = gssapi.Name(service, gssapi.NameType.hostbased_service)
bound = gssapi.raw.ChannelBindings(application_data=bytes.fromhex(digest)) if digest else None
spnego = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
context = gssapi.SecurityContext(
    name=name, mech=spnego, usage="initiate", channel_bindings=bound
)
print(base64.b64encode(context.step()).decode())
"""


@pytest.fixture(scope="module")
def kdc() -> Iterator[Kdc]:
    service = Kdc()
    yield service
    service.stop()


@pytest.fixture
def windows(acme: Tenant, kdc: Kdc, slapd_service: Slapd) -> IdentityProvider:
    added(acme, slapd_service.document(name="Directory"))
    return added(acme, kdc.document(directory="Directory"))


@pytest.fixture
def without_directory(acme: Tenant, kdc: Kdc) -> IdentityProvider:
    """Make a provider without a directory."""
    return added(acme, kdc.document())


def added(tenant: Tenant, document: dict[str, Any]) -> IdentityProvider:
    with tenancy.use(tenant):
        return manage.add_provider(config.read(document), actor=Actor("command", "tests"))


def token(
    kdc: Kdc,
    who: str = "ada",
    *,
    realm: str = REALM,
    service: str = "HTTP@localhost",
    bound_to: bytes = b"",
) -> str:
    """Make the token that a browser would send."""
    command = [sys.executable, "-c", CLIENT, service, bound_to.hex()]
    asked = subprocess.run(
        command, env=kdc.ticket(who, realm), check=True, capture_output=True, text=True
    )
    return asked.stdout.strip()


def path(provider: IdentityProvider) -> str:
    return f"/sign-in/acme/{provider.pk}/"


def sign_in(client: Client, provider: IdentityProvider, text: str) -> Any:
    return client.get(path(provider), headers={"Authorization": f"Negotiate {text}"})


def is_in(client: Client) -> bool:
    return bool(client.get("/home/").status_code == 200)


def the_attempt() -> SignInAttempt:
    with tenancy.across_tenants():
        return SignInAttempt.objects.latest("pk")


class TestOverASocket:
    def ask(self, kdc: Kdc, who: str, live_server: LiveServer, address: str) -> str:
        jar = str(kdc.folder / f"jar-{who}")
        shown = "\n%{http_code} %{url_effective}"
        url = live_server.url + address
        return curl(kdc.ticket(who), "--location", "-c", jar, "-b", jar, "-w", shown, url)

    def test_adds_and_signs_in_the_person(
        self, live_server: LiveServer, kdc: Kdc, windows: IdentityProvider
    ) -> None:
        answer = self.ask(kdc, "ada", live_server, path(windows))

        assert answer.endswith(f"200 {live_server.url}/home/")
        assert "Ada Lovelace" in answer
        with tenancy.use(windows.tenant):
            identity = Identity.objects.get()
        assert (identity.account, len(identity.subject)) == (f"ada@{REALM}", 36)
        assert identity.person.email == "ada@acme.test"

    def test_response_authenticates_the_server(
        self, live_server: LiveServer, kdc: Kdc, windows: IdentityProvider
    ) -> None:
        url = live_server.url + path(windows)
        answer = curl(kdc.ticket("bob"), "--include", url)

        assert "302 Found" in answer
        assert "WWW-Authenticate: Negotiate oY" in answer.replace("www-auth", "WWW-Auth")


class TestRequestWithoutATicket:
    def test_body_of_the_challenge_is_the_sign_in_page(
        self, client: Client, windows: IdentityProvider
    ) -> None:
        response = client.get(path(windows))

        assert (response.status_code, response["WWW-Authenticate"]) == (401, "Negotiate")
        assert b'name="password"' in response.content
        assert b'action="/sign-in/acme/?form"' in response.content

    def test_password_form_of_the_challenge_works(
        self, client: Client, windows: IdentityProvider, ada: Person
    ) -> None:
        client.get(path(windows))

        client.post("/sign-in/acme/?form", {"email": ada.email, "password": "correct horse"})

        assert is_in(client)

    @pytest.mark.parametrize("scheme", ["Basic YWRhOnB3", "Bearer x", "", "NTLM TlRMTVNTUAAB"])
    def test_other_authorization_gets_the_challenge(
        self, client: Client, windows: IdentityProvider, scheme: str
    ) -> None:
        response = client.get(path(windows), headers={"Authorization": scheme})

        assert (response.status_code, is_in(client)) == (401, False)


class TestRefusedSignIn:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            pytest.param("", "unfinished", id="nothing"),
            pytest.param("!!!", "unfinished", id="no base64"),
            pytest.param("Z2FyYmFnZQ==", "ticket-refused", id="garbage"),
            pytest.param(base64.b64encode(os.urandom(4000)).decode(), "ticket-refused", id="noise"),
            pytest.param("TlRMTVNTUAABAAAAl4II4gAAAAA=", "ntlm", id="NTLM"),
            pytest.param(
                base64.b64encode(
                    bytes.fromhex("604806062b0601050502a03e303ca00e300c060a2b06010401823702020a")
                    + bytes.fromhex("a22a0428")
                    + b"NTLMSSP\0"
                    + bytes(32)
                ).decode(),
                "ntlm",
                id="NTLM in SPNEGO",
            ),
        ],
    )
    def test_refuses_invalid_token(
        self, client: Client, windows: IdentityProvider, text: str, code: str
    ) -> None:
        response = sign_in(client, windows, text)

        assert response.status_code == 401
        assert not is_in(client)
        assert (the_attempt().outcome, the_attempt().reason) == ("failed", code)

    def test_refuses_ntlm_and_explains_the_fix(
        self, client: Client, windows: IdentityProvider
    ) -> None:
        response = sign_in(client, windows, "TlRMTVNTUAABAAAAl4II4gAAAAA=")

        assert "offered NTLM, which is not secure" in text_of(response)
        assert b'name="password"' in response.content
        assert "service principal name" in the_attempt().detail

    def test_refuses_a_ticket_for_another_host(
        self, client: Client, kdc: Kdc, windows: IdentityProvider
    ) -> None:
        response = sign_in(client, windows, token(kdc, service="HTTP@other.example"))

        assert (response.status_code, is_in(client)) == (401, False)
        assert "HTTP/other.example@ACME.TEST" in the_attempt().detail

    def test_refuses_a_ticket_for_another_service_class(
        self, client: Client, kdc: Kdc, acme: Tenant
    ) -> None:
        mixed = added(acme, kdc.document(keytab=kdc.keytab("mixed")))

        response = sign_in(client, mixed, token(kdc, service="host@localhost"))

        assert (response.status_code, the_attempt().reason) == (401, "other-service")

    def test_refuses_a_replayed_token(
        self, client: Client, kdc: Kdc, windows: IdentityProvider
    ) -> None:
        result = token(kdc)
        assert sign_in(client, windows, result).status_code == 302
        again = Client()

        assert sign_in(again, windows, result).status_code == 401
        assert not is_in(again)
        assert "replay" in the_attempt().detail

    def test_refuses_a_principal_of_another_realm(
        self, client: Client, kdc: Kdc, windows: IdentityProvider
    ) -> None:
        sign_in(Client(), windows, token(kdc))

        response = sign_in(client, windows, token(kdc, realm=OTHER_REALM))

        assert (response.status_code, is_in(client)) == (401, False)
        assert (
            the_attempt().detail == "ada@EVIL.TEST is not in an allowed realm. Allowed: ACME.TEST."
        )
        with tenancy.use(windows.tenant):
            assert Identity.objects.count() == 1

    def test_invalid_keytab_fails_and_is_logged(
        self, client: Client, kdc: Kdc, acme: Tenant
    ) -> None:
        broken = added(acme, kdc.document(keytab=base64.b64encode(b"no keytab").decode()))

        assert sign_in(client, broken, token(kdc)).status_code == 401
        assert "keytab" in the_attempt().detail

    @pytest.mark.parametrize(
        "header", ["X-Remote-User", "Remote-User", "Remote_User", "X-Forwarded-User", "Auth-User"]
    )
    def test_ignores_remote_user_headers(
        self, client: Client, windows: IdentityProvider, header: str
    ) -> None:
        for address in (path(windows), "/home/", "/people/", "/sign-in/", "/"):
            client.get(address, headers={header: f"ada@{REALM}"}, REMOTE_USER=f"ada@{REALM}")

        assert not is_in(client)


class TestChannelBinding:
    @pytest.fixture
    def served(self, tmp_path: Path, settings: Settings) -> bytes:
        file, _ = certificate(tmp_path, "localhost")
        settings.TLS_CERTIFICATE = str(file)
        return file.read_bytes()

    def test_accepts_a_token_bound_to_the_served_certificate(
        self, client: Client, kdc: Kdc, windows: IdentityProvider, served: bytes
    ) -> None:
        bound = b"tls-server-end-point:" + kerberos.end_point(served)

        assert sign_in(client, windows, token(kdc, bound_to=bound)).status_code == 302
        assert is_in(client)

    @pytest.mark.parametrize(
        ("bound", "code"),
        [
            pytest.param(b"", "not-bound", id="unbound"),
            pytest.param(b"tls-server-end-point:" + bytes(32), "ticket-refused", id="another"),
        ],
    )
    def test_refuses_a_token_without_the_right_binding(
        self,
        client: Client,
        kdc: Kdc,
        windows: IdentityProvider,
        served: bytes,
        bound: bytes,
        code: str,
    ) -> None:
        response = sign_in(client, windows, token(kdc, bound_to=bound))

        assert (response.status_code, is_in(client)) == (401, False)
        assert the_attempt().reason == code


class TestLookingUpTheDirectory:
    @pytest.fixture
    def active_directory(self) -> Iterator[Slapd]:
        """Start a directory in which Ada is disabled, in the way of Active Directory."""
        service = Slapd()
        change = f"dn: {ldap.dn_of('ada')}\nchangetype: modify\n"
        service.modify(
            f"{change}add: objectClass\nobjectClass: windowsAccount\n-\n"
            "add: userAccountControl\nuserAccountControl: 514\n"
        )
        yield service
        service.stop()

    def test_directory_groups_grant_roles(
        self, client: Client, kdc: Kdc, windows: IdentityProvider
    ) -> None:
        with tenancy.use(windows.tenant):
            mapping(windows, ldap.group_dn("staff"), Person.Role.BOOKKEEPER)

        sign_in(client, windows, token(kdc))

        with tenancy.use(windows.tenant):
            assert Person.objects.get(email="ada@acme.test").role == Person.Role.BOOKKEEPER

    def test_refuses_an_account_that_the_directory_disabled(
        self, client: Client, kdc: Kdc, acme: Tenant, active_directory: Slapd
    ) -> None:
        added(acme, active_directory.document(name="AD"))

        response = sign_in(client, added(acme, kdc.document(directory="AD")), token(kdc))

        assert "has disabled your account" in text_of(response)
        assert not is_in(client)

    def test_known_person_can_sign_in_after_the_directory_was_removed(
        self, client: Client, kdc: Kdc, windows: IdentityProvider
    ) -> None:
        sign_in(client, windows, token(kdc))
        with tenancy.use(windows.tenant):
            manage.remove_provider(
                manage.provider_named("Directory"), actor=Actor("command", "tests")
            )

        later = Client()
        sign_in(later, windows, token(kdc))

        assert is_in(later)
        assert "There is no provider “Directory”" in json.dumps(
            the_attempt().warnings, ensure_ascii=False
        )

    def test_no_person_is_added_without_a_directory(
        self, client: Client, kdc: Kdc, without_directory: IdentityProvider
    ) -> None:
        response = sign_in(client, without_directory, token(kdc))

        assert (response.status_code, is_in(client)) == (403, False)
        assert "In the settings of Windows, select the LDAP provider" in the_attempt().detail
        assert "did not send an email address for you" in text_of(response)


def test_existing_person_is_not_linked_by_address(
    client: Client, kdc: Kdc, windows: IdentityProvider
) -> None:
    with tenancy.use(windows.tenant):
        somebody = core.person(email="ada@acme.test")

    sign_in(client, windows, token(kdc))

    assert not is_in(client)
    assert the_attempt().reason == "email-taken"
    with tenancy.use(windows.tenant):
        assert not Identity.objects.filter(person=somebody).exists()


@pytest.mark.parametrize(
    "principal", ["ada", "@ACME.TEST", "ada@EVIL.TEST", "ada@X\\@ACME.TEST", "ada@acme.test"]
)
def test_refuses_a_principal_outside_the_realms(principal: str) -> None:
    with pytest.raises(KerberosFailed):
        kerberos._check_realm(principal, [REALM])


def test_answers_503_if_gssapi_is_not_installed(
    client: Client, windows: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kerberos, "gssapi", None)

    response = client.get(path(windows))

    assert response.status_code == 503
    assert "not installed on this server" in text_of(response)

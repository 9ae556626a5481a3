"""The connection test of a provider."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from people.values import Actor
from provisioning.connection_test import key_step, steps
from provisioning.connection_test.step import Step
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.providers import config, manage
from provisioning.sign_in.sign_in import sign_in
from tests.services.fake_openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider
from tests.services.kerberos import REALM, Kdc
from tests.services.ldap import BASE, Slapd
from tests.support.sign_in_flow import claims, groups

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_acme")]


@pytest.fixture
def openid() -> Iterator[OpenIdProvider]:
    provider = OpenIdProvider()
    yield provider
    provider.stop()


def added(document: dict[str, Any]) -> IdentityProvider:
    definition = config.read(document)
    return manage.add_provider(definition, actor=Actor("command", "tests"))


def oidc(openid: OpenIdProvider, **values: Any) -> IdentityProvider:
    usual = {
        "kind": "oidc",
        "name": "Corp",
        "issuer": openid.url,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    return added(usual | values)


def names(tried: list[Step]) -> list[str]:
    return [step.name for step in tried]


class TestOpenIdProvider:
    def test_all_openid_steps_succeed(self, openid: OpenIdProvider) -> None:
        tried = list(steps(oidc(openid)))

        assert names(tried) == [
            *("Address", "Connection", "Discovery", "Keys", "Client secret", "Claims"),
        ]
        assert all(step.is_ok for step in tried)

    def test_claims_step_reports_groups_of_the_last_sign_in(self, openid: OpenIdProvider) -> None:
        provider = oidc(openid)
        sign_in(provider, claims("ada"))
        assert "did not include readable groups" in list(steps(provider))[-1].sentence

        sign_in(provider, claims("ada", groups("a", "b")))

        assert list(steps(provider))[-1].sentence == "The last sign-in included 2 groups."

    def test_each_test_fetches_the_discovery_again(self, openid: OpenIdProvider) -> None:
        provider = oidc(openid)
        list(steps(provider))
        openid.discovery["issuer"] = "https://elsewhere.example"

        last = list(steps(provider))[-1]

        assert (last.name, last.is_ok) == ("Discovery", False)
        assert "Enter the issuer exactly" in last.sentence

    @pytest.mark.parametrize(
        ("issuer", "step"),
        [
            ("https://nowhere.invalid", "Address"),
            ("https://10.0.0.1", "Address"),
            ("http://example.com", "Address"),
            ("https://127.0.0.1:1", "Connection"),
        ],
    )
    def test_stops_at_the_failed_step(self, openid: OpenIdProvider, issuer: str, step: str) -> None:
        last = list(steps(oidc(openid, issuer=issuer)))[-1]

        assert (last.name, last.is_ok) == (step, False)

    def test_missing_keys_fail_the_keys_step(self, openid: OpenIdProvider) -> None:
        openid.keys = []

        [keys] = [step for step in steps(oidc(openid)) if step.name == "Keys"]

        assert not keys.is_ok

    def test_records_no_sign_in_attempt(self, openid: OpenIdProvider) -> None:
        list(steps(oidc(openid)))

        assert not SignInAttempt.objects.exists()


class TestLdapDirectory:
    def test_only_the_tls_step_fails_over_plain_ldap(self, slapd_service: Slapd) -> None:
        tried = list(steps(added(slapd_service.document())))

        assert names(tried) == [
            *("Address", "Connection", "TLS", "Bind", "Search", "Claims", "Groups", "Roles"),
        ]
        assert [step.name for step in tried if not step.is_ok] == ["TLS"]
        assert "Passwords are sent unencrypted" in tried[2].sentence

    @pytest.mark.parametrize(
        ("values", "step", "sentence"),
        [
            ({"bind_password": "wrong"}, "Bind", "Enter both again"),
            ({"base_dn": "dc=nowhere"}, "Search", "Check the base DN"),
            ({"base_dn": f"ou=groups,{BASE}"}, "Search", "No entry matches (uid=*)"),
            ({"user_filter": "(uid={0}"}, "Search", "rejected the filter"),
            ({"attributes": {"email": "pager"}}, "Claims", "The entry has no email"),
            ({"start_tls": True}, "TLS", "self-signed certificate"),
            ({"uri": "ldap://127.0.0.1:1"}, "Connection", "does not accept connections"),
            ({"uri": "ldaps://nowhere.invalid"}, "Address", "Check the spelling"),
        ],
        ids=str,
    )
    def test_failed_step_explains_the_fix(
        self, slapd_service: Slapd, values: dict[str, Any], step: str, sentence: str
    ) -> None:
        tried = list(steps(added(slapd_service.document(**values))))

        wrong = [one for one in tried if not one.is_ok and one.name == step]
        assert sentence in wrong[0].sentence

    def test_steps_contain_no_secret(self, slapd_service: Slapd) -> None:
        document = slapd_service.document(bind_password="very-secret")

        assert "very-secret" not in str(list(steps(added(document))))


class TestWindows:
    @pytest.fixture(scope="class")
    @classmethod
    def kdc(cls) -> Iterator[Kdc]:
        kdc = Kdc()
        yield kdc
        kdc.stop()

    @pytest.fixture(autouse=True)
    def _known_as_localhost(
        self, kdc: Kdc, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.PUBLIC_BASE_URL = "https://localhost"
        monkeypatch.setenv("KRB5_CONFIG", str(kdc.config))

    def test_all_windows_steps_succeed(self, kdc: Kdc, slapd_service: Slapd) -> None:
        added(slapd_service.document())

        tried = list(steps(added(kdc.document(directory="Corp"))))

        assert names(tried)[:3] == ["Keytab", "Realm", "Directory"]
        assert "Claims" in names(tried)
        assert tried[-1] == Step(
            "Key", is_ok=True, sentence="The keytab decrypts the KDC's tickets for HTTP/localhost."
        )

    @pytest.mark.parametrize("version", [1, 7])
    def test_key_of_another_password_fails_the_key_step(
        self, kdc: Kdc, slapd_service: Slapd, version: int
    ) -> None:
        added(slapd_service.document())
        keytab = kdc.keytab_of(f"HTTP/localhost@{REALM}", "another", version)

        last = list(steps(added(kdc.document(directory="Corp", keytab=keytab))))[-1]

        assert (last.name, last.is_ok) == ("Key", False)
        assert "Create the keytab again." in last.sentence

    @pytest.mark.parametrize("settings_file", ["/nowhere/krb5.conf", ""])
    def test_unknown_kdc_leaves_the_key_untested(
        self,
        kdc: Kdc,
        slapd_service: Slapd,
        monkeypatch: pytest.MonkeyPatch,
        settings_file: str,
    ) -> None:
        monkeypatch.setenv("KRB5_CONFIG", settings_file)
        added(slapd_service.document())

        last = list(steps(added(kdc.document(directory="Corp"))))[-1]

        assert (last.name, last.is_ok) == ("Key", True)
        assert f'Not tested. Cannot find KDC for realm "{REALM}".' in last.sentence

    def test_silent_kdc_leaves_the_key_untested(
        self, kdc: Kdc, slapd_service: Slapd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            file = tmp_path / "krb5.conf"
            port = silent.getsockname()[1]
            file.write_text(f"[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n")
            monkeypatch.setenv("KRB5_CONFIG", str(file))
            monkeypatch.setattr(key_step, "SECONDS", 0.5)
            added(slapd_service.document())

            last = list(steps(added(kdc.document(directory="Corp"))))[-1]

        assert last.is_ok
        assert "Not tested. No KDC responded" in last.sentence

    def test_missing_directory_fails_the_directory_step(self, kdc: Kdc) -> None:
        last = list(steps(added(kdc.document(directory=""))))[-1]

        assert (last.name, last.is_ok) == ("Directory", False)

    def test_unknown_directory_is_reported(self, kdc: Kdc) -> None:
        last = list(steps(added(kdc.document(directory="Nowhere"))))[-1]

        assert "There is no provider “Nowhere”" in last.sentence

    def test_invalid_keytab_fails_the_keytab_step(self, kdc: Kdc) -> None:
        last = list(steps(added(kdc.document(keytab="AAAA"))))[-1]

        assert (last.name, last.is_ok) == ("Keytab", False)

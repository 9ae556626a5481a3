"""Sign-in and look-up requests to an LDAP directory."""

import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from people.net import circuit_breaker
from provisioning.claims import Claims
from provisioning.ldap import client, login_names
from provisioning.ldap.connection import LdapFailed, WrongPassword
from provisioning.providers.config import LdapSettings
from tests.services.ldap import (
    BASE,
    SERVICE,
    SERVICE_PASSWORD,
    Slapd,
    dn_of,
    group,
    group_dn,
    person,
    refusing,
    windows,
)


@pytest.fixture
def settings_of(slapd_service: Slapd) -> LdapSettings:
    circuit_breaker.reset(slapd_service.uri)
    return LdapSettings(uri=slapd_service.uri, base_dn=BASE, bind_dn=SERVICE)


def ask(settings: LdapSettings, login: str = "ada", password: str = "pw-ada") -> Claims:
    return client.sign_in(settings, SERVICE_PASSWORD, login, password)


def failure(
    settings: LdapSettings,
    login: str = "ada",
    password: str = "pw-ada",
    *,
    bind_password: str = SERVICE_PASSWORD,
) -> str:
    with pytest.raises(LdapFailed) as failed:
        client.sign_in(settings, bind_password, login, password)
    return failed.value.code


def names(claims: Claims) -> set[str]:
    assert claims.groups.known is not None
    return {group.name for group in claims.groups.known}


class TestClaims:
    def test_have_name_and_address(self, settings_of: LdapSettings) -> None:
        claims = ask(settings_of)

        assert (claims.given_name, claims.family_name) == ("Ada", "Lovelace")
        assert claims.email == "ada@acme.test"

    def test_subject_is_unique(self, settings_of: LdapSettings) -> None:
        subject = ask(settings_of).subject

        assert len(subject) == 36
        assert subject != ask(settings_of, "bob", "pw-bob").subject

    def test_subject_of_active_directory_is_the_guid(
        self, settings_of: LdapSettings, slapd_service: Slapd
    ) -> None:
        guid = b64encode(bytes(range(16))).decode()
        slapd_service.add(person("winnie", "", "", *windows(f"objectGUID:: {guid}")))
        mapped = replace(settings_of, attributes={"subject": "objectGUID"})

        subject = ask(mapped, "winnie", "pw-winnie").subject

        assert subject == "03020100-0504-0706-0809-0a0b0c0d0e0f"

    def test_binary_subjects_differ(self, settings_of: LdapSettings, slapd_service: Slapd) -> None:
        for uid, value in (("binary-1", b"\xff\xfe"), ("binary-2", b"\xfe\xff")):
            guid = b64encode(value).decode()
            slapd_service.add(person(uid, "", "", *windows(f"objectGUID:: {guid}")))
        mapped = replace(settings_of, attributes={"subject": "objectGUID"})

        subjects = {ask(mapped, uid, f"pw-{uid}").subject for uid in ("binary-1", "binary-2")}

        assert subjects == {"fffe", "feff"}

    def test_attributes_follow_the_settings(self, settings_of: LdapSettings) -> None:
        mapped = replace(settings_of, attributes={"department": "sn", "email": "uid"})

        claims = ask(mapped)

        assert (claims.department, claims.email) == ("Lovelace", "ada")

    def test_groups_have_id_and_name(self, settings_of: LdapSettings) -> None:
        groups = ask(settings_of).groups.known

        assert groups is not None
        [staff] = [group for group in groups if group.dn == group_dn("staff")]
        assert (len(staff.id), staff.name) == (36, "staff")

    def test_account_without_groups_has_empty_groups(
        self, settings_of: LdapSettings, slapd_service: Slapd
    ) -> None:
        slapd_service.add(person("lonely"))

        assert names(ask(settings_of, "lonely", "pw-lonely")) == set()

    def test_groups_include_outer_groups_despite_a_circle(
        self, settings_of: LdapSettings, slapd_service: Slapd
    ) -> None:
        slapd_service.add(
            person("eve"),
            group("inner", "eve"),
            group("middle", group_dn("inner"), group_dn("outer")),
            group("outer", group_dn("middle")),
        )

        assert names(ask(settings_of, "eve", "pw-eve")) == {"inner", "middle", "outer"}

    def test_posix_groups_are_found_by_login_name(
        self, settings_of: LdapSettings, slapd_service: Slapd
    ) -> None:
        slapd_service.add(
            person("posix"),
            f"dn: {group_dn('unix')}\nobjectClass: posixGroup\ncn: unix\n"
            "gidNumber: 100\nmemberUid: posix\n",
        )

        assert names(
            ask(replace(settings_of, group_filter="(memberUid={0})"), "posix", "pw-posix")
        ) == {"unix"}

    def test_login_attribute_with_a_dn_gets_no_foreign_groups(
        self, settings_of: LdapSettings, slapd_service: Slapd
    ) -> None:
        slapd_service.add(person("sly", "", "", f"employeeNumber: {dn_of('ada')}"))
        mapped = replace(settings_of, attributes={"login": "employeeNumber"})

        assert names(ask(mapped, "sly", "pw-sly")) == set()

    def test_groups_are_unknown_if_the_filter_is_invalid(self, settings_of: LdapSettings) -> None:
        groups = ask(replace(settings_of, group_filter="(member={0}")).groups

        assert groups.known is None
        assert "did not return the groups" in groups.because

    def test_groups_are_unknown_after_the_time_limit(self, settings_of: LdapSettings) -> None:
        with client.opened(settings_of, SERVICE_PASSWORD) as directory:
            ada = login_names.find_one(directory, "ada")
            groups = replace(directory, until=0).groups_of(ada)

        assert groups.known is None
        assert "longer than 10 seconds" in groups.because

    def test_look_up_needs_no_password(self, settings_of: LdapSettings) -> None:
        assert client.look_up(settings_of, SERVICE_PASSWORD, "bob").email == "bob@acme.test"


class TestRefusals:
    @pytest.mark.parametrize(
        ("login", "password"),
        [
            ("ada", "wrong"),
            ("ada", "PW-ADA"),
            ("nobody", "pw-nobody"),
            ("*", "pw-ada"),
            ("*)(uid=*", "pw-ada"),
            ("ada)(|(uid=*", "pw-ada"),
            ("a*", "pw-ada"),
            ("\\61da", "pw-ada"),
            ("ada\0", "pw-ada"),
            (dn_of("ada"), "pw-ada"),
        ],
    )
    def test_wrong_or_crafted_credentials_are_refused(
        self, settings_of: LdapSettings, login: str, password: str
    ) -> None:
        with pytest.raises(WrongPassword):
            ask(settings_of, login, password)

    @pytest.mark.parametrize("password", ["", " ", "   ", "\0", "\0pw-ada"])
    def test_empty_password_is_refused_without_a_bind(
        self, settings_of: LdapSettings, slapd_service: Slapd, password: str
    ) -> None:
        before = slapd_service.binds()

        assert failure(settings_of, "ada", password) == "no-password"
        assert slapd_service.binds() == before

    def test_empty_password_is_refused_if_the_server_accepts_it(self) -> None:
        trusting = Slapd(trusts_empty_passwords=True)
        try:
            settings = LdapSettings(uri=trusting.uri, base_dn=BASE, bind_dn=SERVICE)

            assert failure(settings, "ada", "") == "no-password"
            assert failure(settings, "ada", "x") == "wrong-password"
        finally:
            trusting.stop()

    def test_ambiguous_login_name_is_refused(
        self, settings_of: LdapSettings, slapd_service: Slapd
    ) -> None:
        wide = replace(settings_of, user_filter="(|(uid={0})(uid=bob))")

        assert failure(wide) == "ambiguous"

    @pytest.mark.parametrize("lock", ["userAccountControl: 514", "nsAccountLock: TRUE"])
    def test_disabled_account_is_refused(
        self, settings_of: LdapSettings, slapd_service: Slapd, lock: str
    ) -> None:
        uid = lock[:6].lower()
        slapd_service.add(person(uid, "", "", *windows(lock)))

        assert failure(settings_of, uid, f"pw-{uid}") == "account-disabled"

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            ("52e", "wrong-password"),
            ("532", "password-expired"),
            ("533", "account-disabled"),
            ("701", "account-expired"),
            ("773", "password-must-change"),
            ("775", "account-locked"),
            ("530", "logon-hours"),
            ("531", "workstation-refused"),
        ],
    )
    def test_active_directory_error_has_its_code(
        self, settings_of: LdapSettings, slapd_service: Slapd, data: str, code: str
    ) -> None:
        text = f"80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext, data {data}, v1"
        slapd_service.add(person(f"ad-{data}", "", "", *refusing(text)))

        assert failure(settings_of, f"ad-{data}", f"pw-ad-{data}") == code

    def test_wrong_password_does_not_reveal_a_disabled_account(
        self, settings_of: LdapSettings, slapd_service: Slapd
    ) -> None:
        slapd_service.add(person("locked", "", "", *windows("userAccountControl: 66050")))

        assert failure(settings_of, "locked", "wrong") == "wrong-password"

    def test_account_with_other_flags_is_accepted(
        self, settings_of: LdapSettings, slapd_service: Slapd
    ) -> None:
        slapd_service.add(person("flagged", "", "", *windows("userAccountControl: 66048")))

        assert ask(settings_of, "flagged", "pw-flagged").subject

    def test_subject_with_several_values_is_refused(
        self, settings_of: LdapSettings, slapd_service: Slapd
    ) -> None:
        slapd_service.add(person("two", "", "", "mail: second@acme.test"))

        assert failure(replace(settings_of, attributes={"subject": "mail"}), "two", "pw-two") == (
            "ambiguous"
        )


class TestErrorCodes:
    def test_wrong_bind_password(self, settings_of: LdapSettings) -> None:
        assert failure(settings_of, bind_password="wrong") == "bind-refused"
        assert failure(settings_of, bind_password="") == "bind-refused"

    def test_wrong_base_dn(self, settings_of: LdapSettings) -> None:
        assert failure(replace(settings_of, base_dn="dc=nowhere")) == "no-base"
        assert failure(replace(settings_of, base_dn="nonsense")) == "bad-filter"

    def test_base_dn_without_people(self, settings_of: LdapSettings) -> None:
        assert failure(replace(settings_of, base_dn=f"ou=groups,{BASE}")) == "no-people"

    def test_invalid_filter(self, settings_of: LdapSettings) -> None:
        assert failure(replace(settings_of, user_filter="(uid={0}")) == "bad-filter"

    @pytest.mark.parametrize("uri", ["http://127.0.0.1", "127.0.0.1", "ldap://", "ldap://h:x"])
    def test_invalid_url(self, settings_of: LdapSettings, uri: str) -> None:
        assert failure(replace(settings_of, uri=uri)) == "bad-url"

    def test_unresolvable_host_name(self, settings_of: LdapSettings) -> None:
        unknown = replace(settings_of, uri="ldaps://ldap.invalid")

        assert failure(unknown) == "unresolvable"

    def test_private_address(self, settings_of: LdapSettings) -> None:
        assert failure(replace(settings_of, uri="ldaps://10.0.0.1")) == "address-refused"

    def test_connection_without_tls(self, settings_of: LdapSettings, settings: object) -> None:
        settings.OUTBOUND_ALLOW = []  # type: ignore[attr-defined]

        assert failure(settings_of) == "not-https"

    def test_untrusted_certificate(self, settings_of: LdapSettings) -> None:
        assert failure(replace(settings_of, start_tls=True)) == "certificate"

    def test_closed_port(self, settings_of: LdapSettings) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            gone = f"ldap://127.0.0.1:{free.getsockname()[1]}"

        assert failure(replace(settings_of, uri=gone)) == "unreachable"


class TestTls:
    @pytest.fixture
    def trusting(self, slapd_service: Slapd, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("SSL_CERT_FILE", str(slapd_service.certificate))
        return slapd_service.certificate

    def test_start_tls_works_with_a_trusted_certificate(
        self, settings_of: LdapSettings, trusting: Path
    ) -> None:
        assert ask(replace(settings_of, start_tls=True)).email == "ada@acme.test"

    def test_ldaps_works_with_a_trusted_certificate(
        self, settings_of: LdapSettings, slapd_service: Slapd, trusting: Path
    ) -> None:
        claims = ask(replace(settings_of, uri=slapd_service.ldaps_uri))

        assert names(claims) >= {"staff"}

    @pytest.mark.parametrize("start_tls", [True, False])
    def test_certificate_of_another_name_is_refused(
        self, settings_of: LdapSettings, slapd_service: Slapd, trusting: Path, *, start_tls: bool
    ) -> None:
        uri = settings_of.uri if start_tls else slapd_service.ldaps_uri
        elsewhere = replace(settings_of, uri=uri.replace("127.0.0.1", "localhost"))

        assert failure(replace(elsewhere, start_tls=start_tls)) == "certificate"

    def test_error_explains_the_problem_of_the_certificate(
        self, settings_of: LdapSettings, slapd_service: Slapd
    ) -> None:
        with pytest.raises(LdapFailed, match="self-signed certificate"):
            ask(replace(settings_of, uri=slapd_service.ldaps_uri))

    def test_ldaps_to_a_plain_port_has_the_code_no_tls(self, settings_of: LdapSettings) -> None:
        plain = settings_of.uri.replace("ldap:", "ldaps:")

        assert failure(replace(settings_of, uri=plain)) == "no-tls"

    def test_three_hundred_groups_are_read_over_tls(
        self, settings_of: LdapSettings, slapd_service: Slapd, trusting: Path
    ) -> None:
        slapd_service.add(person("busy"), *(group(f"many-{each}", "busy") for each in range(300)))

        claims = ask(replace(settings_of, uri=slapd_service.ldaps_uri), "busy", "pw-busy")

        assert len(names(claims)) == 300


class TestFrozenServer:
    @pytest.fixture
    def frozen(self) -> Iterator[socket.socket]:
        with socket.create_server(("127.0.0.1", 0)) as frozen:
            yield frozen

    @pytest.mark.parametrize(
        ("scheme", "start_tls"), [("ldap", False), ("ldap", True), ("ldaps", False)]
    )
    def test_connection_times_out(
        self, settings_of: LdapSettings, frozen: socket.socket, scheme: str, *, start_tls: bool
    ) -> None:
        stuck = replace(settings_of, uri=_uri(frozen, scheme), start_tls=start_tls)
        began = time.monotonic()

        assert failure(stuck) == "timeout"
        assert time.monotonic() - began < 6

    def test_tls_handshake_times_out(
        self, settings_of: LdapSettings, frozen: socket.socket
    ) -> None:
        def take_start_tls() -> None:
            reached, _ = frozen.accept()
            with reached:
                reached.recv(100)
                reached.sendall(bytes.fromhex("300c02010178070a010004000400"))
                done.wait(10)

        done = threading.Event()
        server = threading.Thread(target=take_start_tls)
        server.start()
        began = time.monotonic()

        assert failure(replace(settings_of, uri=_uri(frozen), start_tls=True)) == "timeout"
        assert time.monotonic() - began < 6
        done.set()
        server.join()

    def test_circuit_breaker_opens_after_three_timeouts(
        self, settings_of: LdapSettings, frozen: socket.socket
    ) -> None:
        stuck = replace(settings_of, uri=_uri(frozen))
        asking = [threading.Thread(target=failure, args=[stuck]) for _ in range(3)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(10)
        began = time.monotonic()

        assert failure(stuck) == "unreachable"
        assert time.monotonic() - began < 1
        circuit_breaker.reset(stuck.uri)


def _uri(server: socket.socket, scheme: str = "ldap") -> str:
    return f"{scheme}://127.0.0.1:{server.getsockname()[1]}"

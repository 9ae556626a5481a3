"""The connection test of Windows sign-in with Active Directory."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from people import tenancy
from people.models import Tenant
from people.values import Actor
from provisioning.connection_test import steps
from provisioning.connection_test.step import Step
from provisioning.providers import config, manage
from tests.services.active_directory import BASE, LOCKOUT_THRESHOLD, REALM, ActiveDirectory
from tests.support.active_directory import added, unused_name

pytestmark = pytest.mark.django_db

Tested = Callable[..., list[Step]]


@pytest.fixture
def tested(
    acme: Tenant,
    active_directory: ActiveDirectory,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    # The KDC of the tests does not listen on the standard port of Kerberos.
    monkeypatch.setenv("KRB5_CONFIG", active_directory.kerberos_environment["KRB5_CONFIG"])
    settings.PUBLIC_BASE_URL = "https://localhost:8443"
    added(acme, active_directory.document())

    def tested(**changed: Any) -> list[Step]:
        with tenancy.use(acme):
            windows = added(acme, active_directory.windows_document(**changed))
            return list(steps(windows))

    return tested


def test_all_steps_succeed(tested: Tested) -> None:
    found = tested()

    assert [step.sentence for step in found if not step.is_ok] == []
    assert [found[0].name, *(step.name for step in found[-2:])] == [
        *("Keytab", "Service account", "Key"),
    ]
    assert "decrypts the KDC's tickets for HTTP/localhost" in found[-1].sentence


@pytest.mark.parametrize("service", ["HTTP/other.example", "cifs/localhost"])
def test_reports_a_keytab_of_another_service(
    active_directory: ActiveDirectory, tested: Tested, service: str
) -> None:
    last = tested(keytab=encoded(active_directory.keytab_of(service, 1)))[-1]

    assert (last.name, last.is_ok) == ("Keytab", False)
    assert service in last.sentence
    assert "HTTP/localhost" in last.sentence


def test_reports_a_keytab_of_an_earlier_password(
    active_directory: ActiveDirectory, tested: Tested
) -> None:
    last = tested(keytab=encoded(active_directory.keytab_of("HTTP/localhost", 7)))[-1]

    assert (last.name, last.is_ok) == ("Service account", False)
    assert "key version 7" in last.sentence


def test_reports_a_key_of_another_password_with_the_right_version(
    active_directory: ActiveDirectory, tested: Tested
) -> None:
    version = active_directory.key_version
    keytab = active_directory.keytab_of("HTTP/localhost", version, password="Another-Pass!26")

    last = tested(keytab=encoded(keytab))[-1]

    assert (last.name, last.is_ok) == ("Key", False)
    assert "of another password, account or encryption type" in last.sentence


def test_repeated_tests_with_a_wrong_key_lock_no_account(
    active_directory: ActiveDirectory, acme: Tenant, tested: Tested
) -> None:
    version = active_directory.key_version
    keytab = active_directory.keytab_of("HTTP/localhost", version, password="Another-Pass!26")
    tested(keytab=encoded(keytab))
    with tenancy.use(acme):
        windows = manage.provider_named("Windows")
        for _ in range(LOCKOUT_THRESHOLD):
            assert not list(steps(windows))[-1].is_ok

    for name in ("http-svc", "ramp-svc"):
        count = active_directory.value(f"CN={name},OU=Services,{BASE}", "badPwdCount")
        assert count in (b"", b"0")


def test_reports_a_duplicate_service_principal_name(
    active_directory: ActiveDirectory, tested: Tested
) -> None:
    other = active_directory.add_person(unused_name(), ou="Services")
    active_directory.force(other, "servicePrincipalName", "HTTP/localhost")
    try:
        last = tested()[-1]
    finally:
        active_directory.delete(other)

    assert (last.name, last.is_ok) == ("Service account", False)
    assert "Several accounts have the service principal name HTTP/localhost" in last.sentence
    assert "http-svc" in last.sentence
    assert other[3 : other.index(",")] in last.sentence


@pytest.mark.parametrize("bind_dn", [f"ramp-svc@{REALM.lower()}", "CORP\\ramp-svc"])
def test_accepts_each_form_of_the_bind_account(
    active_directory: ActiveDirectory, acme: Tenant, tested: Tested, bind_dn: str
) -> None:
    with tenancy.use(acme):
        directory = manage.provider_named("AD")
        document = active_directory.document(bind_dn=bind_dn)
        manage.change_provider(
            directory,
            config.read(document),
            is_enabled=True,
            actor=Actor("command", "tests"),
        )

    last = tested()[-1]

    assert (last.name, last.is_ok) == ("Key", True)
    assert "decrypts" in last.sentence


@pytest.mark.parametrize(
    ("keytab", "realms", "words"),
    [
        ("OTHER.TEST", [REALM], "of the realm OTHER.TEST"),
        (REALM, ["OTHER.TEST"], f"of the realm {REALM}"),
        (REALM, [REALM.lower()], "case-sensitive"),
        ("OTHER.TEST", ["OTHER.TEST"], f"are in the realm {REALM}"),
    ],
    ids=str,
)
def test_reports_a_wrong_realm(
    active_directory: ActiveDirectory,
    tested: Tested,
    keytab: str,
    realms: list[str],
    words: str,
) -> None:
    made = active_directory.keytab_of("HTTP/localhost", 1, keytab)

    last = tested(keytab=encoded(made), realms=realms)[-1]

    assert (last.name, last.is_ok) == ("Realm", False)
    assert words in last.sentence


def test_reports_a_missing_service_principal_name(
    active_directory: ActiveDirectory, tested: Tested, settings: Settings
) -> None:
    settings.PUBLIC_BASE_URL = "https://ramp.example.com"
    keytab = encoded(active_directory.keytab_of("HTTP/ramp.example.com", 1))

    missing = tested(keytab=keytab)[-1]

    assert (missing.name, missing.is_ok) == ("Service account", False)
    assert "setspn -S HTTP/ramp.example.com" in missing.sentence


def encoded(keytab: bytes) -> str:
    return b64encode(keytab).decode()

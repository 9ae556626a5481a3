"""Browsing a provider's directory …"""

import socket
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from people.net import circuit_breaker
from people.values import Actor
from provisioning.directory import PAGE, Directory, DirectoryFailed, cached_live, directory_of
from provisioning.ldap import client
from provisioning.models import IdentityProvider
from provisioning.providers import config, manage
from provisioning.providers.config import LdapSettings
from provisioning.sign_in.sign_in import sign_in
from tests.services.ldap import (
    BASE,
    SERVICE,
    SERVICE_PASSWORD,
    Slapd,
    dn_of,
    group,
    group_dn,
    person,
    windows,
)
from tests.support.sign_in_flow import claims, groups, provider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_acme")]


def opened(provider: IdentityProvider) -> Directory:
    directory = directory_of(provider)
    assert directory
    return directory


def test_is_off_until_it_is_switched_on() -> None:
    assert directory_of(provider()) is None


class TestAsSeenAtSignIns:
    @pytest.fixture
    def corp(self) -> IdentityProvider:
        corp = provider(browsing=IdentityProvider.Browsing.CACHED_ONLY)
        sign_in(corp, claims("ada", groups("staff", "board")))
        sign_in(corp, claims("bob", groups("staff"), given_name="Bob", family_name="Builder"))
        sign_in(corp, claims("eve", given_name="Eve"))
        return corp

    def test_shows_who_has_signed_in(self, corp: IdentityProvider) -> None:
        found = opened(corp).people("")

        assert [one.name for one in found.items] == ["Bob Builder", "Ada Lovelace", "Eve Lovelace"]

    def test_finds_them_by_parts_of_name_and_address(self, corp: IdentityProvider) -> None:
        assert [one.id for one in opened(corp).people("love ada").items] == ["ada"]
        assert [one.id for one in opened(corp).people("BOB@").items] == ["bob"]

    def test_shows_their_groups(self, corp: IdentityProvider) -> None:
        told = opened(corp).groups_of("ada")

        assert told is not None
        assert [group.name for group in told] == ["board", "staff"]

    def test_says_where_groups_are_unknown(self, corp: IdentityProvider) -> None:
        assert opened(corp).groups_of("eve") is None

    def test_shows_groups_and_who_is_in_them(self, corp: IdentityProvider) -> None:
        directory = opened(corp)

        assert [group.name for group in directory.groups("").items] == ["board", "staff"]
        assert {one.id for one in directory.members("staff").items} == {"ada", "bob"}

    def test_shows_nobody_of_another_provider(self, corp: IdentityProvider) -> None:
        other = provider("Other", browsing=IdentityProvider.Browsing.CACHED_ONLY)

        assert opened(other).people("").items == []
        assert opened(other).members("staff").items == []


class TestLive:
    @pytest.fixture
    def connect(self, slapd_service: Slapd) -> Callable[..., Directory]:
        circuit_breaker.reset(slapd_service.uri)

        def connect(**said: Any) -> Directory:
            document = slapd_service.document(directory_browsing="live", **said)
            definition = config.read(document)
            return opened(manage.add_provider(definition, actor=Actor("command", "tests")))

        return connect

    def test_finds_people_who_have_never_signed_in(self, connect: Callable[..., Directory]) -> None:
        [ada] = connect().people("lovelace").items

        assert (ada.id, ada.name, ada.email) == (dn_of("ada"), "Ada Lovelace", "ada@acme.test")

    @pytest.mark.parametrize("text", ["*", "*)(uid=*", "(", "\\", "ada)(|(cn=*"])
    def test_takes_what_is_typed_for_what_it_is(
        self, connect: Callable[..., Directory], text: str
    ) -> None:
        assert connect().people(text).items == []

    def test_shows_somebody_and_their_groups(self, connect: Callable[..., Directory]) -> None:
        directory = connect()

        ada = directory.person(dn_of("ada"))
        told = directory.groups_of(dn_of("ada"))

        assert ada
        assert ada.login == "ada"
        assert told is not None
        assert "staff" in {group.name for group in told}

    def test_knows_nobody_by_another_dn(self, connect: Callable[..., Directory]) -> None:
        directory = connect()

        assert directory.person(dn_of("nobody")) is None
        assert directory.groups_of(dn_of("nobody")) is None

    def test_shows_groups_and_who_is_in_them(self, connect: Callable[..., Directory]) -> None:
        directory = connect()

        [staff] = directory.groups("staff").items
        assert staff.dn == group_dn("staff")
        assert {one.login for one in directory.members(staff.id).items} >= {"ada", "bob"}

    def test_shows_the_members_of_groups_in_a_group(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        slapd_service.add(
            person("deep"),
            person("flat"),
            group("lowest", "deep"),
            group("middle-one", group_dn("lowest"), group_dn("top")),
            group("top", group_dn("middle-one"), "flat"),
        )
        directory = connect()

        [top] = directory.groups("top").items

        assert {one.login for one in directory.members(top.id).items} == {"deep", "flat"}

    def test_shows_no_disabled_people(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        slapd_service.add(
            person("off", "Pair", "Off", *windows("nsAccountLock: TRUE")),
            person("on", "Pair", "On"),
        )

        assert [one.login for one in connect().people("pair").items] == ["on"]

    def test_shows_what_is_no_text_without_an_error(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        guid = b64encode(b"\xff\xfe").decode()
        slapd_service.add(person("bytes", "Byte", "Sized", *windows(f"objectGUID:: {guid}")))

        [found] = connect(attributes={"subject": "objectGUID"}).people("sized").items

        assert found.subject == "fffe"

    def test_turns_pages(self, connect: Callable[..., Directory], slapd_service: Slapd) -> None:
        slapd_service.add(*(person(f"many-{number}", "Many") for number in range(60)))
        directory, seen, after = connect(), [], ""

        for _ in range(3):
            page = directory.people("many", after)
            seen += [one.login for one in page.items]
            after = page.next

        assert len(seen) == len(set(seen)) == 60
        assert after == ""

    def test_asks_once_for_a_page(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        directory = connect()
        before = slapd_service.log.read_text(errors="replace").count(" SRCH base=")

        directory.people("ada")

        assert slapd_service.log.read_text(errors="replace").count(" SRCH base=") == before + 1

    def test_reads_no_more_than_it_shows(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        slapd_service.add(*(person(f"lot-{number}", "Lot") for number in range(80)))
        directory = connect()

        directory.people("lot")

        log = slapd_service.log.read_text(errors="replace")
        assert int(log.rpartition("nentries=")[2].split()[0]) == PAGE + 1

    def test_shows_groups_in_groups_as_a_sign_in_would(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        slapd_service.add(
            person("nell"), group("within", "nell"), group("around", group_dn("within"))
        )

        told = connect().groups_of(dn_of("nell"))

        assert told is not None
        assert [one.name for one in told] == ["around", "within"]

    def test_says_by_what_a_sign_in_would_know_them(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        settings = LdapSettings(uri=slapd_service.uri, base_dn=BASE, bind_dn=SERVICE)
        claims = client.look_up(settings, SERVICE_PASSWORD, "ada")

        assert [one.subject for one in connect().people("lovelace").items] == [claims.subject]
        mapped = connect(name="Mapped", attributes={"subject": "uid"})
        assert [one.subject for one in mapped.people("lovelace").items] == ["ada"]

    def test_shows_nobody_beside_its_base(self, connect: Callable[..., Directory]) -> None:
        narrow = connect(base_dn=f"ou=groups,{BASE}")

        assert narrow.person(dn_of("ada")) is None
        assert narrow.groups_of(dn_of("ada")) is None

    def test_asks_nobody_what_was_answered_a_moment_ago(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        directory = connect()
        answered = directory.people("lovelace")
        before = slapd_service.binds()

        assert directory.people("lovelace") == answered
        assert slapd_service.binds() == before

    def test_asks_only_so_often(
        self, connect: Callable[..., Directory], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cached_live, "MAX_A_MINUTE", 2)
        directory = connect()
        directory.people("one")
        directory.people("two")

        with pytest.raises(DirectoryFailed, match="Too many requests"):
            directory.people("three")

    def test_keeps_to_its_own_base(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        slapd_service.add(group("elsewhere", "ada"))

        assert connect(base_dn=f"ou=people,{BASE}").groups("elsewhere").items == []

    def test_waits_three_seconds_for_a_frozen_server(
        self, connect: Callable[..., Directory]
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as frozen:
            uri = f"ldap://127.0.0.1:{frozen.getsockname()[1]}"
            began = time.monotonic()

            with pytest.raises(DirectoryFailed) as failed:
                connect(uri=uri).people("ada")

        assert failed.value.code == "timeout"
        assert time.monotonic() - began < 6

    def test_shows_only_who_could_sign_in(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        slapd_service.add(person("printer", "Printer", "Three", "employeeType: machine"))
        slapd_service.add(person("printess", "Printess", "Three", "employeeType: human"))
        chosen = connect(user_filter="(&(employeeType=human)(uid={0}))")

        assert [one.login for one in chosen.people("three").items] == ["printess"]

    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ({"bind_password": "wrong"}, "bind-refused"),
            ({"uri": "ldap://127.0.0.1:1"}, "unreachable"),
            ({"uri": "ldaps://10.0.0.1"}, "address-refused"),
        ],
    )
    def test_says_what_to_correct(
        self, connect: Callable[..., Directory], said: dict[str, Any], code: str
    ) -> None:
        with pytest.raises(DirectoryFailed) as failed:
            connect(**said).people("ada")

        assert failed.value.code == code

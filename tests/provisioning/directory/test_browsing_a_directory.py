"""Browsing the directory of a provider: as seen at sign-ins, and live by LDAP."""

import socket
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.utils import timezone

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


def test_browsing_is_off_by_default() -> None:
    assert directory_of(provider()) is None


class TestSeenAtSignIns:
    @pytest.fixture
    def corp(self) -> IdentityProvider:
        corp = provider(browsing=IdentityProvider.Browsing.CACHED_ONLY)
        sign_in(corp, claims("ada", groups("staff", "board")))
        sign_in(corp, claims("bob", groups("staff"), given_name="Bob", family_name="Builder"))
        sign_in(corp, claims("eve", given_name="Eve"))
        return corp

    def test_lists_people_who_have_signed_in(self, corp: IdentityProvider) -> None:
        found = opened(corp).people("")

        assert [one.name for one in found.items] == ["Bob Builder", "Ada Lovelace", "Eve Lovelace"]

    def test_search_by_parts_of_name_and_address(self, corp: IdentityProvider) -> None:
        assert [one.id for one in opened(corp).people("love ada").items] == ["ada"]
        assert [one.id for one in opened(corp).people("BOB@").items] == ["bob"]

    def test_lists_the_groups_of_a_person(self, corp: IdentityProvider) -> None:
        result = opened(corp).groups_of("ada")

        assert result is not None
        assert [group.name for group in result] == ["board", "staff"]

    def test_unknown_groups_are_none(self, corp: IdentityProvider) -> None:
        assert opened(corp).groups_of("eve") is None

    def test_lists_groups_and_their_members(self, corp: IdentityProvider) -> None:
        directory = opened(corp)

        assert [group.name for group in directory.groups("").items] == ["board", "staff"]
        assert {one.id for one in directory.members("staff").items} == {"ada", "bob"}

    def test_people_of_another_provider_are_not_listed(self, corp: IdentityProvider) -> None:
        other = provider("Other", browsing=IdentityProvider.Browsing.CACHED_ONLY)

        assert opened(other).people("").items == []
        assert opened(other).members("staff").items == []


class TestLive:
    @pytest.fixture
    def connect(self, slapd_service: Slapd) -> Callable[..., Directory]:
        circuit_breaker.reset(slapd_service.uri)

        def connect(**values: Any) -> Directory:
            document = slapd_service.document(directory_browsing="live", **values)
            definition = config.read(document)
            return opened(manage.add_provider(definition, actor=Actor("command", "tests")))

        return connect

    def test_finds_people_who_have_never_signed_in(self, connect: Callable[..., Directory]) -> None:
        [ada] = connect().people("lovelace").items

        assert (ada.id, ada.name, ada.email) == (dn_of("ada"), "Ada Lovelace", "ada@acme.test")

    @pytest.mark.parametrize("text", ["*", "*)(uid=*", "(", "\\", "ada)(|(cn=*"])
    def test_search_text_is_escaped(self, connect: Callable[..., Directory], text: str) -> None:
        assert connect().people(text).items == []

    def test_shows_a_person_and_their_groups(self, connect: Callable[..., Directory]) -> None:
        directory = connect()

        ada = directory.person(dn_of("ada"))
        result = directory.groups_of(dn_of("ada"))

        assert ada
        assert ada.login == "ada"
        assert result is not None
        assert "staff" in {group.name for group in result}

    def test_unknown_dn_finds_no_person(self, connect: Callable[..., Directory]) -> None:
        directory = connect()

        assert directory.person(dn_of("nobody")) is None
        assert directory.groups_of(dn_of("nobody")) is None

    def test_lists_groups_and_members_by_dn(self, connect: Callable[..., Directory]) -> None:
        directory = connect()

        [staff] = directory.groups("staff").items
        assert staff.dn == group_dn("staff")
        assert {one.login for one in directory.members(staff.id).items} >= {"ada", "bob"}

    def test_members_include_those_of_nested_groups(
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

    def test_disabled_accounts_are_not_listed(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        slapd_service.add(
            person("off", "Pair", "Off", *windows("nsAccountLock: TRUE")),
            person("on", "Pair", "On"),
        )

        assert [one.login for one in connect().people("pair").items] == ["on"]

    def test_binary_subject_is_shown_as_hex(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        guid = b64encode(b"\xff\xfe").decode()
        slapd_service.add(person("bytes", "Byte", "Sized", *windows(f"objectGUID:: {guid}")))

        [found] = connect(attributes={"subject": "objectGUID"}).people("sized").items

        assert found.subject == "fffe"

    def test_search_result_has_pages(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        slapd_service.add(*(person(f"many-{number}", "Many") for number in range(60)))
        directory, seen, after = connect(), [], ""

        for _ in range(3):
            page = directory.people("many", after)
            seen += [one.login for one in page.items]
            after = page.next

        assert len(seen) == len(set(seen)) == 60
        assert after == ""

    def test_page_takes_one_search_request(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        directory = connect()
        before = slapd_service.log.read_text(errors="replace").count(" SRCH base=")

        directory.people("ada")

        assert slapd_service.log.read_text(errors="replace").count(" SRCH base=") == before + 1

    def test_page_reads_only_one_entry_more_than_it_shows(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        slapd_service.add(*(person(f"lot-{number}", "Lot") for number in range(80)))
        directory = connect()

        directory.people("lot")

        log = slapd_service.log.read_text(errors="replace")
        assert int(log.rpartition("nentries=")[2].split()[0]) == PAGE + 1

    def test_groups_of_a_person_include_outer_groups(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        slapd_service.add(
            person("nell"), group("within", "nell"), group("around", group_dn("within"))
        )

        result = connect().groups_of(dn_of("nell"))

        assert result is not None
        assert [one.name for one in result] == ["around", "within"]

    def test_subject_is_the_same_as_at_sign_in(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        settings = LdapSettings(uri=slapd_service.uri, base_dn=BASE, bind_dn=SERVICE)
        claims = client.look_up(settings, SERVICE_PASSWORD, "ada")

        assert [one.subject for one in connect().people("lovelace").items] == [claims.subject]
        mapped = connect(name="Mapped", attributes={"subject": "uid"})
        assert [one.subject for one in mapped.people("lovelace").items] == ["ada"]

    def test_entry_outside_the_base_dn_is_not_shown(
        self, connect: Callable[..., Directory]
    ) -> None:
        narrow = connect(base_dn=f"ou=groups,{BASE}")

        assert narrow.person(dn_of("ada")) is None
        assert narrow.groups_of(dn_of("ada")) is None

    def test_repeated_search_is_answered_from_the_cache(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        directory = connect()
        answered = directory.people("lovelace")
        before = slapd_service.binds()

        assert directory.people("lovelace") == answered
        assert slapd_service.binds() == before

    def test_searches_are_rate_limited(
        self, connect: Callable[..., Directory], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with time_machine.travel(timezone.now(), tick=False):
            monkeypatch.setattr(cached_live, "MAX_A_MINUTE", 2)
            directory = connect()
            directory.people("one")
            directory.people("two")

            with pytest.raises(DirectoryFailed, match="Too many requests"):
                directory.people("three")

    def test_groups_outside_the_base_dn_are_not_listed(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        slapd_service.add(group("elsewhere", "ada"))

        assert connect(base_dn=f"ou=people,{BASE}").groups("elsewhere").items == []

    def test_frozen_server_times_out(self, connect: Callable[..., Directory]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as frozen:
            uri = f"ldap://127.0.0.1:{frozen.getsockname()[1]}"
            began = time.monotonic()

            with pytest.raises(DirectoryFailed) as failed:
                connect(uri=uri).people("ada")

        assert failed.value.code == "timeout"
        assert time.monotonic() - began < 6

    def test_only_people_who_match_the_user_filter_are_listed(
        self, connect: Callable[..., Directory], slapd_service: Slapd
    ) -> None:
        slapd_service.add(person("printer", "Printer", "Three", "employeeType: machine"))
        slapd_service.add(person("printess", "Printess", "Three", "employeeType: human"))
        chosen = connect(user_filter="(&(employeeType=human)(uid={0}))")

        assert [one.login for one in chosen.people("three").items] == ["printess"]

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({"bind_password": "wrong"}, "bind-refused"),
            ({"uri": "ldap://127.0.0.1:1"}, "unreachable"),
            ({"uri": "ldaps://10.0.0.1"}, "address-refused"),
        ],
        ids=str,
    )
    def test_failure_has_a_code(
        self, connect: Callable[..., Directory], values: dict[str, Any], code: str
    ) -> None:
        with pytest.raises(DirectoryFailed) as failed:
            connect(**values).people("ada")

        assert failed.value.code == code

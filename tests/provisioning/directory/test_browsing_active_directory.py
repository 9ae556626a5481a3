"""Browsing a real Active Directory."""

from collections.abc import Callable
from typing import Any

import pytest

from people.models import Tenant
from provisioning.directory import Directory, directory_of, ldap
from tests.services.active_directory import BASE, ActiveDirectory
from tests.support.active_directory import added, unused_name

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_acme")]

UNIVERSAL = "-2147483640"
ANY_ACCOUNT = "(sAMAccountName={0})"


@pytest.fixture
def browse(acme: Tenant, active_directory: ActiveDirectory) -> Callable[..., Directory]:
    def browse(**values: Any) -> Directory:
        corp = added(acme, active_directory.document(directory_browsing="live", **values))
        directory = directory_of(corp)
        assert directory
        return directory

    return browse


@pytest.fixture
def name() -> str:
    return unused_name()


def all_logins(directory: Directory, text: str = "") -> list[str]:
    logins, after = [], ""
    while True:
        page = directory.people(text, after)
        logins += [one.login for one in page.items]
        after = page.next
        if not after:
            return logins


def members_of(directory: Directory, group: str) -> set[str]:
    return {one.login for one in directory.members(group).items}


def test_lists_people_without_computers_services_and_disabled_accounts(
    active_directory: ActiveDirectory, browse: Callable[..., Directory], name: str
) -> None:
    active_directory.add_person(name)
    gone = unused_name()
    active_directory.change(active_directory.add_person(gone), userAccountControl="514")
    active_directory.add(
        f"CN=PC-{name},CN=Computers,{BASE}",
        objectClass="computer",
        sAMAccountName=f"PC-{name}$",
        userAccountControl="4096",
    )

    logins = all_logins(browse(base_dn=BASE, user_filter=ANY_ACCOUNT))

    assert name in logins
    assert not {gone, f"PC-{name}$", "DC1$", "krbtgt", "Guest"} & set(logins)


def test_people_are_sorted_by_name_across_pages(
    active_directory: ActiveDirectory,
    browse: Callable[..., Directory],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ldap, "PAGE", 3)
    expected = [f"{name}-{letter}" for letter in "abCdeFg"]
    for login in reversed(expected):
        active_directory.add_person(login, f"Sorted {login.upper()}", displayName=f"{login} x")

    assert all_logins(browse(), f"{name}-") == expected


def test_groups_are_sorted_by_name(
    active_directory: ActiveDirectory, browse: Callable[..., Directory], name: str
) -> None:
    for letter in "cab":
        active_directory.add_group(f"{name}-{letter}")

    assert [one.name[-1] for one in browse().groups(f"{name}-").items] == ["a", "b", "c"]


def test_members_include_those_of_nested_groups(
    active_directory: ActiveDirectory, browse: Callable[..., Directory], name: str
) -> None:
    inner = active_directory.add_group(f"in-{name}", active_directory.add_person(name))
    other = unused_name()
    outer = active_directory.add_group(
        f"out-{name}", inner, active_directory.add_person(other), groupType=UNIVERSAL
    )

    directory = browse()

    assert members_of(directory, active_directory.guid(outer)) == {name, other}
    assert members_of(directory, active_directory.guid(inner)) == {name}


def test_members_of_a_primary_group_are_listed_also_when_it_is_nested(
    active_directory: ActiveDirectory, browse: Callable[..., Directory], name: str
) -> None:
    dn = active_directory.add_person(name)
    primary = active_directory.add_group(f"primary-{name}", dn)
    sid = active_directory.value(primary, "objectSid")
    active_directory.change(dn, primaryGroupID=str(int.from_bytes(sid[-4:], "little")))
    around = active_directory.add_group(f"around-{name}", primary, groupType=UNIVERSAL)

    directory = browse()

    assert members_of(directory, active_directory.guid(primary)) == {name}
    assert members_of(directory, active_directory.guid(around)) == {name}


def test_each_group_of_a_person_lists_the_person(
    active_directory: ActiveDirectory, browse: Callable[..., Directory], name: str
) -> None:
    dn = active_directory.add_person(name)
    inner = active_directory.add_group(f"a-{name}", dn)
    active_directory.add_group(f"b-{name}", inner)
    directory = browse()

    groups = directory.groups_of(dn)

    assert groups
    for group in groups:
        logins, after = set(), ""
        while name not in logins:
            page = directory.members(group.id, after)
            logins |= {one.login for one in page.items}
            after = page.next
            assert after or name in logins, group.name

"""An LDAP directory, searched live through the ORM: one search a page, nothing loaded whole."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import ldap
from django.db.models import Q, QuerySet
from django.db.utils import Error
from ldap.filter import escape_filter_chars

from provisioning.claims import Group
from provisioning.directory.backend.base import opened
from provisioning.directory.base import (
    PAGE,
    DirectoryFailed,
    DirectoryPerson,
    Page,
    Standing,
    start_of,
)
from provisioning.directory.models import ActiveDirectoryGroup, DirectoryGroup, DirectoryUser
from provisioning.ldap import client as signing_in
from provisioning.ldap import groups
from provisioning.ldap.connection import LdapFailed, bound
from provisioning.ldap.groups import BATCH, MAX_DEPTH, MAX_GROUPS
from provisioning.ldap.standing import standing_of
from provisioning.models import IdentityProvider
from provisioning.providers import manage
from provisioning.providers.config import LdapSettings, settings_of
from provisioning.providers.distinguished_names import normalize_dn

# The matching rule that follows nested groups (MS-ADTS 3.1.1.3.4.4.3).
IN_CHAIN: Final = "1.2.840.113556.1.4.1941"
# The accounts of people, neither of computers nor of trusted domains, that are not disabled. The
# account of the KDC, krbtgt, is always disabled.
PEOPLE_OF_ACTIVE_DIRECTORY: Final = (
    "(sAMAccountType=805306368)(!(userAccountControl:1.2.840.113556.1.4.803:=2))"
)
# How far pages can be turned: the directory sends all earlier rows again for each page. For
# somebody further down, an administrator enters more of the name.
LAST_ROW: Final = 1000
# The fields that can be the subject, by attribute.
SUBJECTS: Final = {
    "entryuuid": "entry_uuid",
    "objectguid": "guid",
    "uid": "uid",
    "samaccountname": "account",
    "mail": "mail",
}


class LdapDirectory:
    is_live = True
    subject_is_id = True

    def __init__(self, provider: IdentityProvider) -> None:
        self.name = provider.name
        self.settings: LdapSettings = settings_of(provider)
        self.password = manage.secret_of(provider)

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        sought = Q()
        for word in text.split():
            sought &= (
                Q(cn__icontains=word)
                | Q(uid__startswith=word)
                | Q(account__startswith=word)
                | Q(mail__startswith=word)
            )
        with self._users() as users:
            return _page(users.filter(sought), after, self._person)

    def person(self, key: str) -> DirectoryPerson | None:
        if not _is_below(key, self.settings.base_dn):
            return None
        with self._users() as users:
            return next(map(self._person, users.filter(dn=key)[:1]), None)

    def standing(self, subject: str, names: Collection[str]) -> Standing | None:
        try:
            found = standing_of(self.settings, self.password, subject=subject, names=names)
        except LdapFailed as error:
            raise DirectoryFailed(error.code, str(error)) from error
        if found is None or found.account is None:
            return Standing(found.status) if found else None
        account = found.account
        person = DirectoryPerson(
            id=account.dn,
            name=account.dn,
            subject=account.subject,
            email=account.email,
            login=account.login,
        )
        return Standing(found.status, person, account.dn)

    def groups_of(self, key: str) -> list[Group] | None:
        """Return the groups that a sign-in would get, nested ones included; None if unknown."""
        if not _is_below(key, self.settings.base_dn):
            return None
        try:
            with signing_in.opened(self.settings, self.password) as directory:
                known = directory.groups_at(key).known
        except LdapFailed as error:
            if error.code == "no-base":
                return None
            raise DirectoryFailed(error.code, str(error)) from error
        return None if known is None else sorted(known, key=lambda group: group.name)

    def groups(self, text: str, after: str = "") -> Page[Group]:
        with self._groups() as groups:
            return _page(groups.filter(cn__icontains=text) if text else groups, after, _group)

    def group(self, key: str) -> Group | None:
        """Return the group with this id or DN, if it is where a sign-in looks for groups."""
        dn = self._group_dn(key)
        if not _is_below(dn, self._groups_base):
            return None
        with self._groups() as groups:
            return next(map(_group, groups.filter(dn=dn)[:1]), None)

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        """Return the people in the group, also through other groups or as their primary group."""
        dn = self._group_dn(group_id)
        if self.settings.is_active_directory:
            return self._members_in_active_directory(dn, after)
        dns = self._with_nested(dn)
        listed = "".join(f"(memberOf={escape_filter_chars(one)})" for one in dns)
        with self._users(f"(|{listed})") as users:
            found = _page(users, after, self._person)
        return found if found.items else self._members_named(dns, after)

    def _members_in_active_directory(self, dn: str, after: str) -> Page[DirectoryPerson]:
        chain = f"(memberOf:{IN_CHAIN}:={escape_filter_chars(dn)})"
        with self._groups(f"(|{chain}(distinguishedName={escape_filter_chars(dn)}))") as nested:
            numbers = [one.relative_id for one in nested[:MAX_GROUPS]]
        # The people of a primary group are not among its members.
        primary = "".join(f"(primaryGroupID={one})" for one in numbers if one)
        with self._users(f"(|{chain}{primary})") as users:
            return _page(users, after, self._person)

    def _with_nested(self, dn: str) -> list[str]:
        """Return the DNs of the group and of the groups in it."""
        found, latest = [dn], [dn]
        with self._groups() as groups:
            for _ in range(MAX_DEPTH):
                named = _members_of(groups, latest)[:MAX_GROUPS]
                batches = (named[start : start + BATCH] for start in range(0, len(named), BATCH))
                # entryDN, by which a filter finds entries at a DN (RFC 5020).
                at_dns = (Q(*(("entry_dn", dn) for dn in dns), _connector=Q.OR) for dns in batches)
                nested = [one.dn for condition in at_dns for one in groups.filter(condition)]
                latest = [one for one in nested if one not in found]
                found += latest
                if not latest:
                    break
        return found

    def _group_dn(self, group_id: str) -> str:
        """Return the present DN of the group with this id. An id that is no UUID is the DN."""
        try:
            UUID(group_id)
        except ValueError:
            return group_id
        try:
            with signing_in.opened(self.settings, self.password) as directory:
                found = groups.group_by_id(directory, group_id)
        except LdapFailed as error:
            raise DirectoryFailed(error.code, str(error)) from error
        return found.dn if found else group_id

    def _members_named(self, dns: list[str], after: str) -> Page[DirectoryPerson]:
        """Return the members that the groups list, for servers without `memberOf`."""
        with self._groups() as groups:
            named = _members_of(groups, dns)
        start = start_of(after)
        with self._users() as users:
            found = [one for dn in named[start : start + PAGE] for one in users.filter(dn=dn)]
        following = str(start + PAGE) if len(named) > start + PAGE else ""
        return Page([self._person(user) for user in found], following)

    def _person(self, user: Any) -> DirectoryPerson:
        details = {"department": user.department, "title": user.title, "location": user.place}
        named = SUBJECTS.get(self.settings.attributes.get("subject", "").lower(), "")
        return DirectoryPerson(
            id=user.dn,
            subject=getattr(user, named) if named else user.entry_uuid or user.guid,
            name=user.display_name or f"{user.given_name} {user.family_name}".strip() or user.cn,
            email=user.mail,
            login=user.uid or user.account,
            details={name: value for name, value in details.items() if value},
        )

    @contextmanager
    def _users(self, within: str = "") -> Iterator[QuerySet[Any]]:
        """Yield the people who could sign in, sorted by name if the directory can sort."""
        settings = self.settings
        usual = PEOPLE_OF_ACTIVE_DIRECTORY if settings.is_active_directory else ""
        order = "displayName" if settings.is_active_directory else "cn"
        with self._connected(f"{settings.anybody}{usual}{within}", order=order) as alias:
            yield DirectoryUser.objects.using(alias)

    @contextmanager
    def _groups(self, within: str = "") -> Iterator[QuerySet[Any]]:
        """Yield the groups below the base DN at which a sign-in looks for groups."""
        model = ActiveDirectoryGroup if self.settings.is_active_directory else DirectoryGroup
        with self._connected(within, base=self._groups_base, order="cn") as alias:
            yield model.objects.using(alias)

    @property
    def _groups_base(self) -> str:
        settings = self.settings
        usual: str = settings.domain if settings.is_active_directory else settings.base_dn
        return settings.group_base_dn or usual

    @contextmanager
    def _connected(self, within: str = "", base: str = "", order: str = "") -> Iterator[str]:
        """Connect until the block ends, and convert errors to DirectoryFailed."""
        settings = replace(self.settings, base_dn=base or self.settings.base_dn)
        try:
            with (
                bound(settings, self.password) as (connection, _),
                opened("directory", connection, settings, within, order) as alias,
            ):
                yield alias
        except LdapFailed as error:
            raise DirectoryFailed(error.code, str(error)) from error
        except (Error, ldap.LDAPError) as error:
            raise DirectoryFailed("directory-error", f"{self.name}: {error}") from error


def _page(rows: QuerySet[Any], after: str, read: Any) -> Page[Any]:
    start = min(start_of(after), LAST_ROW)
    found = list(rows[start : start + PAGE + 1])
    following = str(start + PAGE) if len(found) > PAGE and start + PAGE < LAST_ROW else ""
    shown = [read(one) for one in found[:PAGE] if not getattr(one, "is_disabled", False)]
    return Page(sorted(shown, key=lambda one: one.name.casefold()), following)


def _members_of(groups: QuerySet[Any], dns: list[str]) -> list[str]:
    """Return the DNs that the groups list."""
    return sorted({one for dn in dns for group in groups.filter(dn=dn) for one in group.members})


def _is_below(dn: str, base: str) -> bool:
    """Tell whether the DN is below the base. Pages show no other entries."""
    return normalize_dn(dn).endswith(f",{normalize_dn(base)}")


def _group(group: Any) -> Group:
    name = group.cn or group.display_name or group.dn
    return Group(group.guid or group.entry_uuid or group.dn, name, group.dn)

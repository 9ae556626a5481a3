"""The entries of a directory as models of django-ldapdb. They have no tables."""

from typing import Any, ClassVar

from django.utils import timezone

from provisioning.directory.backend import importable
from provisioning.ldap import entry
from provisioning.models.account_status import AccountStatus

assert importable.fields, "django-ldapdb is importable from here on"

from ldapdb.models import Model  # noqa: E402  not before that


class CharField(importable.fields.CharField):
    """A text. Values that are not text, such as the binary ids of Active Directory, become text."""

    def from_ldap(self, value: list[bytes], connection: Any) -> str:
        return entry.readable(self.db_column, value[0]) if value else ""


class ListField(importable.fields.ListField):
    def from_ldap(self, value: list[bytes], connection: Any) -> list[str]:
        return [entry.readable(self.db_column, one) for one in value]


class SidField(CharField):
    """A security identifier, in hexadecimal digits."""

    def from_ldap(self, value: list[bytes], connection: Any) -> str:
        return value[0].hex() if value else ""


class Entry(Model):
    """What people and groups of every directory have."""

    # django-ldapdb needs one. Searches take the base DN from the connection instead.
    base_dn = ""
    cn = CharField(db_column="cn")
    display_name = CharField(db_column="displayName")

    class Meta:
        abstract = True


class DirectoryUser(Entry):
    """A person entry; OpenLDAP and Active Directory share this object class."""

    object_classes: ClassVar = ["person"]
    entry_uuid = CharField(db_column="entryUUID")
    guid = CharField(db_column="objectGUID")
    uid = CharField(db_column="uid")
    account = CharField(db_column="sAMAccountName")
    mail = CharField(db_column="mail")
    given_name = CharField(db_column="givenName")
    family_name = CharField(db_column="sn")
    department = CharField(db_column="department")
    title = CharField(db_column="title")
    place = CharField(db_column="l")
    member_of = ListField(db_column="memberOf")
    control = CharField(db_column="userAccountControl")
    locked = CharField(db_column="nsAccountLock")
    locked_at = CharField(db_column="pwdAccountLockedTime")

    @property
    def is_disabled(self) -> bool:
        fields = {
            "useraccountcontrol": self.control,
            "nsaccountlock": self.locked,
            "pwdaccountlockedtime": self.locked_at,
        }
        attributes = {name: [str(value).encode()] for name, value in fields.items() if value != ""}
        status = entry.status_of(entry.Entry(self.dn, attributes), timezone.now())
        return status == AccountStatus.DISABLED

    class Meta:
        managed = False
        app_label = "directory"


class DirectoryGroup(Entry):
    """A group. Its object class differs between OpenLDAP and Active Directory."""

    object_classes: ClassVar = ["groupOfNames"]
    entry_uuid = CharField(db_column="entryUUID")
    guid = CharField(db_column="objectGUID")
    sid = SidField(db_column="objectSid")
    entry_dn = CharField(db_column="entryDN")
    members = ListField(db_column="member")

    @property
    def relative_id(self) -> int | None:
        attributes = {"objectsid": [bytes.fromhex(str(self.sid))]} if self.sid != "" else {}
        return entry.Entry(self.dn, attributes).relative_id

    class Meta:
        managed = False
        app_label = "directory"


class ActiveDirectoryGroup(DirectoryGroup):
    object_classes: ClassVar = ["group"]

    class Meta:
        managed = False
        app_label = "directory"
        proxy = True

"""The entries of a directory as models of django-ldapdb. They have no tables."""

from typing import Any, ClassVar

from provisioning.directory.backend import importable
from provisioning.ldap import entry

CharField, ListField = importable.fields.CharField, importable.fields.ListField

from ldapdb.models import Model  # noqa: E402  importable from here on


class Entry(Model):
    """What people and groups of every directory have; the base DN is the connection's."""

    base_dn = ""
    cn = CharField(db_column="cn")
    display_name = CharField(db_column="displayName")

    class Meta:
        abstract = True


class GuidField(CharField):  # type: ignore[misc, valid-type]
    """An id of Active Directory's, which is binary."""

    def from_ldap(self, value: list[bytes], connection: Any) -> str:
        return entry.readable(self.db_column, value[0]) if value else ""


class DirectoryUser(Entry):
    """A person entry; OpenLDAP and Active Directory share this object class."""

    object_classes: ClassVar = ["person"]
    entry_uuid = CharField(db_column="entryUUID")
    guid = GuidField(db_column="objectGUID")
    uid = CharField(db_column="uid")
    account = CharField(db_column="sAMAccountName")
    mail = CharField(db_column="mail")
    given_name = CharField(db_column="givenName")
    family_name = CharField(db_column="sn")
    department = CharField(db_column="department")
    title = CharField(db_column="title")
    place = CharField(db_column="l")
    member_of = ListField(db_column="memberOf")

    class Meta:
        managed = False
        app_label = "directory"


class DirectoryGroup(Entry):
    """A group; what it is called is in its class."""

    object_classes: ClassVar = ["groupOfNames"]
    entry_uuid = CharField(db_column="entryUUID")
    guid = GuidField(db_column="objectGUID")
    members = ListField(db_column="member")

    class Meta:
        managed = False
        app_label = "directory"


class ActiveDirectoryGroup(DirectoryGroup):
    object_classes: ClassVar = ["group"]

    class Meta:
        managed = False
        app_label = "directory"
        proxy = True

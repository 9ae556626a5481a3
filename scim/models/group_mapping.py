from typing import ClassVar

from django.db import models

from people.models.group_mappings import AbstractGroupMapping, mapping_constraints
from scim.models.connection import Connection
from scim.models.groups import ScimGroup


class GroupMapping(AbstractGroupMapping):
    """Grants the members of a group of the connection a role: a base role or a custom one."""

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="group_mappings"
    )
    group = models.ForeignKey(ScimGroup, on_delete=models.PROTECT, related_name="mappings")

    class Meta(AbstractGroupMapping.Meta):
        constraints: ClassVar = mapping_constraints("scim_mapping", "group")

    @property
    def group_source(self) -> Connection:
        return self.connection

    @property
    def group_key(self) -> int:
        return self.group_id

    @property
    def group_title(self) -> str:
        return str(self.group)

"""What identity providers told us, and how they may speak to us."""

from scim.models.connection import Connection, Token
from scim.models.journal import RequestLog, SyncError
from scim.models.paging import PageAnchor
from scim.models.resources import ScimGroup, ScimMembership, ScimUser, ScimValue

__all__ = [
    "Connection",
    "PageAnchor",
    "RequestLog",
    "ScimGroup",
    "ScimMembership",
    "ScimUser",
    "ScimValue",
    "SyncError",
    "Token",
]

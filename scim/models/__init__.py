"""The models of SCIM: resources, connections, tokens, the request log and sync errors."""

from scim.models.connection import Connection, Token
from scim.models.former_names import FormerName
from scim.models.group_mapping import GroupMapping
from scim.models.heartbeat import Watch
from scim.models.match_choice import AdoptionChoice
from scim.models.paging import PageAnchor
from scim.models.request_log import RequestLog, SyncError
from scim.models.resources import ScimGroup, ScimMembership, ScimUser, ScimValue
from scim.models.same_person import SamePersonQuestion
from scim.models.self_test import SelfTest

__all__ = [
    "AdoptionChoice",
    "Connection",
    "FormerName",
    "GroupMapping",
    "PageAnchor",
    "RequestLog",
    "SamePersonQuestion",
    "ScimGroup",
    "ScimMembership",
    "ScimUser",
    "ScimValue",
    "SelfTest",
    "SyncError",
    "Token",
    "Watch",
]

"""The models of SCIM: resources, connections, tokens, the request log and sync errors."""

from scim.models.async_request import AsyncRequest, AsyncResult
from scim.models.connection import Connection, Token
from scim.models.former_names import FormerName
from scim.models.group_mapping import GroupMapping
from scim.models.groups import ScimGroup, ScimMembership, ScimSubgroup, ScimWaitingMember
from scim.models.heartbeat import SyncHeartbeat
from scim.models.match_choice import MatchDecision
from scim.models.paging import PaginationAnchor
from scim.models.request_log import RequestLog, SyncError
from scim.models.resources import ScimUser, ScimUserElement
from scim.models.same_person import SamePersonQuestion
from scim.models.self_test import SelfTest
from scim.models.setup_link import SetupLink
from scim.models.user_count import UserCount

__all__ = [
    "AsyncRequest",
    "AsyncResult",
    "Connection",
    "FormerName",
    "GroupMapping",
    "MatchDecision",
    "PaginationAnchor",
    "RequestLog",
    "SamePersonQuestion",
    "ScimGroup",
    "ScimMembership",
    "ScimSubgroup",
    "ScimUser",
    "ScimUserElement",
    "ScimWaitingMember",
    "SelfTest",
    "SetupLink",
    "SyncError",
    "SyncHeartbeat",
    "Token",
    "UserCount",
]

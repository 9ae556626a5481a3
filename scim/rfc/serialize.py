"""Serialize stored documents for responses.

A document is stored without id, meta, groups and members. They are inserted as text before its
closing brace, so that memberships and the base URL are always current. A document is parsed only
if the request asks for some of its attributes.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

# `normalize.link_manager` writes such references. Inside a string the quotes would be escaped,
# so this is found only where it really is a member.
_RELATIVE = '"$ref":"/Users/'


@dataclass(frozen=True, slots=True)
class StoredResource:
    """A resource as stored; `document` is the JSON text."""

    scim_id: UUID | str
    document: str
    version: int
    # `fast_queries` lets the database format timestamps.
    created_at: datetime | str
    modified_at: datetime | str


def json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


def json_bytes(value: Any) -> bytes:
    # An error may repeat a refused value that contains half a surrogate pair, which UTF-8 lacks.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def etag(version: int) -> str:
    return f'W/"{version}"'


def location(endpoint: str, scim_id: UUID | str, base_url: str) -> str:
    return f"{base_url}{endpoint}/{scim_id}"


def user(
    stored: StoredResource, base_url: str, groups: Iterable[tuple[UUID | str, str, str]] = ()
) -> str:
    """Return the text of a User; `groups` are ids, names, and “direct” or “indirect”."""
    memberships = ",".join(
        f'{{"value":"{group_id}","$ref":"{base_url}/Groups/{group_id}",'
        f'"display":{json_text(name)},"type":"{kind}"}}'
        for group_id, name, kind in groups
    )
    members = f'"groups":[{memberships}],' if memberships else ""
    return _resource(stored, "User", base_url, members)


def group(
    stored: StoredResource, base_url: str, members_of_it: Iterable[tuple[str, UUID | str]] = ()
) -> str:
    """Return the text of a Group; its members are pairs of “User” or “Group” and an id."""
    elements = ",".join(
        f'{{"value":"{member_id}","$ref":"{base_url}/{kind}s/{member_id}","type":"{kind}"}}'
        for kind, member_id in members_of_it
    )
    members = f'"members":[{elements}],' if elements else ""
    return _resource(stored, "Group", base_url, members)


def list_response(
    resources: Iterable[str], *, total: int, start_index: int | None = None, **more: Any
) -> str:
    """Return the text of a ListResponse (RFC 7644 section 3.4.2); `more` are its cursors."""
    texts = list(resources)
    head: dict[str, Any] = {"schemas": [LIST], "totalResults": total, "itemsPerPage": len(texts)}
    if start_index is not None:
        head["startIndex"] = start_index
    head |= more
    return f'{json_text(head)[:-1]},"Resources":[{",".join(texts)}]}}'


def _resource(stored: StoredResource, kind: str, base_url: str, members: str) -> str:
    text, scim_id = stored.document, str(stored.scim_id)
    if _RELATIVE in text:
        text = text.replace(_RELATIVE, f'"$ref":"{base_url}/Users/')
    return (
        f'{text[: text.rindex("}")]},"id":"{scim_id}",{members}'
        f'"meta":{{"resourceType":"{kind}","created":"{_moment(stored.created_at)}",'
        f'"lastModified":"{_moment(stored.modified_at)}",'
        f'"location":"{base_url}/{kind}s/{scim_id}","version":"W/\\"{stored.version}\\""}}}}'
    )


def _moment(moment: datetime | str) -> str:
    if isinstance(moment, str):
        return moment
    # The same format as in `fast_queries`, so that both ways give the same bytes.
    return f"{moment.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z"

"""Explain a stored request: the values that were ignored, and the dialects that were understood."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from django.db.models import Count
from scim2_models import SCIMException

from scim.api import group_members
from scim.api.request import accepts_only_plain_json
from scim.models import RequestLog, ScimGroup, ScimSubgroup, ScimWaitingMember
from scim.rfc import notes, patch, patch_operations
from scim.rfc.attributes import EMAILS, GROUP_NAME, USER_NAME
from scim.rfc.normalize import normalize
from scim.rfc.notes import Note
from scim.rfc.resource_types import GROUP, USER
from scim.rfc.schema import ResourceType
from scim.rfc.strict_json import Json
from scim.sync.attribute_mapping import profile_of

# More than a connection usually has; the page must not read all of them.
MAX_ROWS = 1_000
# In place of a required attribute that a PATCH does not change.
UNTOUCHED = "x"


def explain(
    method: str,
    path: str,
    body: str,
    *,
    mapping: Mapping[str, str] | None = None,
    stored: Json | None = None,
) -> list[Note]:
    """Read the body of a stored request once more, and return the notes about it.

    There are none for a body that was cut off or cannot be read, and for other requests. The
    notes about a bulk request are those about its operations. With the mapping of the
    connection, they include how the values of a person were read.

    :param stored: the user of the request as it is stored now. How the values of a person are read
        depends on all of them, of which a PATCH contains only some.
    """
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(sent, dict):
        return []
    with notes.collecting() as collected:
        for one_method, one_path, one_sent in _requests(method, path, sent):
            document = _read(one_method, one_path, one_sent)
            if document is not None and USER_NAME.name in document and mapping is not None:
                is_part = one_method == "PATCH" and stored is not None
                profile_of(_completed(document, stored or {}) if is_part else document, mapping)
    return collected


def explain_request(log: RequestLog) -> list[Note]:
    """Return the notes about a request, its headers, and the members that still wait."""
    stored = json.loads(log.user.rendered) if log.user else None
    found = explain(log.method, log.path, log.body, mapping=log.connection.mapping, stored=stored)
    if accepts_only_plain_json(log.headers.get("Accept", "")):
        text = "“Accept: application/json”, answered with that media type"
        found.append(Note(f"{notes.UNDERSTOOD}{text}", "OneLogin"))
    return found + (_group_notes(log) if log.path.startswith(GROUP.endpoint) else [])


def _requests(method: str, path: str, sent: Json) -> Iterator[tuple[str, str, Any]]:
    if not path.startswith("/Bulk"):
        yield method, path, sent
        return
    operations = next((one for key, one in sent.items() if key.lower() == "operations"), None)
    for one in operations if isinstance(operations, list) else ():
        if isinstance(one, dict):
            yield str(one.get("method", "")).upper(), str(one.get("path", "")), one.get("data")


def _read(method: str, path: str, sent: Any) -> Json | None:
    """Read a body for its notes; return the document, or the part of one that a PATCH sets."""
    resource = next((one for one in (USER, GROUP) if path.startswith(one.endpoint)), None)
    if resource is None or not isinstance(sent, dict):
        return None
    # What was refused is told by the answer.
    with suppress(SCIMException):
        if method == "PATCH":
            return _read_patch(sent, resource)
        if method in ("POST", "PUT"):
            has_members = resource is USER or group_members.members_of(sent) is not None
            if method == "PUT" and not has_members:
                notes.understood("a PUT without members as one that leaves them", "Rippling")
            return normalize(sent, resource)
    return None


def _read_patch(sent: Json, resource: ResourceType) -> Json:
    operations = patch_operations.read_operations(sent, resource)
    if resource is GROUP:
        operations = [*group_members.change(operations).operations]
    # The values are read as they are set, in a resource that has nothing else. An operation may
    # need a value that only the stored resource has; this says nothing about the others.
    document: Json = {USER_NAME.name: UNTOUCHED, GROUP_NAME.name: UNTOUCHED, "schemas": []}
    for operation in operations:
        with suppress(SCIMException):
            document = patch.apply(document, [operation], resource, is_stored=False)
    return document


def _completed(part: Json, stored: Json) -> Json:
    """Return the attributes that a PATCH sets with all of their stored values.

    The addresses come with them: they decide whether a userName is read as one.
    """
    is_renamed = part[USER_NAME.name] != UNTOUCHED
    whole = {name: stored.get(name, value) for name, value in part.items()}
    emails = {EMAILS.name: stored[EMAILS.name]} if EMAILS.name in stored else {}
    return emails | whole | ({} if is_renamed else {USER_NAME.name: UNTOUCHED})


def _group_notes(log: RequestLog) -> list[Note]:
    """Return notes about the members in the body as they are now, and the name of the group."""
    waiting = ScimWaitingMember.objects.filter(group__connection=log.connection)
    nested = ScimSubgroup.objects.filter(group__connection=log.connection)
    named = ScimGroup.objects.known_to(log.connection).values_list("scim_display_name")
    meanings = [
        (waiting.values_list("value"), "as a member who joins on arrival", "Okta, Entra"),
        (nested.values_list("member__scim_id"), "as a group that is a member", "Entra"),
        (
            named.annotate(groups=Count("pk")).filter(groups__gt=1),
            "as one of several groups with this name",
            "Entra, Okta",
        ),
    ]
    return [
        Note(f"{notes.UNDERSTOOD}“{value}” {text}", provider)
        for rows, text, provider in meanings
        for value in sorted({str(row[0]) for row in rows[:MAX_ROWS]})
        if json.dumps(value, ensure_ascii=False) in log.body
    ]

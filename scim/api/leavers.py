"""Leavers first: a deactivation takes effect even if the rest of its request is refused.

The request was refused as a whole, and nothing of it is stored. This module deactivates the user
first. Then it applies the parts of the rest that are accepted, lists the refused parts as sync
errors, and answers with success. Only the rules about the last Owner and the last administrator
may refuse it. docs/adr/0005-leavers-first.md gives the reasons.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from scim2_models import (
    PreconditionFailedException,
    SCIMException,
    UnauthorizedException,
)

from people import events, tenancy
from people.operations import locks, people
from people.operations.roles.base_roles import LastAdministrator, LastOwner
from scim.api import errors, request_log, responses, users
from scim.api.errors import Refusal
from scim.api.request import ScimRequest, Unavailable, scim_response
from scim.models import ScimUser
from scim.rfc import activity, patch, patch_operations
from scim.rfc.attributes import ACTIVE, ROLES
from scim.rfc.resource_types import USER
from scim.rfc.serialize import json_text
from scim.rfc.strict_json import Json
from scim.sync import sync_errors

# The rest is tried in ever smaller parts. A request with thousands of invalid values must not
# keep the user locked for minutes.
MAX_ATTEMPTS = 60
# Errors that also refuse a deactivation.
FINAL = (LastOwner, LastAdministrator, UnauthorizedException, Unavailable)
# Attributes that a PUT does not remove by omitting them, see `normalize.replacement`.
KEPT_BY_PUT = {"schemas", "username", ACTIVE.name, ROLES.name}
# A part of a request that is accepted or refused as a whole, as operations of a PATCH.
Operations = list[Json]
# The error of a refused part, with the values that it sent for the sync error.
Refused = tuple[Refusal, dict[str, str]]


def deactivates_user(request: ScimRequest, refusal: Refusal) -> bool:
    """Tell whether the refused request deactivates a user."""
    if not request.changes_user or isinstance(refusal, FINAL):
        return False
    try:
        request.check_size()
        return activity.says_inactive(request.method, request.lenient_document())
    except SCIMException:
        # The body is too large to be read.
        return False


def deactivate(request: ScimRequest, refusal: Refusal) -> HttpResponse:
    """Deactivate the user of the refused request, and apply the accepted parts of the rest.

    :raises LastOwner, LastAdministrator: if the person may not be deactivated.
    :raises NotFoundException: if the connection has no such user.
    """
    # An outdated version of the resource does not make the deactivation wrong.
    request.if_match = None
    scim_id = request.path.removeprefix("Users/")
    with (
        events.caused_by(request.request_id, request.interface, request.ip),
        tenancy.use(request.connection.tenant_id),
        transaction.atomic(),
    ):
        if request.method == "DELETE":
            response = users.delete(request, scim_id)
        else:
            response = _deactivate_and_apply_rest(request, scim_id, refusal)
        request_log.record(request, response)
    return response


def _deactivate_and_apply_rest(
    request: ScimRequest, scim_id: str, refusal: Refusal
) -> HttpResponse:
    user = users.lock(request, scim_id)
    _deactivate_user(request, user)
    refused = _apply_rest(request, user, refusal)
    user = users.lock(request, scim_id)
    for error, raw_values in {sync_errors.reason_of(one[0]): one for one in refused}.values():
        request.partial_errors.append(error)
        subject = replace(request.subject, raw_values=raw_values)
        sync_errors.record(request.connection, subject, error, request_id=request.request_id)
    if refused:
        user.has_errors = True
        user.save(update_fields=["has_errors"])
    try:
        return responses.respond_stored(request, USER, user)
    except SCIMException:
        # The `attributes` parameter is not valid, and the deactivation must still succeed.
        return scim_response(status=204)


def _deactivate_user(request: ScimRequest, user: ScimUser) -> None:
    """Deactivate the resource and its person, and nothing else."""
    if not user.active:
        return
    if user.person_id and request.connection.is_live:
        person = locks.lock_person(user.person_id)
        people.deactivate_person(person, actor=request.connection.actor)
    user.active, user.document = False, user.document | {ACTIVE.name: False}
    user.rendered = json_text(user.document)
    user.version, user.modified_at = user.version + 1, request.received_at
    names = ("active", "document", "rendered", "version", "modified_at")
    user.save(update_fields=names)


def _apply_rest(request: ScimRequest, user: ScimUser, refusal: Refusal) -> list[Refused]:
    """Apply the rest of the request, and return the refused parts.

    Nothing is applied if the body is not valid JSON, or if the client changes an outdated
    version of the resource.
    """
    try:
        parts = _parts(request, user.document)
    except SCIMException:
        return [(refusal, {})]
    if isinstance(refusal, PreconditionFailedException):
        return [(refusal, {})] if parts else []
    rest = _Rest(request, str(user.scim_id))
    rest.apply(parts, user.document)
    return rest.refused


class _Rest:
    """Applies the parts of the request that are accepted, and collects the errors of the others."""

    def __init__(self, request: ScimRequest, scim_id: str) -> None:
        self.request, self.scim_id = request, scim_id
        self.attempts = 0
        self.refused: list[Refused] = []

    def apply(self, parts: Iterable[Operations], stored: Json) -> None:
        """Apply the parts that are readable and change something."""
        readable: list[Operations] = []
        draft = stored
        for part in parts:
            try:
                document = _patched(draft, part)
            except SCIMException as error:
                self.refused.append((error, {}))
                continue
            if document != draft:
                draft = document
                readable.append(part)
        if readable:
            self._apply(readable)

    def _apply(self, parts: list[Operations]) -> None:
        """Apply the parts together; if that is refused, apply each half on its own."""
        self.attempts += 1
        self.request.subject.raw_values = {}
        try:
            with transaction.atomic():
                self._store(parts)
        except Exception as error:
            # Any exception, because nothing may undo the deactivation; the last part records it.
            half = len(parts) // 2
            if half and self.attempts < MAX_ATTEMPTS:
                self._apply(parts[:half])
                self._apply(parts[half:])
            else:
                refusal = errors.refusal_for(self.request, error)
                self.refused.append((refusal, self.request.subject.raw_values))

    def _store(self, parts: list[Operations]) -> None:
        user = users.lock(self.request, self.scim_id)
        document = _patched(user.document, *parts)
        users.store(self.request, user, document, before=user.document)


def _patched(document: Json, *parts: Operations) -> Json:
    body = {"Operations": [operation for part in parts for operation in part]}
    changed = patch.apply(document, patch_operations.read_operations(body, USER), USER)
    return changed | {ACTIVE.name: False}


def _parts(request: ScimRequest, stored: Json) -> list[Operations]:
    """Split the request, except its `active`, into parts that can be applied separately.

    :raises SCIMException: if the body is not valid.
    """
    sent = request.document
    if request.method == "PUT":
        return [*_removals(sent, stored), *_parts_of_object("replace", sent, is_put=True)]
    parts: list[Operations] = []
    for one in activity.operations_of(sent):
        path, value = one.get("path"), one.get("value")
        if path in (None, "") and isinstance(value, dict):
            parts += _parts_of_object(one.get("op"), value)
        elif not (isinstance(path, str) and activity.is_active(path)):
            parts.append([one])
    return parts


def _parts_of_object(op: Any, sent: Json, *, is_put: bool = False) -> Iterator[Operations]:
    """Yield one part for each attribute, including each attribute of an extension."""
    for name, value in sent.items():
        attribute = USER.attribute(name)
        if activity.is_active(name) or (is_put and attribute is ROLES and value is None):
            continue
        if activity.is_core(name) and isinstance(value, dict):
            yield from _parts_of_object(op, value, is_put=is_put)
        elif USER.extension(name) and isinstance(value, dict):
            for inner, one in value.items():
                yield [{"op": op, "value": {name: {inner: one}}}]
        else:
            part: Operations = [{"op": op, "value": {name: value}}]
            if is_put and attribute and attribute.kind == "complex" and attribute.is_written:
                # A PUT replaces the whole attribute, and a PATCH would keep its sub-attributes.
                part.insert(0, {"op": "remove", "path": name})
            yield part


def _removals(sent: Json, stored: Json) -> Iterator[Operations]:
    """Yield one part for each attribute that a PUT omits and therefore removes."""
    mentioned = set(_attribute_paths(sent))
    for place in _attribute_paths(stored):
        if place not in mentioned and place not in KEPT_BY_PUT:
            yield [{"op": "remove", "path": place}]


def _attribute_paths(document: Json) -> Iterator[str]:
    """Yield the paths of the attributes of the document, in lower case."""
    for name, value in document.items():
        schema, attribute = USER.misplaced_names.get(name.lower(), (USER.extension(name), None))
        if schema and attribute:
            yield f"{schema.urn}:{attribute.name}".lower()
        elif schema and isinstance(value, dict):
            yield from (f"{schema.urn}:{inner}".lower() for inner in value)
        else:
            yield name.lower()

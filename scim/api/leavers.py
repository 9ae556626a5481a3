"""Leavers first: a deactivation takes place whatever else in its request is refused.

The request was refused as a whole, and nothing of it is stored. Here the user is deactivated
before anything else. Then as much of the rest as is accepted is applied, and what is refused
is listed as sync errors, while the answer is a success. Only the rule about the last owner
and the last administrator may refuse it.
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
from scim.rfc import activity, dialects, patch
from scim.rfc.attributes import ACTIVE, ROLES, USER
from scim.rfc.serialize import json_text
from scim.rfc.strict_json import Json
from scim.sync import sync_errors

# So often the rest is tried, in ever smaller parts; a request of thousands of bad values must
# not hold the user for minutes.
MOST_ATTEMPTS = 60
# Errors that are not about the rest of the request, or that apply to every request.
FINAL = (LastOwner, LastAdministrator, UnauthorizedException, Unavailable)
# What a PUT does not remove by leaving it out.
KEPT_BY_PUT = {"schemas", "username", ACTIVE.name, ROLES.name}
# A part of a request that is accepted or refused as one, as operations of a PATCH.
Operations = list[Json]
# A refusal of a part, with what the request says there.
Refused = tuple[Refusal, dict[str, str]]


def deactivates_user(request: ScimRequest, refusal: Refusal) -> bool:
    """Tell whether the refused request deactivates a user."""
    if not request.changes_user or isinstance(refusal, FINAL):
        return False
    try:
        request.check_size()
        return activity.says_inactive(request.method, request.lenient_document())
    except SCIMException:
        return False


def deactivate(request: ScimRequest, refusal: Refusal) -> HttpResponse:
    """Deactivate the user of the refused request, and apply what else is accepted of it.

    :raises LastOwner, LastAdministrator: if the person may not leave.
    :raises NotFoundException: if the connection has no such user.
    """
    # A client that has not seen the latest version of the user knows that they have left.
    request.if_match = None
    scim_id = request.path.removeprefix("Users/")
    with (
        events.caused_by(request.request_id),
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
        # The attributes that it asks to be shown cannot be read.
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
    """Apply what the request says besides, and return what of it is refused.

    Of a body that cannot be trusted, or of a client that has not seen the latest version,
    nothing is applied.
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
    """The rest of the request, applied where it is accepted."""

    def __init__(self, request: ScimRequest, scim_id: str) -> None:
        self.request, self.scim_id = request, scim_id
        self.attempts = 0
        self.refused: list[Refused] = []

    def apply(self, parts: Iterable[Operations], stored: Json) -> None:
        """Apply what can be read and changes anything."""
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
        """Apply the parts together; if that is refused, first one half and then the other."""
        self.attempts += 1
        self.request.subject.raw_values = {}
        try:
            with transaction.atomic():
                self._store(parts)
        except Exception as error:
            half = len(parts) // 2
            if half and self.attempts < MOST_ATTEMPTS:
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
    changed = patch.apply(document, dialects.operations(body, USER), USER)
    return changed | {ACTIVE.name: False}


def _parts(request: ScimRequest, stored: Json) -> list[Operations]:
    """Split what the request says besides into parts that stand by themselves.

    :raises SCIMException: if the body cannot be trusted.
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
    """Yield one part for each attribute, also for each of an extension."""
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
                # A PUT keeps no part of what was there.
                part.insert(0, {"op": "remove", "path": name})
            yield part


def _removals(sent: Json, stored: Json) -> Iterator[Operations]:
    """Yield one part for each attribute that a PUT leaves out, and so removes."""
    mentioned = set(_attribute_paths(sent))
    for place in _attribute_paths(stored):
        if place not in mentioned and place not in KEPT_BY_PUT:
            yield [{"op": "remove", "path": place}]


def _attribute_paths(document: Json) -> Iterator[str]:
    """Yield the paths of the attributes that a document has, lowered."""
    for name, value in document.items():
        schema, attribute = USER.elsewhere.get(name.lower(), (USER.extension(name), None))
        if schema and attribute:
            yield f"{schema.urn}:{attribute.name}".lower()
        elif schema and isinstance(value, dict):
            yield from (f"{schema.urn}:{inner}".lower() for inner in value)
        else:
            yield name.lower()

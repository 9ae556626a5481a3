"""Retry a refused request, after its cause was corrected.

A refused request is processed again as it was stored. If the request was accepted and only the
person could not be updated, the stored resource is processed as a PUT.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from people.models import Event, Person
from people.operations import person_fields
from people.values import Actor, PeopleError
from scim.api import dispatch
from scim.api.request import ScimRequest
from scim.models import Connection, RequestLog, ScimUser, SyncError
from scim.sync import sync_errors


class NoLongerConnected(PeopleError):
    code = "no-longer-connected"

    def __init__(self, connection: Connection) -> None:
        super().__init__(
            f"{connection} is not connected to Ramp, so its requests cannot be retried. Dismiss "
            "the error, or reconnect it."
        )


class RequestNotKept(PeopleError):
    code = "request-not-kept"

    def __init__(self, connection: Connection) -> None:
        super().__init__(
            "The request is no longer stored, or was too long to be stored completely. Have "
            f"{connection} send it again."
        )


@dataclass(frozen=True)
class RetryResult:
    """The result of the retry; `refused_because` is blank if it was accepted."""

    request_id: str
    refused_because: str


@dataclass(frozen=True)
class RetryPreview:
    """The changes that a retry would make to the person, as in an event."""

    result: RetryResult
    changes: dict[str, dict[str, str | None]]


@transaction.atomic
def retry(error: SyncError, *, actor: Actor, may_link: bool = False) -> RetryResult:
    """Process the request of the sync error again.

    :raises NoLongerConnected: if its connection is not live.
    :raises RequestNotKept: if the request is no longer stored, or not stored completely.
    """
    log = _request_to_retry(error)
    if error.user_id:
        # The stored resource must not change between reading it here and writing it.
        list(ScimUser.objects.filter(pk=error.user_id).select_for_update(of=("self",)))
    request = ScimRequest.from_log(log, retried_by=actor, may_link=may_link)
    response = dispatch.dispatch(request)
    if response.status_code >= 400:
        detail = json.loads(response.content)["detail"]
    else:
        # A deactivation is accepted even if the rest of its request is refused again.
        detail = " ".join(sync_errors.message_of(one) for one in request.partial_errors)
    return RetryResult(request_id=str(request.request_id), refused_because=detail)


@transaction.atomic
def preview_retry(
    error: SyncError, person_id: UUID | None, *, actor: Actor, may_link: bool = False
) -> RetryPreview:
    """Return what `retry` would change of the person, and roll back.

    :raises NoLongerConnected, RequestNotKept: as `retry`.
    """
    before = _snapshot(person_id)
    result = retry(error, actor=actor, may_link=may_link)
    after = _snapshot(person_id)
    transaction.set_rollback(True)
    changes = {
        name: {"from": before.get(name), "to": after.get(name)}
        for name in before | after
        if before.get(name) != after.get(name)
    }
    return RetryPreview(result, changes)


def may_retry(error: SyncError) -> bool:
    """Tell whether there is a request or a resource to retry; `retry` checks if it is complete."""
    if not error.connection.is_live or error.resource_type == SyncError.Kind.BULK:
        return False
    is_refused = error.request is not None and error.request.status >= 400
    return is_refused or (error.user is not None and error.user.deleted_at is None)


def has_changed_since(error: SyncError) -> bool:
    """Tell whether the person has been changed since the request by anything else."""
    if error.person_id is None:
        return False
    since = error.request.received_at if error.request else error.happened_at
    events = Event.objects.filter(person=error.person_id, happened_at__gt=since)
    if error.request_id:
        events = events.exclude(request_id=error.request_id)
    return bool(events.exclude(changes={}).exists())


def _request_to_retry(error: SyncError) -> RequestLog:
    connection, request, user = error.connection, error.request, error.user
    if not connection.is_live:
        raise NoLongerConnected(connection)
    # An accepted request with an answer deactivated somebody, and a part of it was refused.
    if request and (request.status >= 400 or request.answer):
        # The log stores at most MAX_BODY_LENGTH characters, and a cut body is not valid JSON.
        with suppress(ValueError):
            if not request.body or json.loads(request.body):
                return request
    elif user and not user.deleted_at:
        path = f"/Users/{user.scim_id}"
        return RequestLog(connection=connection, method="PUT", path=path, body=user.rendered)
    raise RequestNotKept(connection)


def _snapshot(person_id: UUID | None) -> dict[str, str]:
    person = Person.objects.filter(pk=person_id).first()
    return person_fields.snapshot(person) if person else {}

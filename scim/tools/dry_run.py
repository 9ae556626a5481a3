"""Dry run: process a request as the API would, and roll everything back.

Nothing else could be trusted to say the same as the real request. The transaction around it
is always rolled back, and with it the row in the request log, events, mails, sync errors and
locks; a dispatcher that would be woken on commit is not. No token is used, so none is noted.
"""

from collections.abc import Callable
from typing import TypeVar

from django.db import transaction
from django.http import HttpResponse

from people import events, tenancy
from people.values import Actor
from scim.api import dispatch
from scim.api.request import ScimRequest
from scim.models import Connection, RequestLog
from scim.sync import group_roles

Seen = TypeVar("Seen")


def dry_run(
    connection: Connection,
    *,
    method: str,
    path: str,
    body: str,
    actor: Actor,
    look: Callable[[ScimRequest], Seen],
) -> tuple[HttpResponse, Seen]:
    """Return the answer, and what `look` saw before everything was undone.

    What `look` returns must not ask the database again.
    """
    sent = RequestLog(connection=connection, method=method, path=path, body=body)
    request = ScimRequest.from_log(sent, retried_by=actor)
    with transaction.atomic():
        # Locked before the people of the request, in the same order as the role sync.
        group_roles.hold_following(connection)
        response = dispatch.dispatch(request)
        with events.caused_by(request.request_id), tenancy.use(connection.tenant_id):
            # A worker does that for a real one, soon after.
            group_roles.sync_roles_of(connection)
        seen = look(request)
        transaction.set_rollback(True)
    return response, seen

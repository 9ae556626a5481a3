"""Dry run: process a request as the API would, and roll everything back.

Only the real code path is sure to give the same result as the real request. The transaction
around it is always rolled back, including the request log, events, mails and sync errors, so
nothing that runs on commit runs. No token is used, so no use of a token is recorded.
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

Result = TypeVar("Result")


def dry_run(
    connection: Connection,
    *,
    method: str,
    path: str,
    body: str,
    actor: Actor,
    inspect: Callable[[ScimRequest], Result],
) -> tuple[HttpResponse, Result]:
    """Return the response, and the result of `inspect`, which is called before the rollback.

    The result must not contain lazy querysets: after the rollback they would find nothing.
    """
    sent = RequestLog(connection=connection, method=method, path=path, body=body)
    request = ScimRequest.from_log(sent, retried_by=actor)
    with transaction.atomic():
        # Locked before the people of the request, in the same order as the role sync.
        group_roles.lock_role_sync(connection)
        response = dispatch.dispatch(request)
        with events.caused_by(request.request_id), tenancy.use(connection.tenant_id):
            # After a real request, a worker does this.
            group_roles.sync_roles_of(connection)
        result = inspect(request)
        transaction.set_rollback(True)
    return response, result

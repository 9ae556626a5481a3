"""Processes asynchronous requests: bulk requests and changes of groups that a worker executes.

A worker takes the oldest request of a connection and executes its operations as the web process
would have: the same code, limits and refusals, each operation in its own transaction. The result
of an operation is stored in this transaction. So if the worker dies, the next one continues after
the last operation that was committed.
"""

import logging
import math
from datetime import datetime, timedelta
from time import monotonic
from typing import Final
from uuid import uuid5

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from scim2_models import SCIMException

from people import secrets, tenancy
from people.db import leases
from people.operations.signals.announcements import announce_completion
from people.secrets import SecretLost
from scim.api import async_requests, bulk
from scim.api.authentication import connection_of
from scim.api.dispatch import dispatch
from scim.api.request import ScimRequest, base_url, error_response, invalid_token_error
from scim.models import AsyncRequest, AsyncResult

# Longer than a job may run (CELERY_TASK_TIME_LIMIT).
LEASE: Final = timedelta(minutes=2)
UNAVAILABLE: Final = 503

log = logging.getLogger(__name__)


class RequestLost(SCIMException):
    status = 500
    _default_detail = "Ramp can no longer decrypt this request. Send it again."


def process_all(*, as_of: datetime) -> int:
    """Process all requests, and return how many were finished."""
    return process_batch(seconds=math.inf)[0]


def process_batch(*, seconds: float) -> tuple[int, bool]:
    """Process requests until the time is over.

    :returns: how many were finished, and whether no request is left that this process can take.
    """
    ends_at = monotonic() + seconds
    with tenancy.across_tenants():
        # The requests whose process on this machine died need not wait for the end of their lease.
        for held in AsyncRequest.objects.unfinished().exclude(held_by=""):
            if leases.is_dead(held.held_by):
                same = AsyncRequest.objects.filter(pk=held.pk, held_by=held.held_by)
                same.update(held_by="")
    finished = 0
    while stored := _claim():
        with tenancy.use(stored.tenant_id):
            is_finished = _serve(stored, ends_at)
        finished += is_finished
        if not is_finished or monotonic() >= ends_at:
            return finished, False
    return finished, True


def _serve(stored: AsyncRequest, ends_at: float) -> bool:
    """Continue the request, release it, and return whether it is finished."""
    try:
        is_finished = AsyncRun(stored).continue_until(ends_at)
    except SecretLost:
        # The keys that encrypted it are gone, so nobody can ever process it.
        _refuse(stored, RequestLost())
        is_finished = True
    except SCIMException as error:
        # It was valid when it arrived, but this version of Ramp refuses it.
        _refuse(stored, error)
        is_finished = True
    # If this process was frozen for minutes, another one may hold the lease by now.
    mine = AsyncRequest.objects.filter(pk=stored.pk, held_by=stored.held_by)
    if is_finished:
        mine.update(finished_at=timezone.now(), body="", held_by="")
    else:
        mine.update(held_by="")
    return is_finished


def _refuse(stored: AsyncRequest, error: SCIMException) -> None:
    log.error("The asynchronous request %s failed: %s", stored.pk, error.detail)
    result = bulk.result_of({"method": stored.method}, stored.path, error_response(error))
    # Some operations may have their result already.
    AsyncResult.objects.get_or_create(
        id=uuid5(stored.pk, "0"),
        defaults={
            "tenant_id": stored.tenant_id,
            "request": stored,
            "index": 0,
            "result": result,
        },
    )


class AsyncRun:
    """The work of one process on a request."""

    def __init__(self, stored: AsyncRequest) -> None:
        """Read the request, and what has been done of it.

        :raises SecretLost: if its body cannot be decrypted.
        """
        self.stored = stored
        http = HttpRequest()
        http.META = stored.headers | {"REMOTE_ADDR": stored.ip or ""}
        request = ScimRequest(http, stored.path, stored.method)
        request.connection, request.token_digest = stored.connection, stored.token_digest
        request.body = secrets.opened(
            stored.body, tenant_id=stored.tenant_id, field=async_requests.FIELD
        ).encode()
        if stored.is_bulk:
            operations, most_errors = bulk.read(request.document)
        else:
            # The change of a group, as if it were the only operation of a bulk request.
            version = {"version": stored.if_match} if stored.if_match else {}
            change = {"method": request.method, "path": request.path, "data": request.document}
            operations, most_errors = [change | version], 0
        self.run = bulk.BulkRun(request, operations, dispatch, most_errors)
        for one in stored.results.order_by("index"):
            self.run.note(one.index, one.result)

    def continue_until(self, ends_at: float) -> bool:
        """Execute operations; return False if the time was over or the database unavailable."""
        return all(self._execute(index) and monotonic() < ends_at for index in self.run.remaining())

    def _execute(self, index: int) -> bool:
        """Execute the operation; return False if the database was not available for it."""
        part = self.run.part(index)
        part.request_id = uuid5(self.stored.pk, str(index))
        part.txn = self.stored.txn_of(index)
        # The token may have been revoked, or the tenant suspended, since the last operation.
        if connection := connection_of(self.stored.token_digest):
            part.connection = connection
            part.on_response = lambda response: self._save(index, part, response)
            response = dispatch(part)
        else:
            response = error_response(invalid_token_error())
        if response.status_code == UNAVAILABLE:
            return False
        saved = AsyncResult.objects.filter(pk=part.request_id)
        if not saved.exists():
            # Refusals that are not logged, such as those of an invalid token.
            with transaction.atomic():
                self._save(index, part, response)
        self.run.note(index, saved.get().result)
        return True

    def _save(self, index: int, part: ScimRequest, response: HttpResponse) -> None:
        result = bulk.result_of(self.run.operations[index], part.path, response)
        AsyncResult.objects.create(
            id=part.request_id,
            tenant_id=self.stored.tenant_id,
            request=self.stored,
            index=index,
            result=result,
        )
        subject = result.get("location", f"/{part.path}").removeprefix(base_url())
        announce_completion(part.txn, subject, result)


@transaction.atomic
def _claim() -> AsyncRequest | None:
    """Claim the oldest request of a connection that has no earlier unfinished one."""
    now = timezone.now()
    with tenancy.across_tenants():
        held = AsyncRequest.objects.unfinished().filter(held_until__gt=now).exclude(held_by="")
        # The other worker processes stay free for mails and revocations, which may be urgent.
        if held.count() >= max(1, settings.WORKER_PROCESSES - 1):
            return None
        earlier = AsyncRequest.objects.unfinished().filter(
            connection=OuterRef("connection"), received_at__lt=OuterRef("received_at")
        )
        free = (
            AsyncRequest.objects.unfinished()
            .filter(Q(held_by="") | Q(held_until__lte=now))
            .exclude(Exists(earlier))
            .select_related("connection")
            .order_by("received_at", "pk")
        )
        stored: AsyncRequest | None = free.select_for_update(skip_locked=True, of=("self",)).first()
        if stored:
            stored.held_by, stored.held_until = leases.holder(), now + LEASE
            stored.save(update_fields=["held_by", "held_until"])
    return stored

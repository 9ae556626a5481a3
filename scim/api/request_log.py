"""What was asked and how it ended: a row for every write, and for everything refused.

A write's row is part of its transaction. A refusal is remembered after the rollback, with
a sync error when it was a write, so that Team updates can tell what to do.
"""

import json
import re
from collections.abc import Collection, Mapping
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from scim2_models import SCIMException, UnauthorizedException

from people import tenancy
from people.client_address import client_address
from people.db import unit_of_work
from people.db.batch_write import Write
from people.db.row_json import made
from people.models import Event, Person
from people.values import PeopleError, fold
from scim.api import refused_writes
from scim.api.rate_limits import TooManyRequests
from scim.api.request import Call, Subject, refusal
from scim.models import Connection, RequestLog, ScimGroup, ScimUser, SyncError
from scim.rfc import strict_json

LONGEST_BODY = 64 * 1024
MASK = "••••••"
SECRET = re.compile("password|token|secret", re.IGNORECASE)
UNREADABLE = f"{MASK} (It names a secret and is no JSON, so it was not kept.)"
# The fields of a person that a provider sent, with their values. With the key MISSING the
# request also decided which required fields are missing.
Said = Mapping[str, str | None]
MISSING = " missing"
NOTHING: Said = {}
HEADERS = ("HTTP_USER_AGENT", "HTTP_ACCEPT", "CONTENT_TYPE", "HTTP_IF_MATCH")


def remember(call: Call, response: HttpResponse) -> None:
    """Write the row of a request; callers hold the transaction and the tenant.

    The user that the request changed is stored with it, in the same statement.
    """
    row = made(
        RequestLog,
        id=call.request_id,
        tenant_id=call.connection.tenant_id,
        connection=call.connection,
        user=call.subject.user if call.subject.user and call.subject.user.pk else None,
        retried_by=call.retried_by,
        method=call.method,
        path=_without_question(call.address),
        headers=_headers(call),
        body=_masked(call.body),
        status=response.status_code,
        answer=_refusal_told(call, response),
        ip=client_address(call.request.META),
        received_at=call.received_at,
        milliseconds=round((monotonic() - call.began) * 1000),
    )
    unit_of_work.write(*([call.change] if call.change else []), Write(row))


def _refusal_told(call: Call, response: HttpResponse) -> str:
    """Return the answer if it is a refusal; or what of an accepted request was refused."""
    if call.refused:
        return refusal(call.refused[0]).content.decode()
    return response.content.decode() if response.status_code >= 400 else ""


def remember_refusal(
    call: Call, error: SCIMException | PeopleError, response: HttpResponse
) -> None:
    """Keep what was refused, if we know whose token asked."""
    if isinstance(error, UnauthorizedException | TooManyRequests):
        # Whoever is unknown, or asks too often, shall not fill the log as well.
        return
    try:
        tenant_id = call.connection.tenant_id
    except UnauthorizedException:
        return
    call.change = None
    with tenancy.use(tenant_id), transaction.atomic():
        is_listed = refused_writes.is_listed(call, response.status_code)
        # First of all, because the row of the request names the user too.
        subject = refused_writes.subject_of(call) if is_listed else call.subject
        remember(call, response)
        if is_listed:
            note_sync_error(call.connection, subject, error, request_id=call.request_id)
            refused_writes.mark(call, subject)


def note_sync_error(
    connection: Connection,
    about: Subject,
    error: SCIMException | PeopleError,
    *,
    request_id: UUID | None,
) -> SyncError:
    """List the problem, or count it again, until a good write of the resource resolves it.

    A problem that an administrator dismissed stays dismissed while the value is the same.
    The row of the request itself may come later in the same transaction.
    """
    now, user = timezone.now(), about.user
    field = (error.field or "") if isinstance(error, PeopleError) else ""
    name, value = refused_writes.key_of(about.user_name), about.said.get(field) or ""
    key = {
        "tenant_id": connection.tenant_id,
        "connection": connection,
        "resource_type": about.resource_type,
        "reason": refused_writes.reason_of(error),
        "resolved_at": None,
    }
    said = {
        "message": refused_writes.message_of(error),
        "user_name": about.user_name,
        "user": user,
        "group": about.group,
        "person": user.person if user else None,
        "field": field,
        "offending_value": value,
        "request_id": request_id,
        "happened_at": now,
    }
    again = said | {"times": F("times") + 1}
    # A user who was renamed may be listed under an earlier userName.
    is_about = Q(user_name_key=name) | Q(user=user, user__isnull=False)
    standing = SyncError.objects.filter(is_about, **key)
    decided = standing.filter(dismissed_at__isnull=False)
    for row in decided.order_by("-pk"):
        if row.message == refused_writes.message_of(error) and _is_same(row, value):
            SyncError.objects.filter(pk=row.pk).update(**again)
            return row
    # The value has changed, so what an administrator decided about the old one is over.
    decided.update(resolved_at=now)
    _rename(standing.filter(dismissed_at=None), name)
    problem, _ = SyncError.objects.update_or_create(
        **key, user_name_key=name, dismissed_at=None, defaults=again, create_defaults=said
    )
    return problem


def _is_same(row: SyncError, value: str) -> bool:
    """Tell whether the row is about this value; providers change the case of addresses."""
    return fold(row.offending_value) == fold(value)


def _rename(rows: QuerySet[SyncError], name: str) -> None:
    """Keep one of the rows, which list the same problem, and list it under the name."""
    by_name = sorted(rows, key=lambda row: row.user_name_key != name)
    for row in by_name[1:]:
        SyncError.objects.filter(pk=row.pk).update(resolved_at=timezone.now())
    for row in by_name[:1]:
        SyncError.objects.filter(pk=row.pk).update(user_name_key=name)


def resolve_sync_errors(
    user: ScimUser, *, except_for: Collection[str] = (), said: Said = NOTHING
) -> bool:
    """Clear the user's problems that a good write has shown to be over.

    A problem that an administrator dismissed is over only when the value has changed: when
    `said`, the fields that the provider sent, has another one.

    :returns: whether any problem is left, listed or dismissed.
    """
    # A resource that was renamed since may be listed under its old name, and a request that
    # could not be read under none.
    names = {user.user_name_key, refused_writes.key_of(user.scim_external_id), ""}
    named = Q(connection=user.connection_id, user_name_key__in=names)
    return _resolve(Q(user=user) | named, SyncError.Kind.USER, except_for, said)


def resolve_reason(user: ScimUser, reason: str) -> bool:
    """Clear the user's problem of one kind, dismissed or not; return whether others are left."""
    theirs = SyncError.objects.filter(user=user, resolved_at=None)
    theirs.filter(reason=reason).update(resolved_at=timezone.now())
    return theirs.exists()


def close_for_leaver(person: Person, event: Event) -> None:
    """Clear what was listed about a person before the event by which they left."""
    earlier = SyncError.objects.open().filter(person=person, happened_at__lt=event.happened_at)
    # What else the same request said and could not be done is news.
    if event.request_id:
        earlier = earlier.exclude(request=event.request_id)
    earlier.update(resolved_at=timezone.now())


def is_standing(user: ScimUser, error: PeopleError) -> bool:
    """Tell whether the problem is listed already, or was dismissed."""
    standing = SyncError.objects.filter(user=user, reason=error.code, resolved_at=None)
    return standing.exists()


def is_invited_anyway(user: ScimUser) -> bool:
    """Tell whether an administrator invited the person without the manager they wait for."""
    decided = SyncError.objects.filter(
        user=user, reason=SyncError.Reason.INVALID_MANAGER, resolved_at=None, is_invited_anyway=True
    )
    values = decided.values_list("offending_value", flat=True)
    return any(fold(value) == user.waiting_manager for value in values)


def resolve_group_errors(group: ScimGroup) -> bool:
    """Clear the group's problems after a good write; return whether a dismissed one is left."""
    names = {group.display_name_key, refused_writes.key_of(group.scim_external_id), ""}
    named = Q(connection=group.connection_id, user_name_key__in=names)
    return _resolve(Q(group=group) | named, SyncError.Kind.GROUP)


def resolve_bulk_errors(connection: Connection) -> bool:
    """Clear the problems of bulk requests that could not be read at all."""
    return _resolve(Q(connection=connection), SyncError.Kind.BULK)


def _resolve(about: Q, kind: str, except_for: Collection[str] = (), said: Said = NOTHING) -> bool:
    theirs = SyncError.objects.filter(about, resource_type=kind, resolved_at=None)
    over = [
        row.pk
        for row in theirs.exclude(reason__in=except_for)
        if row.dismissed_at is None or _is_over(row, said)
    ]
    SyncError.objects.filter(pk__in=over).update(resolved_at=timezone.now())
    return theirs.exists()


def _is_over(row: SyncError, said: Said) -> bool:
    """Tell whether the dismissed problem is about a value that the provider has replaced.

    A request that could not be read is about no field. Its message stands for its value.
    """
    if row.reason == SyncError.Reason.INCOMPLETE:
        return MISSING in said
    return row.field in said and not _is_same(row, said[row.field] or "")


def _headers(call: Call) -> dict[str, str]:
    meta = call.request.META
    return {
        name.removeprefix("HTTP_").replace("_", "-").title(): meta[name]
        for name in HEADERS
        if meta.get(name)
    }


def _masked(body: bytes) -> str:
    """Return the body as text that is safe to keep: no secrets, no NUL, not endless."""
    text = refused_writes.storable(body[: strict_json.LARGEST_BODY].decode("utf-8", "replace"))
    return masked(text)[:LONGEST_BODY]


def masked(text: str) -> str:
    """Return the JSON text with its secrets out of sight, wherever they stand in it."""
    if not SECRET.search(text):
        return text
    try:
        safe = json.dumps(_without_secrets(json.loads(text)), ensure_ascii=False)
    except (ValueError, RecursionError):
        return UNREADABLE
    # Half of a surrogate pair can be read from an escape, and could not be stored.
    return safe.encode("utf-8", "replace").decode()


def _without_secrets(value: Any) -> Any:
    match value:
        case dict():
            # A PATCH names what it sets beside the value: {"path": "password", "value": …}.
            named = {key: one for key, one in value.items() if key.lower() == "path"}
            hides = any(isinstance(one, str) and SECRET.search(one) for one in named.values())
            return {
                key: MASK
                if SECRET.search(key) or (hides and key.lower() == "value")
                else _without_secrets(one)
                for key, one in value.items()
            }
        case list():
            return [_without_secrets(one) for one in value]
        case _:
            return value


def _without_question(address: str) -> str:
    """Return the address; of one that asks for a secret, without what it asks."""
    path, _, question = address.partition("?")
    return f"{path}?{MASK}" if SECRET.search(question) else address

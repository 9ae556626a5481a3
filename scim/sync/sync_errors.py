"""Sync errors: writes of a provider that were refused or applied only in part.

Team updates lists the open ones. A later successful write of the resource resolves them.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.utils import timezone
from scim2_models import SCIMException

from people.models import Event, Person
from people.values import PeopleError, normalize_key
from scim.models import Connection, ScimGroup, ScimUser, SyncError

Reason = SyncError.Reason
# The fields of a person that a provider sent, with their values. The key MISSING says that the
# request also determines which required fields are missing.
SentValues = Mapping[str, str | None]
MISSING = " missing"
NOTHING: SentValues = {}
# The length of `SyncError.user_name_key`.
MAX_KEY_LENGTH = 512

_BY_STATUS = {
    404: Reason.NOT_FOUND,
    409: Reason.CONFLICT,
    412: Reason.PRECONDITION_FAILED,
    413: Reason.PAYLOAD_TOO_LARGE,
    415: Reason.UNSUPPORTED_MEDIA_TYPE,
}
_WORD_BEGINS = re.compile(r"(?=[A-Z])")


@dataclass
class SyncErrorSubject:
    """The resource that a write is about, for a sync error if it is refused."""

    user_name: str = ""
    user: ScimUser | None = None
    group: ScimGroup | None = None
    resource_type: str = SyncError.Kind.USER
    raw_values: dict[str, str] = field(default_factory=dict)


def reason_of(error: SCIMException | PeopleError) -> str:
    """Return the reason under which the error is listed."""
    if isinstance(error, PeopleError):
        return error.code
    by_type = _WORD_BEGINS.sub("-", error.scim_type or "").lower()
    return by_type if by_type in Reason else _BY_STATUS.get(error.status, Reason.REFUSED)


def message_of(error: SCIMException | PeopleError) -> str:
    return storable(str(error) if isinstance(error, PeopleError) else str(error.detail))


def key_of(name: str) -> str:
    return normalize_key(name)[:MAX_KEY_LENGTH]


def storable(text: str) -> str:
    """Return the text without what PostgreSQL cannot store: NUL and half surrogate pairs."""
    tidy = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return tidy.encode("utf-8", "replace").decode()


def record(
    connection: Connection,
    about: SyncErrorSubject,
    error: SCIMException | PeopleError,
    *,
    request_id: UUID | None,
) -> SyncError:
    """Record a sync error, or count it again if the resource already has one of this reason.

    An error that an administrator dismissed stays dismissed while the value is the same. The
    request may be logged later in the same transaction.
    """
    now, user = timezone.now(), about.user
    field = (error.field or "") if isinstance(error, PeopleError) else ""
    name, value = key_of(about.user_name), about.raw_values.get(field) or ""
    key = {
        "tenant_id": connection.tenant_id,
        "connection": connection,
        "resource_type": about.resource_type,
        "reason": reason_of(error),
        "resolved_at": None,
    }
    values = {
        "message": message_of(error),
        "user_name": about.user_name,
        "user": user,
        "group": about.group,
        "person": user.person if user else None,
        "field": field,
        "offending_value": value,
        "request_id": request_id,
        "happened_at": now,
    }
    again = values | {"times": F("times") + 1}
    # A user who was renamed may be listed under an earlier userName.
    is_about = Q(user_name_key=name) | Q(user=user, user__isnull=False)
    standing = list(SyncError.objects.filter(is_about, **key).order_by("-pk"))
    dismissed = [row for row in standing if row.dismissed_at]
    for row in dismissed:
        if row.message == message_of(error) and _is_same(row, value):
            SyncError.objects.filter(pk=row.pk).update(**again)
            return row
    if dismissed:
        # The value has changed, so the dismissal of the old one no longer applies.
        _by_pk(dismissed).update(resolved_at=now)
    _merge_rows([row for row in standing if not row.dismissed_at], name)
    problem, _ = SyncError.objects.update_or_create(
        **key, user_name_key=name, dismissed_at=None, defaults=again, create_defaults=values
    )
    return problem


def _is_same(row: SyncError, value: str) -> bool:
    """Tell whether the row is about this value, in any case: providers change it in addresses."""
    return normalize_key(row.offending_value) == normalize_key(value)


def _merge_rows(rows: Collection[SyncError], name: str) -> None:
    """Merge rows that record the same problem into one, under the current name."""
    by_name = sorted(rows, key=lambda row: row.user_name_key != name)
    if by_name[1:]:
        _by_pk(by_name[1:]).update(resolved_at=timezone.now())
    if by_name and by_name[0].user_name_key != name:
        _by_pk(by_name[:1]).update(user_name_key=name)


def _by_pk(rows: Iterable[SyncError]) -> QuerySet[SyncError]:
    return SyncError.objects.filter(pk__in=[row.pk for row in rows])


def resolve(
    user: ScimUser, *, except_for: Collection[str] = (), sent: SentValues = NOTHING
) -> bool:
    """Resolve the user's sync errors after a successful write.

    A dismissed error is resolved only if `sent`, the fields that the provider sent, has another
    value than the dismissed one.

    :returns: whether any error is left, open or dismissed.
    """
    # The error of a renamed resource has its old name, and that of an unreadable request none.
    names = {user.user_name_key, key_of(user.scim_external_id), ""}
    named = Q(connection=user.connection_id, user_name_key__in=names)
    return _resolve(Q(user=user) | named, SyncError.Kind.USER, except_for, sent)


def resolve_reason(user: ScimUser, reason: str) -> bool:
    """Resolve the user's error of this reason, open or dismissed; tell whether others are left."""
    unresolved = SyncError.objects.filter(user=user, resolved_at=None)
    unresolved.filter(reason=reason).update(resolved_at=timezone.now())
    return unresolved.exists()


def close_for_leaver(person: Person, event: Event) -> None:
    """Resolve the open errors from before the event with which the person left."""
    earlier = SyncError.objects.open().filter(person=person, happened_at__lt=event.happened_at)
    # The same request may have recorded the refused rest of a deactivation, which stays open.
    if event.request_id:
        earlier = earlier.exclude(request=event.request_id)
    earlier.update(resolved_at=timezone.now())


def is_unresolved(user: ScimUser, error: PeopleError) -> bool:
    """Tell whether the user has an open or dismissed error of this reason."""
    standing = SyncError.objects.filter(user=user, reason=error.code, resolved_at=None)
    return standing.exists()


def is_invited_anyway(user: ScimUser) -> bool:
    """Tell whether an administrator invited the person without the manager they wait for."""
    decided = SyncError.objects.filter(
        user=user, reason=SyncError.Reason.INVALID_MANAGER, resolved_at=None, is_invited_anyway=True
    )
    values = decided.values_list("offending_value", flat=True)
    return any(normalize_key(value) == user.waiting_manager for value in values)


def resolve_group(group: ScimGroup) -> bool:
    """Resolve the group's errors after a successful write; tell whether a dismissed one is left."""
    names = {group.display_name_key, key_of(group.scim_external_id), ""}
    named = Q(connection=group.connection_id, user_name_key__in=names)
    return _resolve(Q(group=group) | named, SyncError.Kind.GROUP)


def resolve_bulk(connection: Connection) -> bool:
    """Resolve the errors of bulk requests that could not be read."""
    return _resolve(Q(connection=connection), SyncError.Kind.BULK)


def _resolve(
    about: Q, kind: str, except_for: Collection[str] = (), sent: SentValues = NOTHING
) -> bool:
    unresolved = SyncError.objects.filter(about, resource_type=kind, resolved_at=None)
    resolved = [
        row.pk
        for row in unresolved.exclude(reason__in=except_for)
        if row.dismissed_at is None or _is_over(row, sent)
    ]
    SyncError.objects.filter(pk__in=resolved).update(resolved_at=timezone.now())
    return unresolved.exists()


def _is_over(row: SyncError, sent: SentValues) -> bool:
    """Tell whether the provider has sent another value than the one that was dismissed.

    The error of an unreadable request has no field, so a write of the resource never ends its
    dismissal; `record` does when the message changes.
    """
    if row.reason == SyncError.Reason.INCOMPLETE:
        return MISSING in sent
    return row.field in sent and not _is_same(row, sent[row.field] or "")

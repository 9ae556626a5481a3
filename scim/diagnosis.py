"""Access diagnosis: why a person is not in Ramp, based on SCIM data."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from people.diagnosis import causes_of
from people.presentation.diagnosis import (
    Diagnosis,
    DiagnosisQuery,
    Evidence,
    Finding,
    Link,
    Priority,
    day,
)
from scim.connections.status import sync_state
from scim.diagnosis_data import ScimDiagnosisData
from scim.models import Connection, MatchDecision, ScimUser, SyncError
from scim.sync.resolutions import Action
from scim.views.request_detail import detail_of, ended
from scim.views.team_updates.sync_errors import Row

Reason = SyncError.Reason


def causes(query: DiagnosisQuery) -> Iterator[Finding]:
    known = ScimDiagnosisData(query)
    person = known.person_found
    if person:
        yield from causes_of(person)
    yield from _evidence(known)
    for cause in CAUSES:
        finding = cause(known)
        if finding:
            yield finding


def _evidence(known: ScimDiagnosisData) -> Iterator[Evidence]:
    for user in known.users:
        state = "deleted" if user.deleted_at else "active" if user.active else "inactive"
        yield Evidence(
            f"{user.connection} has {user.scim_username} as {state}",
            _requests(user.connection, user.scim_username),
            user.deleted_at or user.modified_at,
        )
    for row in known.errors:
        address = reverse("admin:sync_error", args=[row.error.pk])
        yield Evidence(f"Sync error: {row.error.message}", address, row.error.happened_at)
    for log in known.requests:
        yield Evidence(
            f"{log.connection}: {log.method} {log.path}, answered {log.status}",
            reverse("admin:scim_request", args=[log.connection_id, log.pk]),
            log.received_at,
        )
    if not known.users:
        for connection in known.open_connections:
            sync = sync_state(connection, timezone.now())
            settings = reverse("admin:scim_settings", args=[connection.pk])
            yield Evidence(f"{sync.sentence} {sync.remark}", settings, sync.last_update_at)


def _deleted(known: ScimDiagnosisData) -> Diagnosis | None:
    user = known.user
    if user is None or user.deleted_at is None:
        return None
    if user.person and user.person.is_active:
        return None  # They were reactivated since.
    return Diagnosis(
        Priority.DELETED,
        "deleted-by-provider",
        f"{user.connection} deleted {known.who} on {day(user.deleted_at)}.",
        f"Assign them to Ramp in {user.connection} again. They return as the same person and "
        "keep everything they had.",
        Link("View requests", _requests(user.connection, user.scim_username)),
    )


def _left_apart(known: ScimDiagnosisData) -> Diagnosis | None:
    user = known.user
    if user is None or user.person_id or user.deleted_at:
        return None
    choices = MatchDecision.objects.filter(user=user, choice=MatchDecision.Choice.LEAVE)
    if user.connection.activated_at is None or not choices.exists():
        return None
    errors = reverse("admin:team_updates_errors")
    return Diagnosis(
        Priority.LEFT_APART,
        "left-at-adoption",
        f"{known.who} was not linked when {user.connection} was connected.",
        f"{user.connection} does not manage the person with this address. If they are the same "
        "person, link them in Team updates.",
        Link("View sync errors", f"{errors}?{urlencode({'q': user.scim_username})}"),
    )


def _refused(known: ScimDiagnosisData) -> Diagnosis | None:
    refused = [row for row in known.errors if row.error.reason != Reason.SEVERAL_ROLES]
    row = next((row for row in refused if not _is_waited_for(row.error)), None)
    if row is None:
        return None
    error = row.error
    code, because = _wording(row)
    is_kept = error.request is None or error.request.status < 400
    ended = "could not be imported" if is_kept else "was refused"
    return Diagnosis(
        Priority.REFUSED,
        code,
        f"What {error.connection} sent about {known.who} {ended}: {because}",
        row.resolution.advice,
        Link("View sync error", reverse("admin:sync_error", args=[error.pk])),
    )


def _wording(row: Row) -> tuple[str, str]:
    """Return the cause of an error as a code and in words."""
    error = row.error
    if error.reason == Reason.DUPLICATE_EMAIL and row.holder:
        name = row.holder.full_name
        if not row.holder.is_owned:
            return (
                "needs-linking",
                f"{name} has this address and is not managed by any provider yet.",
            )
        owner = row.holder.scim_users.filter(deleted_at=None).select_related("connection").first()
        if owner and owner.connection_id != error.connection_id:
            return "owned-elsewhere", f"{owner.connection} manages {name}, who has this address."
    if error.reason == Reason.INCOMPLETE:
        # Only the sentence that names the fields; the rest of the message repeats the advice.
        fields = error.message.partition(". ")[0]
        is_held = error.user is not None and error.user.person_id is None
        return "held-incomplete" if is_held else error.reason, ended(fields)
    return error.reason, ended(error.message)


def _is_waited_for(error: SyncError) -> bool:
    """Tell whether the error resolves itself when the manager arrives; the invite says so."""
    is_waiting = error.user is not None and error.user.problem == ScimUser.Problem.WAITING
    return is_waiting and error.reason == Reason.INVALID_MANAGER


def _invite_held(known: ScimDiagnosisData) -> Diagnosis | None:
    """Explain that the invite is on hold until the manager is in Ramp, and link to the remedy."""
    held = (row for row in known.errors if row.resolution.action == Action.INVITE_ANYWAY)
    row = next(held, None)
    if row is None:
        return None
    manager = row.error.offending_value
    return Diagnosis(
        Priority.HELD,
        "invite-held",
        f"The invite for {known.who} is on hold: their manager {manager} is not in Ramp yet.",
        row.resolution.advice,
        Link("View sync error", reverse("admin:sync_error", args=[row.error.pk])),
    )


def _not_activated(known: ScimDiagnosisData) -> Diagnosis | None:
    user = known.user
    if user is None or user.person_id or user.deleted_at or user.connection.disconnected_at:
        return None
    connection = user.connection
    if connection.activated_at is None:
        return Diagnosis(
            Priority.WAITING,
            "awaiting-activation",
            f"{connection} has sent {known.who}, but is not activated yet.",
            "People it sends are not provisioned until then. Review the planned changes, and "
            "activate it.",
            Link("Review and activate", reverse("admin:setup_review", args=[connection.provider])),
        )
    if user.problem == ScimUser.Problem.NONE and connection.initial_import_finished_at is None:
        return Diagnosis(
            Priority.WAITING,
            "being-carried-over",
            f"{connection} was activated on {day(connection.activated_at)}, and {known.who} is "
            "still being imported.",
            "People received before activation are provisioned one after another. Check again "
            "in a minute.",
        )
    return None


def _disconnected(known: ScimDiagnosisData) -> Diagnosis | None:
    user = known.user
    if user is None or user.person_id or user.deleted_at or not user.connection.disconnected_at:
        return None
    return Diagnosis(
        Priority.WAITING,
        "connection-disconnected",
        f"{user.connection} had sent {known.who}, and was disconnected on "
        f"{day(user.connection.disconnected_at)}.",
        "Its data is no longer used. Reconnect it, or invite them.",
        Link("Integrations", reverse("admin:integrations")),
    )


def _has_another_address(known: ScimDiagnosisData) -> Diagnosis | None:
    user = known.user
    if user is None or user.person is None or user not in known.aliased:
        return None
    return Diagnosis(
        Priority.KNOWN_OTHERWISE,
        "another-address",
        f"{user.person.full_name} is in Ramp as {user.person.email}. {known.query.text} is "
        "another of their addresses.",
        f"Ramp uses the address that is primary in {user.connection}. Change it there.",
        Link(
            f"Open {user.person.full_name}",
            reverse("admin:people_person_change", args=[user.person.pk]),
        ),
    )


def _request_refused(known: ScimDiagnosisData) -> Diagnosis | None:
    log = known.refusal
    if log is None:
        return None
    return Diagnosis(
        Priority.LOOKED_UP_WITHOUT_RESULT,
        "request-refused",
        f"A request of {log.connection} that names {known.query.text} was refused: "
        f"{detail_of(log)}",
        "Correct the request at the identity provider.",
        Link("View request", reverse("admin:scim_request", args=[log.connection_id, log.pk])),
    )


def _never_sent(known: ScimDiagnosisData) -> Diagnosis | None:
    if known.users or known.errors:
        return None
    code, sentence, advice = _why_never_sent(known)
    if code == "never-sent":
        link = Link("View request log", _log(known.open_connections[0]))
    else:
        link = Link("Integrations", reverse("admin:integrations"))
    return Diagnosis(Priority.NEVER_SENT, code, sentence, advice, link)


def _why_never_sent(known: ScimDiagnosisData) -> tuple[str, str, str]:
    """Explain why no provider has ever sent the person."""
    text, open_ones = known.query.text, known.open_connections
    if not known.connections:
        return (
            "no-connection",
            f"Nobody in Ramp matches {text}, and no identity provider is connected.",
            "Connect one to provision people, or invite them manually.",
        )
    if not open_ones:
        last = max(known.connections, key=lambda one: one.disconnected_at or timezone.now())
        return (
            "no-longer-connected",
            f"Nobody was ever sent as {text}, and {last} was disconnected on "
            f"{day(last.disconnected_at)}.",
            "Reconnect it, or invite them manually.",
        )
    names = " and ".join(str(connection) for connection in open_ones)
    if not any(one.tokens.filter(revoked_at=None).exists() for one in open_ones):
        return (
            "no-token",
            f"Every token of {names} is revoked, so all its requests are refused.",
            "Create a new token, and enter it at the identity provider.",
        )
    return (
        "never-sent",
        f"{names} {'has' if len(open_ones) == 1 else 'have'} never sent anybody as {text}.",
        f"They may not be assigned to Ramp in {names}, may have a different name there, or the "
        "next sync has not run yet. See below how long that takes.",
    )


CAUSES = (
    _deleted,
    _left_apart,
    _refused,
    _invite_held,
    _not_activated,
    _disconnected,
    _has_another_address,
    _request_refused,
    _never_sent,
)


def _requests(connection: Connection, who: str) -> str:
    return f"{_log(connection)}?{urlencode({'who': who})}"


def _log(connection: Connection) -> str:
    return reverse("admin:scim_requests", args=[connection.pk])

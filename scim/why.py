"""Why somebody is not here, as far as identity providers are concerned."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from people.models import Person
from people.pages.verdicts import Asked, Evidence, Finding, Link, Rank, Verdict
from people.why import causes_of
from scim.models import AdoptionChoice, Connection, RequestLog, ScimUser, SyncError
from scim.pages.requests import detail_of
from scim.pages.sync_errors import Row, listed_errors, rows_of
from scim.pages.sync_state import sync_state
from scim.protocol import scim_uuid

SHOWN = 5
# How many of the latest refusals are searched for a name that no row was made for.
REFUSALS_SEARCHED = 1000
Reason = SyncError.Reason


def causes(asked: Asked) -> Iterator[Finding]:
    known = Known(asked)
    person = known.person_found
    if person:
        yield from causes_of(person)
    yield from _evidence(known)
    for cause in CAUSES:
        verdict = cause(known)
        if verdict:
            yield verdict


class Known:
    """What the rows of SCIM tell about whom the question names; each is asked for once."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    @cached_property
    def connections(self) -> list[Connection]:
        return list(Connection.objects.order_by("disconnected_at", "created_at")[:20])

    @cached_property
    def users(self) -> list[ScimUser]:
        """Return the resources that go by the name, those in use first."""
        key, text = self.asked.key, self.asked.text
        named = Q(user_name_key=key) | Q(email_key=key) | Q(person__in=self.asked.people)
        named |= Q(scim_external_id=text)
        if scim_uuid(text).int:
            named |= Q(scim_id=scim_uuid(text))
        users = ScimUser.objects.filter(named, connection__in=self.connections)
        found = list(users.select_related("person__tenant", "connection").order_by("-pk")[:SHOWN])
        return sorted(found, key=_is_past) or self.aliased

    @cached_property
    def aliased(self) -> list[ScimUser]:
        """Return the resources that have the address besides another one."""
        if self.asked.people:
            return []
        aliased = ScimUser.objects.filter(
            elements__attribute="emails", elements__value_key=self.asked.key, deleted_at=None
        )
        return list(aliased.select_related("person__tenant", "connection")[:SHOWN])

    @cached_property
    def user(self) -> ScimUser | None:
        return self.users[0] if self.users else None

    @property
    def person_found(self) -> Person | None:
        """Return whom only the resource led to."""
        return self.user.person if self.user and not self.asked.people else None

    @property
    def who(self) -> str:
        person = self.asked.person or (self.user.person if self.user else None)
        return person.full_name if person else self.asked.text

    @cached_property
    def errors(self) -> list[Row]:
        names = {self.asked.key, *(person.email_key for person in self.asked.people)}
        theirs = Q(user_name_key__in=names) | Q(user__in=self.users)
        # Of an address that somebody has already, only the claims on those whom nobody owns.
        claims = Q(reason=Reason.DUPLICATE_EMAIL, offending_value__iexact=self.asked.text)
        listed = listed_errors().open().filter(theirs | claims).annotate(is_theirs=theirs)
        rows = rows_of(list(listed.order_by("-happened_at", "-pk")[:SHOWN]))
        return [row for row in rows if row.error.is_theirs or not _is_owned(row.holder)]

    @cached_property
    def requests(self) -> list[RequestLog]:
        logs = RequestLog.objects.filter(user__in=self.users).select_related("connection")
        return list(logs.order_by("-received_at")[:SHOWN]) if self.users else []

    @cached_property
    def refusal(self) -> RequestLog | None:
        """Return the latest refusal whose body names them, if nothing else of them is known."""
        if self.users or self.errors or self.asked.people:
            return None
        logs = RequestLog.objects.filter(connection__in=self.connections, status__gte=400)
        latest = logs.filter(user=None).order_by("-received_at").values("pk")
        named = RequestLog.objects.filter(
            pk__in=latest[:REFUSALS_SEARCHED], body__icontains=self.asked.text
        )
        return named.select_related("connection").order_by("-received_at").first()

    @cached_property
    def open_connections(self) -> list[Connection]:
        return [one for one in self.connections if one.disconnected_at is None]


def _evidence(known: Known) -> Iterator[Evidence]:
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
            state = sync_state(connection, None, timezone.now())
            settings = reverse("admin:scim_settings", args=[connection.pk])
            yield Evidence(f"{state.sentence} {state.remark}", settings, state.last_update_at)


def _deleted(known: Known) -> Verdict | None:
    user = known.user
    if user is None or user.deleted_at is None:
        return None
    if user.person and user.person.is_active:
        return None  # Somebody has let them in again.
    return Verdict(
        Rank.DELETED,
        "deleted-by-provider",
        f"{user.connection} deleted {known.who} on {_day(user.deleted_at)}.",
        f"Assign them to Ramp in {user.connection} again: they come back as the same person, with "
        "everything that was theirs.",
        Link("See its requests", _requests(user.connection, user.scim_username)),
    )


def _left_apart(known: Known) -> Verdict | None:
    user = known.user
    if user is None or user.person_id or user.deleted_at:
        return None
    choices = AdoptionChoice.objects.filter(user=user, choice=AdoptionChoice.Choice.LEAVE)
    if user.connection.activated_at is None or not choices.exists():
        return None
    return Verdict(
        Rank.LEFT_APART,
        "left-at-adoption",
        f"{known.who} was left apart when {user.connection} was connected.",
        f"{user.connection} does not manage whoever has this address. Link them in Team updates "
        "if they are the same human being.",
        Link("Look at the sync errors", _errors(user.scim_username)),
    )


def _refused(known: Known) -> Verdict | None:
    row = next((row for row in known.errors if not _is_waited_for(row.error)), None)
    if row is None:
        return None
    error = row.error
    code, because = _wording(row)
    is_kept = error.request is None or error.request.status < 400
    ended = "could not be carried over" if is_kept else "was refused"
    return Verdict(
        Rank.REFUSED,
        code,
        f"What {error.connection} sent about {known.who} {ended}: {because}",
        row.remedy.advice,
        Link("Look at the sync error", reverse("admin:sync_error", args=[error.pk])),
    )


def _wording(row: Row) -> tuple[str, str]:
    """Return the cause of an error as a code and in words."""
    error = row.error
    if error.reason == Reason.DUPLICATE_EMAIL and row.holder:
        name = row.holder.full_name
        if not row.holder.is_owned:
            return "needs-linking", f"{name} has this address, and no provider owns them yet."
        owner = row.holder.scim_users.filter(deleted_at=None).select_related("connection").first()
        if owner and owner.connection_id != error.connection_id:
            return "owned-elsewhere", f"{owner.connection} manages {name}, who has this address."
    if error.reason == Reason.INCOMPLETE and error.user and not error.user.person_id:
        return "held-incomplete", _ended(error.message)
    return error.reason, _ended(error.message)


def _is_waited_for(error: SyncError) -> bool:
    """Tell whether it resolves by itself when the manager comes: the invite tells of that."""
    is_waiting = error.user is not None and error.user.problem == ScimUser.Problem.WAITING
    return is_waiting and error.reason == Reason.INVALID_MANAGER


def _not_activated(known: Known) -> Verdict | None:
    user = known.user
    if user is None or user.person_id or user.deleted_at or user.connection.disconnected_at:
        return None
    connection = user.connection
    if connection.activated_at is None:
        return Verdict(
            Rank.WAITING,
            "awaiting-activation",
            f"{connection} has sent {known.who}, but is not activated yet.",
            "Whoever it sends waits until then. Review what will happen, and activate it.",
            Link("Review and activate", reverse("admin:setup_review", args=[connection.provider])),
        )
    if user.problem == ScimUser.Problem.NONE and connection.carried_over_at is None:
        return Verdict(
            Rank.WAITING,
            "being-carried-over",
            f"{connection} was activated on {_day(connection.activated_at)}, and {known.who} is "
            "still on the way.",
            "Those who had arrived before are brought in one after the other. Look again in a "
            "minute.",
        )
    return None


def _disconnected(known: Known) -> Verdict | None:
    user = known.user
    if user is None or user.person_id or user.deleted_at or not user.connection.disconnected_at:
        return None
    return Verdict(
        Rank.WAITING,
        "connection-disconnected",
        f"{user.connection} had sent {known.who}, and was disconnected on "
        f"{_day(user.connection.disconnected_at)}.",
        "Nothing comes of it any more. Connect it anew, or invite them.",
        Link("Integrations", reverse("admin:integrations")),
    )


def _has_another_address(known: Known) -> Verdict | None:
    user = known.user
    if user is None or user.person is None or user not in known.aliased:
        return None
    return Verdict(
        Rank.KNOWN_OTHERWISE,
        "another-address",
        f"{user.person.full_name} is here as {user.person.email}; {known.asked.text} is another "
        "address of theirs.",
        f"The address that {user.connection} calls primary counts. Change it there.",
        Link(
            f"Open {user.person.full_name}",
            reverse("admin:people_person_change", args=[user.person.pk]),
        ),
    )


def _asked_in_vain(known: Known) -> Verdict | None:
    log = known.refusal
    if log is None:
        return None
    return Verdict(
        Rank.ASKED_IN_VAIN,
        "request-refused",
        f"A request of {log.connection} that names {known.asked.text} was refused: "
        f"{detail_of(log)}",
        "What is wrong with the request is put right at the identity provider.",
        Link("See the request", reverse("admin:scim_request", args=[log.connection_id, log.pk])),
    )


def _never_sent(known: Known) -> Verdict | None:
    if known.users or known.errors:
        return None
    code, sentence, advice = _silence(known)
    if code == "never-sent":
        link = Link("See what was sent", _log(known.open_connections[0]))
    else:
        link = Link("Integrations", reverse("admin:integrations"))
    return Verdict(Rank.NEVER_SENT, code, sentence, advice, link)


def _silence(known: Known) -> tuple[str, str, str]:
    """Say why no provider has ever mentioned them."""
    text, open_ones = known.asked.text, known.open_connections
    if not known.connections:
        return (
            "no-connection",
            f"Nobody here is called {text}, and no identity provider is connected.",
            "Connect one, and it brings people in; or invite them by hand.",
        )
    if not open_ones:
        last = max(known.connections, key=lambda one: one.disconnected_at or timezone.now())
        return (
            "no-longer-connected",
            f"Nobody was ever sent as {text}, and {last} was disconnected on "
            f"{_day(last.disconnected_at)}.",
            "Connect it anew, or invite them by hand.",
        )
    names = _listed(open_ones)
    if not any(one.tokens.filter(revoked_at=None).exists() for one in open_ones):
        return (
            "no-token",
            f"{names} cannot get in: every token is revoked, so whatever it sends is refused.",
            "Make a new token, and enter it at the identity provider.",
        )
    return (
        "never-sent",
        f"{names} {'has' if len(open_ones) == 1 else 'have'} never sent anybody as {text}.",
        f"They are not assigned to Ramp in {names}, or go by another name there, or the next "
        "cycle has not come yet. Look at how long that takes, below.",
    )


CAUSES = (
    _deleted,
    _left_apart,
    _refused,
    _not_activated,
    _disconnected,
    _has_another_address,
    _asked_in_vain,
    _never_sent,
)


def _is_owned(holder: Any) -> bool:
    return holder is not None and holder.is_owned


def _is_past(user: ScimUser) -> bool:
    return user.deleted_at is not None or user.connection.disconnected_at is not None


def _listed(connections: Iterable[Connection]) -> str:
    return " and ".join(str(connection) for connection in connections)


def _requests(connection: Connection, who: str) -> str:
    return f"{_log(connection)}?{urlencode({'who': who})}"


def _log(connection: Connection) -> str:
    return reverse("admin:scim_requests", args=[connection.pk])


def _errors(who: str) -> str:
    return f"{reverse('admin:team_updates_errors')}?{urlencode({'q': who})}"


def _day(at: datetime | None) -> str:
    return f"{at:%-d %B %Y}" if at else "a day that nobody noted"


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."

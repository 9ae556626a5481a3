"""The SCIM data for the access diagnosis."""

from functools import cached_property, reduce
from operator import or_

from django.db.models import Q

from people.models import Person
from people.presentation.diagnosis import DiagnosisQuery
from scim.models import Connection, RequestLog, ScimUser, SyncError
from scim.models.resources import ALIVE, GONE
from scim.rfc.ids import scim_uuid
from scim.views.team_updates.sync_errors import Row, listed_errors, rows_of

SHOWN = 5
# How many of the latest refusals are searched, because their bodies are not indexed.
REFUSALS_SEARCHED = 1000
Reason = SyncError.Reason


class ScimDiagnosisData:
    """The SCIM rows about the person in question; each query runs once."""

    def __init__(self, query: DiagnosisQuery) -> None:
        self.query = query

    @cached_property
    def connections(self) -> list[Connection]:
        return list(Connection.objects.order_by("disconnected_at", "created_at")[:20])

    @cached_property
    def users(self) -> list[ScimUser]:
        """Return the resources with this name, live ones first."""
        key, text = self.query.key, self.query.text
        named = [Q(person__in=self.query.people)]
        if not self.query.is_name:
            named += [Q(user_name_key=key), Q(email_key=key)]
            named.append(Q(scim_external_id=text) & ~Q(scim_external_id=""))
            # Text that is not an id becomes the nil UUID.
            if scim_uuid(text).int:
                named.append(Q(scim_id=scim_uuid(text)))
        # Most indexes are partial, so each condition says which of the two it can use.
        either = [one & state for one in named for state in (ALIVE, GONE)]
        users = ScimUser.objects.filter(reduce(or_, either), connection__in=self.connections)
        found = list(users.select_related("person__tenant", "connection").order_by("-pk")[:SHOWN])
        return sorted(found, key=_is_past) or self.aliased

    @cached_property
    def aliased(self) -> list[ScimUser]:
        """Return the resources that have the address in `emails`, but use another one."""
        if self.query.people:
            return []
        aliased = ScimUser.objects.filter(
            elements__attribute="emails", elements__value_key=self.query.key, deleted_at=None
        )
        return list(aliased.select_related("person__tenant", "connection")[:SHOWN])

    @cached_property
    def user(self) -> ScimUser | None:
        return self.users[0] if self.users else None

    @property
    def person_found(self) -> Person | None:
        """Return the person who was found only through a resource."""
        return self.user.person if self.user and not self.query.people else None

    @property
    def who(self) -> str:
        person = self.query.person or (self.user.person if self.user else None)
        return person.full_name if person else self.query.text

    @cached_property
    def errors(self) -> list[Row]:
        names = {person.email_key for person in self.query.people}
        if not self.query.is_name:
            names.add(self.query.key)
        theirs = Q(user_name_key__in=names) | Q(user__in=self.users)
        # For a duplicate email, only errors about people without a managing connection.
        claims = Q(reason=Reason.DUPLICATE_EMAIL, offending_value__iexact=self.query.text)
        listed = listed_errors().open().filter(theirs | claims).annotate(is_theirs=theirs)
        rows = rows_of(list(listed.order_by("-happened_at", "-pk")[:SHOWN]))
        return [
            row
            for row in rows
            if row.error.is_theirs or row.holder is None or not row.holder.is_owned
        ]

    @cached_property
    def requests(self) -> list[RequestLog]:
        logs = RequestLog.objects.filter(user__in=self.users).select_related("connection")
        return list(logs.order_by("-received_at")[:SHOWN]) if self.users else []

    @cached_property
    def refusal(self) -> RequestLog | None:
        """Return the latest refused request that contains the text, if nothing else is known."""
        if self.users or self.errors or self.query.people:
            return None
        logs = RequestLog.objects.filter(connection__in=self.connections, status__gte=400)
        latest = logs.filter(user=None).order_by("-received_at").values("pk")
        named = RequestLog.objects.filter(
            pk__in=latest[:REFUSALS_SEARCHED], body__icontains=self.query.text
        )
        return named.select_related("connection").order_by("-received_at").first()

    @cached_property
    def open_connections(self) -> list[Connection]:
        return [one for one in self.connections if one.disconnected_at is None]


def _is_past(user: ScimUser) -> bool:
    return user.deleted_at is not None or user.connection.disconnected_at is not None

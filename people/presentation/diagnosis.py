"""Access diagnosis: finds out why a person has no access.

The hook `causes` of each app reads the app's own rows and yields the causes that it finds, and the
evidence. The cause with the highest priority is the result.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from people import hooks
from people.models import Person
from people.presentation.times import day_text
from people.values import normalize_key

NAMESAKES_SHOWN = 10


class Priority(IntEnum):
    """The priority of a cause: the one with the lowest number explains most."""

    TERMINATED = 10
    # The identity provider deleted the person.
    DELETED = 20
    DEACTIVATED = 30
    # The person was not linked when the connection was activated.
    LEFT_APART = 40
    # A write of the provider was refused.
    REFUSED = 50
    # The connection is not activated yet, still imports, or is disconnected.
    WAITING = 60
    # A directory says now that their account cannot be used.
    UNUSABLE_THERE = 64
    # A sign-in was refused.
    TURNED_AWAY = 65
    # The invite is on hold.
    HELD = 68
    INVITED = 70
    # The person is in Ramp with another address.
    KNOWN_OTHERWISE = 80
    # The person can sign in, but does not have the expected roles.
    ROLES_AMISS = 85
    HERE = 90
    # A request that names the address was refused, and no user came from it.
    LOOKED_UP_WITHOUT_RESULT = 100
    NEVER_TRIED = 105
    NEVER_SENT = 110
    UNKNOWN = 120


@dataclass(frozen=True)
class Link:
    text: str
    url: str


@dataclass(frozen=True)
class Diagnosis:
    """A cause, by a stable code, and what to do about it."""

    rank: Priority
    code: str
    sentence: str
    advice: str
    link: Link | None = None


@dataclass(frozen=True)
class Evidence:
    """A row that supports the diagnosis."""

    text: str
    url: str = ""
    at: datetime | None = None


Finding = Diagnosis | Evidence


@dataclass(frozen=True)
class DiagnosisQuery:
    """The text that an administrator entered, and the people whom it matches."""

    text: str
    people: list[Person] = field(default_factory=list)

    @property
    def key(self) -> str:
        return normalize_key(self.text)

    @property
    def is_name(self) -> bool:
        """Tell whether the text is the name of a known person.

        It may be the userName or the login name of another person, so it says nothing else.
        """
        return bool(self.people) and "@" not in self.text

    @property
    def person(self) -> Person | None:
        return self.people[0] if self.people else None

    @property
    def who(self) -> str:
        return self.person.full_name if self.person else self.text


@dataclass(frozen=True)
class Answer:
    asked: DiagnosisQuery
    # None if several people match; then the page lists them.
    verdict: Diagnosis | None = None
    evidence: list[Evidence] = field(default_factory=list)
    namesakes: list[Person] = field(default_factory=list)


def diagnose(text: str) -> Answer:
    """Diagnose the access of the person with this address, userName or name."""
    text = " ".join(text.split())
    people = _named_exactly(text)
    if not people:
        people = list(Person.objects.matching(text)[: NAMESAKES_SHOWN + 1])
        if len(people) > 1:
            return Answer(DiagnosisQuery(text), namesakes=people[:NAMESAKES_SHOWN])
    asked = DiagnosisQuery(text, people)
    found = list(hooks.causes(asked))
    verdicts = [one for one in found if isinstance(one, Diagnosis)]
    return Answer(
        asked,
        # There is always one: without any other, `people.diagnosis` yields UNKNOWN or the person's
        # state.
        verdict=min(verdicts, key=lambda verdict: verdict.rank),
        evidence=[one for one in found if isinstance(one, Evidence)],
    )


def _named_exactly(text: str) -> list[Person]:
    """Return the person with this address, or with it as pending address, or a terminated one."""
    having = Person.objects.with_email_key(normalize_key(text))
    getting = Person.objects.in_lists().exclude(pending_email="").filter(pending_email__iexact=text)
    # A terminated person comes last, because their address may belong to another person now.
    for people in (having.in_lists(), getting, having.order_by("-terminated_at")):
        found = people.select_related("tenant").first()
        if found:
            return [found]
    return []


def day(at: datetime | None) -> str:
    return day_text(at) if at else "an unknown date"

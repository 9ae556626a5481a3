"""Why somebody is not here: what is asked, what may be answered, and who is asked for answers.

The hook `causes` of each app looks at the app's own rows and yields the causes it finds, and the
evidence. The cause that explains most comes first.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from people import hooks
from people.models import Person
from people.values import normalize_key

NAMESAKES_SHOWN = 10


class Priority(IntEnum):
    """What explains more comes first."""

    TERMINATED = 10
    DELETED = 20
    DEACTIVATED = 30
    LEFT_APART = 40
    REFUSED = 50
    WAITING = 60
    TURNED_AWAY = 65
    INVITED = 70
    KNOWN_OTHERWISE = 80
    # They are here, and something that was expected of that is not.
    ROLES_AMISS = 85
    HERE = 90
    ASKED_IN_VAIN = 100
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
    """A row that a verdict rests on."""

    text: str
    url: str = ""
    at: datetime | None = None


Finding = Diagnosis | Evidence


@dataclass(frozen=True)
class DiagnosisQuery:
    """An address, a userName or a name as somebody typed it, and whom it names."""

    text: str
    people: list[Person] = field(default_factory=list)

    @property
    def key(self) -> str:
        return normalize_key(self.text)

    @property
    def person(self) -> Person | None:
        return self.people[0] if self.people else None

    @property
    def who(self) -> str:
        return self.person.full_name if self.person else self.text


@dataclass(frozen=True)
class Answer:
    asked: DiagnosisQuery
    # None where several people are called so; which of them is meant?
    verdict: Diagnosis | None = None
    evidence: list[Evidence] = field(default_factory=list)
    namesakes: list[Person] = field(default_factory=list)


def diagnose(text: str) -> Answer:
    """Tell why whoever is called that is not here; a dozen queries or two, and no more."""
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
        verdict=min(verdicts, key=lambda verdict: verdict.rank),
        evidence=[one for one in found if isinstance(one, Evidence)],
    )


def _named_exactly(text: str) -> list[Person]:
    """Return whoever has the address; failing that who is to get it, or had it and left."""
    having = Person.objects.filter(email_key=normalize_key(text))
    getting = Person.objects.in_lists().exclude(pending_email="").filter(pending_email__iexact=text)
    for people in (having.in_lists(), getting, having.order_by("-terminated_at")):
        found = people.select_related("tenant").first()
        if found:
            return [found]
    return []


def day(at: datetime | None) -> str:
    return f"{at:%-d %B %Y}" if at else "an unknown date"

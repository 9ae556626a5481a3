"""The model: what the company, its people and their mails ought to be."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

GIVEN = [
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Ewa",
    "Femi",
    "Greta",
    "Hugo",
    "Ines",
    "Jürgen",
    "Karim",
    "Lena",
    "Mei",
    "Nils",
    "Olga",
    "Paul",
    "Quinn",
    "Rosa",
    "Søren",
    "Tomás",
    "Uma",
    "Vera",
    "Wim",
    "Xenia",
    "Yusuf",
    "Zoë",
]
FAMILY = [
    "Adler",
    "Baker",
    "Chen",
    "Dias",
    "Eriksen",
    "Fischer",
    "García",
    "Haddad",
    "Ivanova",
    "Jensen",
    "Kaya",
    "Lopez",
    "Müller",
    "Novak",
    "Okafor",
    "Petrov",
    "Quist",
    "Rossi",
    "Sato",
    "Tanaka",
    "Urban",
    "Vogel",
    "Wang",
    "Xu",
    "Young",
    "Zhou",
]
DEPARTMENTS = [
    "Sales",
    "Engineering",
    "Finance",
    "Legal",
    "People",
    "Support",
    "Marketing",
    "Operations",
    "Research",
    "Security",
]
DIVISIONS = ["EMEA", "Americas", "APAC", "Corporate"]
CITIES = [
    "Berlin",
    "London",
    "Paris",
    "Madrid",
    "Porto",
    "Warsaw",
    "Oslo",
    "Lisbon",
    "Vienna",
    "Dublin",
    "Tokyo",
    "Austin",
]
ROLES = [None, "BUSINESS_USER", "BUSINESS_BOOKKEEPER", "IT_ADMIN"]
ROLE_SHARES = [60, 36, 3, 1]
# The week is written for so many people; other sizes scale its numbers.
USUAL_SIZE = 2000


@dataclass(eq=False)
class Employee:
    """Somebody as Okta knows them, and what Ramp ought to have made of that."""

    number: int
    given: str
    family: str
    department: str
    division: str
    city: str
    role: str | None
    manager: "Employee | None" = None
    title: str = "Associate"
    # A manager whom Okta names and nobody knows.
    unknown_manager: str = ""
    # The reference to the manager that Okta sent last.
    sent_manager: str = ""
    is_assigned: bool = True
    has_joined: bool = False
    # Okta has no city for them, so that they cannot be provisioned.
    is_incomplete: bool = False
    is_held: bool = False
    is_invited_anyway: bool = False
    # An administrator had invited them by hand before Okta pushed them.
    is_adopted: bool = False
    left_on: int = -1
    scim_id: str = ""
    mails: Counter[str] = field(default_factory=Counter)
    # From whom an invite may come today.
    senders: set[str] = field(default_factory=set)
    former_names: set[str] = field(default_factory=set)
    former_addresses: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.external_id = f"00u{self.number:06d}"
        self.user_name = self.email = self.confirmed_email = f"p{self.number}@acme.example"

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"

    @property
    def state(self) -> str:
        if not self.is_assigned:
            return "inactive"
        return "active" if self.has_joined else "invited"

    @property
    def invite(self) -> str | None:
        if self.state != "invited":
            return None
        return "held" if self.is_held else "open"

    @property
    def names(self) -> set[str]:
        return {self.name, *self.former_names}

    @property
    def addresses(self) -> set[str]:
        return {self.email, self.user_name, self.confirmed_email, *self.former_addresses}

    def rename(self, family: str, day: int) -> None:
        """Give the person a new last name, userName and email."""
        self.former_names.add(self.name)
        self.former_addresses |= self.addresses
        self.family = f"{self.family}-{family}"
        self.user_name = self.email = f"p{self.number}.m{day}@acme.example"
        if self.has_joined:
            self.mails["confirm"] += 1
            self.mails["notice"] += 1
        else:
            self.mails["invite"] += not self.is_held
            self.confirmed_email = self.email

    def come_back(self) -> None:
        self.is_assigned = True
        if not self.has_joined:
            self.mails["invite"] += not self.is_held
            self.is_adopted = False


@dataclass(frozen=True)
class Difference:
    day: int
    what: str
    who: str
    want: Any
    got: Any

    def __str__(self) -> str:
        return json.dumps([self.day, self.what, self.who, str(self.want), str(self.got)])


class Company:
    """Everybody, the groups, and the differences found so far."""

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.chance = random.Random(seed)
        self.people: list[Employee] = []
        # By name: the id, and the members.
        self.groups: dict[str, tuple[str, set[Employee]]] = {}
        # Contractors whom an administrator invited by hand, by address: on which day.
        self.by_hand: dict[str, int] = {}
        self.owner = ""
        self.departments_are_divisions = False
        self.day = 0
        self.busy: set[int] = set()
        self.checks: Counter[str] = Counter()
        self.differences: list[Difference] = []

    def scaled(self, count: int) -> int:
        """Return the number that stands for `count` of 2,000 people."""
        return max(1, round(count * self.size / USUAL_SIZE))

    @property
    def directors(self) -> int:
        """How many report to the first person."""
        return max(2, self.scaled(12))

    @property
    def managers(self) -> int:
        """How many may have reports: the directors and the managers below them."""
        return max(self.directors + 2, self.scaled(220))

    def hire(self, manager: Employee | None) -> Employee:
        pick = self.chance.choice
        employee = Employee(
            number=len(self.people) + 1,
            given=pick(GIVEN),
            family=pick(FAMILY),
            department=pick(DEPARTMENTS),
            division=pick(DIVISIONS),
            city=pick(CITIES),
            role=self.chance.choices(ROLES, ROLE_SHARES)[0],
            manager=manager,
        )
        self.people.append(employee)
        employee.mails["invite"] += 1
        return employee

    def found(self) -> None:
        """Hire the first people, in three layers."""
        for number in range(self.size):
            if number == 0:
                manager = None
            elif number < self.directors:
                manager = self.people[0]
            elif number < self.managers:
                manager = self.chance.choice(self.people[: self.directors])
            else:
                manager = self.chance.choice(self.people[self.directors : self.managers])
            self.hire(manager)

    def some_manager(self) -> Employee:
        return self.chance.choice([one for one in self.people[: self.managers] if one.is_assigned])

    def pick(
        self, count: int, test: Callable[[Employee], bool] = lambda employee: True
    ) -> list[Employee]:
        """Choose provisioned people to whom nothing else happens on this day."""
        pool = [
            one for one in self.people if one.scim_id and one.number not in self.busy and test(one)
        ]
        chosen = self.chance.sample(pool, min(count, len(pool)))
        self.keep_busy(chosen)
        return chosen

    def keep_busy(self, employees: Iterable[Employee]) -> None:
        self.busy.update(one.number for one in employees)

    def reports_of(self, manager: Employee) -> list[Employee]:
        return [
            one
            for one in self.people
            if one.manager is manager
            and one.is_assigned
            and one.scim_id
            and one.number not in self.busy
        ]

    def compare(self, what: str, who: object, want: Any, got: Any) -> None:
        """Count a check, and keep the difference if there is one."""
        self.checks[what] += 1
        if want != got:
            self.differ(what, who, want, got)

    def check(self, what: str, who: object, *, holds: bool) -> None:
        """Count a check of something that ought to hold."""
        self.compare(what, who, "holds", "holds" if holds else "does not hold")

    def differ(self, what: str, who: object, want: Any, got: Any) -> None:
        name = who.user_name if isinstance(who, Employee) else str(who)
        self.differences.append(Difference(self.day, what, name, want, got))
        print(self.differences[-1], flush=True)

    @property
    def sync_errors(self) -> set[tuple[str, str]]:
        """Return whom Team updates ought to list now, each with the reason."""
        return {
            (one.user_name, "invalid-manager")
            for one in self.people
            if one.unknown_manager and one.is_assigned and not one.is_invited_anyway
        }

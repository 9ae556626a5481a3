"""The people of the example company, as Okta would describe them over SCIM.

Always the same ones, so that a screenshot or a bug report means the same to everybody.
"""

import random
from dataclasses import dataclass, field, replace
from typing import Any

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
DOMAIN = "lumen.example"

GIVEN = ["Ada", "Amara", "Anaïs", "Arjun", "Aylin", "Beatriz", "Bogdan", "Chidi", "Chiara", "Dmitri", "Elif", "Emeka", "Esther", "Farah", "Felix", "Freya", "Gabriel", "Greta", "Hana", "Henrik", "Ibrahim", "Ines", "Ingrid", "Isaac", "Ivana", "Jamal", "Jana", "Jorge", "Kaito", "Katja", "Kofi", "Laila", "Leif", "Lena", "Lucía", "Magnus", "Maïa", "Marek", "Mei", "Miriam", "Nadia", "Nikhil", "Noor", "Olu", "Oskar", "Paloma", "Petra", "Quentin", "Rania", "Ravi", "Rosa", "Sade", "Samir", "Saoirse", "Signe", "Tariq", "Thandi", "Tomás", "Ulrike", "Uma", "Viktor", "Wanjiru", "Xin", "Yael", "Yusuf", "Zofia"]
FAMILY = ["Abebe", "Adeyemi", "Almeida", "Andersson", "Aoki", "Bauer", "Becker", "Bianchi", "Castillo", "Chen", "Costa", "D'Angelo", "Delacroix", "Diallo", "Dvořák", "Eriksen", "Fernández", "Fischer", "Gallo", "García-Ruiz", "Haddad", "Hansen", "Horvat", "Ibarra", "Ivanova", "Jansen", "Joshi", "Kamau", "Kaplan", "Kim", "Kowalski", "Kumar", "Laurent", "Lindqvist", "Lopes", "Mbeki", "Meyer", "Moreau", "Müller", "Nakamura", "Ncube", "Novak", "O'Brien", "Okafor", "Ørsted", "Papadopoulos", "Park", "Petrov", "Qureshi", "Reyes", "Rossi", "Sánchez", "Schmidt", "Silva", "Singh", "Sokolov", "Tanaka", "Teixeira", "Uzun", "van_der_Berg", "Varga", "Weiss", "Yılmaz", "Zhang", "Zimmermann"]
DEPARTMENTS = (
    *("Engineering", "Sales", "Finance", "Operations", "Customer Success"),
    *("Marketing", "People", "Legal"),
)
WEIGHTS = (30, 22, 10, 14, 12, 8, 6, 4)
CITIES = ("Lisbon", "Berlin", "Amsterdam", "Nairobi", "Kraków", "Remote")
TITLES = ("Associate", "Specialist", "Senior Specialist", "Lead", "Manager", "Director")


@dataclass(frozen=True)
class Colleague:
    """Somebody in Okta's directory, and where the company put them."""

    number: int
    given_name: str
    family_name: str
    department: str
    city: str
    title: str
    manager: "Colleague | None" = None
    active: bool = True
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def email(self) -> str:
        name = f"{self.given_name}.{self.family_name}".lower()
        plain = "".join(one for one in name if one.isascii() and (one.isalnum() or one == "."))
        return f"{plain}{self.number}@{DOMAIN}"

    @property
    def resource(self) -> dict[str, Any]:
        enterprise: dict[str, Any] = {
            "department": self.department,
            "employeeNumber": f"{1000 + self.number}",
        }
        if self.manager:
            enterprise["manager"] = {"value": self.manager.email}
        resource = {
            "schemas": [USER, ENTERPRISE],
            "userName": self.email,
            "externalId": f"00u{self.number:06d}lumen",
            "name": {"givenName": self.given_name, "familyName": self.family_name},
            "displayName": f"{self.given_name} {self.family_name}",
            "title": self.title,
            "emails": [{"value": self.email, "type": "work", "primary": True}],
            "addresses": [{"type": "work", "locality": self.city, "primary": True}],
            "active": self.active,
            ENTERPRISE: enterprise,
        }
        return resource | self.extra


def colleagues(count: int) -> list[Colleague]:
    """Return the people, each department's head first and managers before their reports."""
    chance = random.Random(20260302)  # noqa: S311  the same people every time
    staff: list[Colleague] = []
    heads: dict[str, list[Colleague]] = {name: [] for name in DEPARTMENTS}
    for number in range(1, count + 1):
        is_head = number <= len(DEPARTMENTS)
        department = DEPARTMENTS[number - 1] if is_head else chance.choices(DEPARTMENTS, WEIGHTS)[0]
        above = heads[department]
        colleague = Colleague(
            number=number,
            given_name=chance.choice(GIVEN),
            family_name=chance.choice(FAMILY).replace("_", " "),
            department=department,
            city=chance.choice(CITIES),
            title=f"{'Head of ' if is_head else ''}{department} {'' if is_head else chance.choice(TITLES)}".strip(),
            manager=None if is_head else chance.choice(above[:6]),
        )
        if len(above) < 6:
            above.append(colleague)
        staff.append(colleague)
    return staff


def moved(colleague: Colleague, **changes: Any) -> Colleague:
    return replace(colleague, **changes)

"""The people of the example company, as SCIM users that Okta would send.

They are the same in every installation, so that screenshots and bug reports can be compared.
"""

import random
import unicodedata
from dataclasses import dataclass
from typing import Any

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
DOMAIN = "lumen.example"

GIVEN = """
    Ada Amara Anaïs Arjun Aylin Beatriz Bogdan Chidi Chiara Dmitri Elif Emeka Esther Farah
    Felix Freya Gabriel Greta Hana Henrik Ibrahim Ines Ingrid Isaac Ivana Jamal Jana Jorge
    Kaito Katja Kofi Laila Leif Lena Lucía Magnus Maïa Marek Mei Miriam Nadia Nikhil Noor
    Olu Oskar Paloma Petra Quentin Rania Ravi Rosa Sade Samir Saoirse Signe Tariq Thandi
    Tomás Ulrike Uma Viktor Wanjiru Xin Yael Yusuf Zofia
""".split()  # noqa: SIM905  as a list it would be a page long
FAMILY = """
    Abebe Adeyemi Almeida Andersson Aoki Bauer Becker Bianchi Castillo Chen Costa D'Angelo
    Delacroix Diallo Dvořák Eriksen Fernández Fischer Gallo García-Ruiz Haddad Hansen Horvat
    Ibarra Ivanova Jansen Joshi Kamau Kaplan Kim Kowalski Kumar Laurent Lindqvist Lopes
    Mbeki Meyer Moreau Müller Nakamura Ncube Novak O'Brien Okafor Ørsted Papadopoulos Park
    Petrov Qureshi Reyes Rossi Sánchez Schmidt Silva Singh Sokolov Tanaka Teixeira Uzun
    Varga Weiss Yılmaz Zhang Zimmermann
""".split()  # noqa: SIM905  as a list it would be a page long
DEPARTMENTS = (
    *("Engineering", "Sales", "Finance", "Operations", "Customer Success"),
    *("Marketing", "People", "Legal"),
)
WEIGHTS = (30, 22, 10, 14, 12, 8, 6, 4)
CITIES = ("Lisbon", "Berlin", "Amsterdam", "Nairobi", "Kraków", "Remote")
LEADERS = 6
TITLES = ("Associate", "Specialist", "Senior Specialist", "Lead", "Manager", "Director")


@dataclass(frozen=True)
class Colleague:
    """A person in Okta's directory, with department, city, title and manager."""

    number: int
    given_name: str
    family_name: str
    department: str
    city: str
    title: str
    manager: "Colleague | None" = None

    @property
    def email(self) -> str:
        # Splits accents from letters, so that the ASCII filter below keeps the letters.
        spoken = unicodedata.normalize("NFKD", f"{self.given_name}.{self.family_name}".lower())
        plain = "".join(one for one in spoken if one.isascii() and (one.isalnum() or one == "."))
        return f"{plain}.{self.number}@{DOMAIN}"

    @property
    def resource(self) -> dict[str, Any]:
        enterprise: dict[str, Any] = {
            "department": self.department,
            "employeeNumber": f"{1000 + self.number}",
        }
        if self.manager:
            enterprise["manager"] = {"value": self.manager.email}
        return {
            "schemas": [USER, ENTERPRISE],
            "userName": self.email,
            "externalId": f"00u{self.number:06d}lumen",
            "name": {"givenName": self.given_name, "familyName": self.family_name},
            "displayName": f"{self.given_name} {self.family_name}",
            "title": self.title,
            "emails": [{"value": self.email, "type": "work", "primary": True}],
            "addresses": [{"type": "work", "locality": self.city, "primary": True}],
            "active": True,
            ENTERPRISE: enterprise,
        }


def colleagues(count: int) -> list[Colleague]:
    """Return the people, managers before their reports."""
    chance = random.Random(20260302)  # noqa: S311  the same people every time
    leaders: dict[str, list[Colleague]] = {name: [] for name in DEPARTMENTS}
    staff = []
    for number in range(1, count + 1):
        is_head = number <= len(DEPARTMENTS)
        usual = chance.choices(DEPARTMENTS, WEIGHTS)[0]
        department = DEPARTMENTS[number - 1] if is_head else usual
        colleague = Colleague(
            number=number,
            given_name=chance.choice(GIVEN),
            family_name=chance.choice(FAMILY),
            department=department,
            city=chance.choice(CITIES),
            title=f"Head of {department}" if is_head else f"{department} {chance.choice(TITLES)}",
            manager=None if is_head else chance.choice(leaders[department]),
        )
        if len(leaders[department]) < LEADERS:
            leaders[department].append(colleague)
        staff.append(colleague)
    return staff

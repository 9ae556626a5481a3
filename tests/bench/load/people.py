"""The made-up people of the load, and how SCIM says one."""

from dataclasses import dataclass
from typing import Any

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

DEPARTMENTS = ("Sales", "Research", "Finance", "Operations", "Legal", "People", "Support")
GIVEN = ("Barbara", "Jürgen", "Chidi", "Olga", "Mei", "Søren", "Fatima", "Tomás", "Aiko", "Noor")
FAMILY = ("Jensen", "Müller", "Okafor", "Ivanova", "Chen", "Ørsted", "Haddad", "Núñez", "Sato")


@dataclass(slots=True)
class Person:
    """What this client believes of one user on the server."""

    number: int
    user_name: str
    external_id: str
    id: str = ""
    title: str = ""
    family: str = ""
    department: str = ""
    manager: str = ""
    active: bool = True
    mine: bool = True  # made by this run, so this run may delete it

    @property
    def given(self) -> str:
        return GIVEN[self.number % len(GIVEN)]


def new_person(number: int, run_id: str, *, manager: str) -> Person:
    return Person(
        number,
        f"u{number}.{run_id}@example.com",
        f"ext-{run_id}-{number}",
        title=f"Engineer {number}",
        family=family_name(number),
        department=DEPARTMENTS[number % len(DEPARTMENTS)],
        manager=manager,
    )


def adopted_person(number: int, found: dict[str, Any]) -> Person:
    """Return someone whom the server had before this run."""
    enterprise = found.get(ENTERPRISE) or {}
    return Person(
        number,
        found["userName"],
        found.get("externalId") or "",
        id=str(found["id"]),
        title=found.get("title") or "",
        family=(found.get("name") or {}).get("familyName") or "",
        department=enterprise.get("department") or "",
        manager=(enterprise.get("manager") or {}).get("value") or "",
        active=found.get("active", True),
        mine=False,
    )


def family_name(number: int) -> str:
    return f"{FAMILY[number % len(FAMILY)]}{number}"


def document(person: Person, payload: str) -> dict[str, Any]:
    core = _core(person)
    if payload == "lean":
        core["name"]["formatted"] = core["displayName"]
        core["emails"] = [{"value": person.user_name}]
        del core["externalId"]
    return core | _more(person, core) if payload == "full" else core


def difference(answer: dict[str, Any], person: Person, payload: str) -> str | None:
    """Say what the answer has else than the client wrote last."""
    if payload == "full":
        if answer.get("title", "") != person.title:
            return "title is not what was written"
        enterprise = answer.get(ENTERPRISE) or {}
        if enterprise.get("department", "") != person.department:
            return "department is not what was written"
        if (enterprise.get("manager") or {}).get("value", "") != person.manager:
            return "manager is not what was written"
    if (answer.get("name") or {}).get("familyName") != person.family:
        return "name.familyName is not what was written"
    if answer.get("active", True) != person.active:
        return "active is not what was written"
    return None


def _core(person: Person) -> dict[str, Any]:
    return {
        "schemas": [USER],
        "userName": person.user_name,
        "externalId": person.external_id,
        "name": {"givenName": person.given, "familyName": person.family},
        "displayName": f"{person.given} {person.family}",
        "emails": [{"value": person.user_name, "type": "work", "primary": True}],
        "active": True,
    }


def _more(person: Person, core: dict[str, Any]) -> dict[str, Any]:
    return {
        "schemas": [USER, ENTERPRISE],
        "name": core["name"] | {"formatted": core["displayName"]},
        "title": person.title,
        "locale": "en-US",
        "timezone": "Europe/Berlin",
        "preferredLanguage": "en",
        "phoneNumbers": [{"value": f"+1-555-{person.number:07d}", "type": "work"}],
        "addresses": [_address(person.number)],
        ENTERPRISE: _enterprise(person),
    }


def _address(number: int) -> dict[str, Any]:
    return {
        "type": "work",
        "streetAddress": f"{number % 900 + 1} Universal City Plaza",
        "locality": "Hollywood",
        "region": "CA",
        "postalCode": f"{number % 90000 + 10000}",
        "country": "US",
        "primary": True,
    }


def _enterprise(person: Person) -> dict[str, Any]:
    enterprise: dict[str, Any] = {
        "employeeNumber": f"{person.number:08d}",
        "costCenter": f"{4000 + person.number % 40}",
        "organization": "Universal Studios",
        "division": "Theme Park",
        "department": person.department,
    }
    if person.manager:
        enterprise["manager"] = {"value": person.manager}
    return enterprise

"""Two companies with one of everything, and somebody in each role.

`furnish` builds them on a stack. As a program, in the environment of a server, this module
builds one company and prints it as JSON: a fault test's own process may use another database.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Final

import django

from tests.faults.stack import Stack
from tests.services.server import ROOT

# What people read of the second company contains this, so that a leak is recognized.
MARK: Final = "Zqbmark"
PASSWORD: Final = "correct horse battery 9"
ROLES: Final = {
    "employee": "BUSINESS_USER",
    "manager": "BUSINESS_USER",
    "bookkeeper": "BUSINESS_BOOKKEEPER",
    "guest": "GUEST_USER",
    "it_admin": "IT_ADMIN",
    "admin": "BUSINESS_ADMIN",
    "owner": "BUSINESS_OWNER",
    "report": "BUSINESS_USER",
    "invited": "BUSINESS_USER",
}
ADMINISTRATORS: Final = ("it_admin", "admin", "owner")


@dataclass(frozen=True)
class Company:
    """A company, by what its visitors need; `objects` has a row's key by the table's name."""

    slug: str
    tenant_id: int
    scim_token: str
    people: dict[str, str]
    emails: dict[str, str]
    api_tokens: dict[str, str]
    objects: dict[str, str]


def furnish(stack: Stack) -> tuple[Company, Company]:
    """Build two companies, new ones each time; only texts of the second contain `MARK`."""
    number = stack.value("SELECT count(*) FROM people_tenant")
    ours, theirs = (_built(stack, f"{name}{number}", mark) for name, mark in COMPANIES.items())
    return ours, theirs


COMPANIES: Final = {"ours": "", "theirs": MARK}


def _built(stack: Stack, slug: str, mark: str) -> Company:
    environment = {**stack.server.environment, "DJANGO_SETTINGS_MODULE": "ramp.settings"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.cast", slug, mark],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT), "HOME": os.environ.get("HOME", "/")},
        stdout=subprocess.PIPE,
        check=True,
    )
    return Company(**json.loads(done.stdout))


def main() -> None:
    django.setup()
    from tests.faults.furnishing import open_company  # noqa: PLC0415  Django's models come first

    slug, mark = sys.argv[1:]
    print(json.dumps(asdict(open_company(slug, mark))))


if __name__ == "__main__":
    main()

import json
from argparse import ArgumentParser
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from ramp import processes

READY = """
Ramp is ready.

  People     {base}/
  Sign in    {email}
  Password   {password}

  SCIM       {base}/scim/v2
  Token      {token}

Bring one more person in, and reload the page; the link of their invite is written below:

  curl -sS {base}/scim/v2/Users \\
    -H 'Authorization: Bearer {token}' -H 'Content-Type: application/scim+json' \\
    -d '{person}'

Ctrl-C ends everything; the data stays in {folder}.
"""
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NEWCOMER = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
    "userName": "grace.hopper@lumen.example",
    "name": {"givenName": "Grace", "familyName": "Hopper"},
    "emails": [{"value": "grace.hopper@lumen.example", "type": "work", "primary": True}],
    "addresses": [{"type": "work", "locality": "Berlin"}],
    "active": True,
    ENTERPRISE: {"department": "Engineering"},
}


class Command(BaseCommand):
    help = "Run Ramp with example people, needing nothing but this folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--empty", action="store_true", help="do not add example people")

    def handle(self, *, empty: bool, **_: Any) -> None:
        try:
            processes.preflight()
        except processes.PortTakenError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Preparing the database; the first time takes a minute.")
        call_command("migrate", verbosity=0)
        ready = f"Ramp is ready: {settings.PUBLIC_BASE_URL}/" if empty else _seeded()
        connections.close_all()
        programs = [processes.web(), processes.worker(processes=1, with_beat=True)]
        processes.supervise(programs, announce=lambda: print(ready, flush=True))  # noqa: T201


def _seeded() -> str:
    """Add the example people, and return the text with their address and sign-in."""
    # seed_demo answers {"email": …, "password": …, "token": …}, the same each time.
    access = json.loads(call_command("seed_demo", stdout=StringIO()))
    return READY.format(
        base=settings.PUBLIC_BASE_URL,
        folder=settings.VAR_DIR,
        person=json.dumps(NEWCOMER),
        **access,
    )

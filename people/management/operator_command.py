"""What the commands for operators have in common: readable or JSON output, and confirmations."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q, QuerySet

from people import tenancy
from people.models import Person, Tenant
from people.values import normalize_key

# An answer to `--json`, and the same as lines for a reader.
Facts = dict[str, Any]


class OperatorCommand(BaseCommand):
    """A command that prints lines for a reader, or one JSON object with `--json`."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def show(self, facts: Facts, lines: Sequence[str], *, as_json: bool) -> None:
        text = json.dumps(facts, ensure_ascii=False, indent=2) if as_json else "\n".join(lines)
        self.stdout.write(text)


def add_confirmation(parser: CommandParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def confirm(consequence: str, *, is_confirmed: bool) -> None:
    """Ask the person at the terminal whether to go on.

    :raises CommandError: if they do not answer with “yes”, or if there is no terminal.
    """
    if is_confirmed:
        return
    try:
        answer = input(f"{consequence}\nType “yes” to go on: ")
    except EOFError:
        answer = ""
    if answer.strip().lower() != "yes":
        raise CommandError(
            f"{consequence}\nNothing was changed. Repeat the command with --yes to go on."
        )


def add_address(parser: CommandParser) -> None:
    """Add the arguments that `person_with_address` reads."""
    parser.add_argument("address", help="the email address with which the person signs in")
    parser.add_argument(
        "--tenant", default="", help="the slug of their tenant, if several know the address"
    )


def tenant_with_slug(slug: str) -> Tenant:
    """Return the tenant.

    :raises CommandError: if no open tenant has the slug.
    """
    tenant = Tenant.objects.filter(slug=slug, closed_at=None, is_sandbox=False).first()
    if tenant is None:
        raise CommandError(f"There is no tenant “{slug}”. `manage.py tenants` lists all tenants.")
    return tenant


def people_with_address(address: str, slug: str) -> list[Person]:
    """Return the people of all open tenants, or of one, who have the address."""
    with tenancy.across_tenants():
        found: QuerySet[Person] = Person.objects.having_address(address.strip())
        found = found.select_related("tenant").filter(
            tenant__closed_at=None, tenant__is_sandbox=False
        )
        if slug:
            found = found.filter(tenant__slug=slug)
        return list(found.order_by("tenant__slug"))


def person_with_address(address: str, slug: str) -> Person:
    """Return the only person who has the address.

    :raises CommandError: if nobody has it, or people of several tenants do.
    """
    people = people_with_address(address, slug)
    if len(people) == 1:
        return people[0]
    if people:
        slugs = ", ".join(person.tenant.slug for person in people)
        raise CommandError(
            f"Several tenants have a person with the address “{address}”. Choose one with "
            f"--tenant: {slugs}."
        )
    raise CommandError(nobody_has(address, slug))


def add_person(parser: CommandParser) -> None:
    """Add the arguments that `person_called` reads."""
    parser.add_argument("person", help="the id of the person, or an address that they have or had")
    parser.add_argument("--tenant", default="", help="the slug of their tenant")


def person_called(text: str, slug: str) -> Person:
    """Return the only person with the id or address, terminated ones included.

    :raises CommandError: if there is none, or if there are several.
    """
    with tenancy.across_tenants():
        key = normalize_key(text.strip())
        by = Q(email_key=key) | Q(former_addresses__email_key=key)
        # Any other text is an address.
        with suppress(ValueError):
            by = Q(pk=UUID(text))
        people = Person.objects.filter(by, tenant__slug=slug) if slug else Person.objects.filter(by)
        found: list[Person] = list(people.select_related("tenant").distinct().order_by("pk"))
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(f"{one.pk} ({one.state}, {one.tenant.slug})" for one in found)
        raise CommandError(f"Several people have or had the address “{text}”. Give an id: {ids}.")
    raise CommandError(nobody_has(text, slug))


def nobody_has(address: str, slug: str) -> str:
    where = f" in the tenant “{slug}”" if slug else ""
    return f"Nobody has the address “{address}”{where}."

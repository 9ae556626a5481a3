from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from people import tenancy
from people.models import Person
from people.operations import passwords
from people.values import Actor, normalize_key
from people.views.password_form import PasswordForm


class Command(BaseCommand):
    help = (
        "Give somebody another password, for example an Owner who cannot receive mail. Asks for "
        "the password. All of their sessions end."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the address that they sign in with")
        parser.add_argument(
            "--tenant", default="", help="the company's slug, if the address belongs to several"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person = _person(options["email"], options["tenant"])
        password, again = getpass("New password: "), getpass("Confirm password: ")
        form = PasswordForm(person, {"password": password, "again": again})
        if not form.is_valid():
            raise CommandError(
                " ".join(str(error) for errors in form.errors.values() for error in errors)
            )
        with tenancy.use(person.tenant_id):
            passwords.change_password(
                person, form.cleaned_data["password"], actor=Actor("command", "changepassword")
            )
        self.stdout.write(f"{person.email} at {person.tenant.name} has a new password.")


def _person(email: str, slug: str) -> Person:
    with tenancy.across_tenants():
        people = Person.objects.in_lists().select_related("tenant")
        people = people.filter(email_key=normalize_key(email), tenant__is_sandbox=False)
        found: list[Person] = list(people.filter(tenant__slug=slug) if slug else people)
    if not found:
        raise CommandError(f"Nobody uses the address “{email}”.")
    if len(found) > 1:
        slugs = ", ".join(sorted(person.tenant.slug for person in found))
        raise CommandError(
            f"“{email}” belongs to several companies. Choose one with --tenant: {slugs}."
        )
    return found[0]

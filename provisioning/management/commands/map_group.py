import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from people import tenancy
from people.models import Person, Role, Tenant
from people.operations.roles.group_mappings import Author, MappingEffects
from people.values import Actor, PeopleError, normalize_key
from provisioning.claims import Group
from provisioning.directory import group_lookup
from provisioning.group_roles import mappings
from provisioning.group_roles.mappings import AnyRole
from provisioning.models import IdentityProvider
from provisioning.providers import manage


class Command(BaseCommand):
    help = (
        "Map an identity provider's group to a role, effective immediately. Prints JSON: the "
        "mapping and the role changes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the tenant's slug")
        parser.add_argument("--provider", required=True, help="the identity provider's name")
        parser.add_argument(
            "--group", required=True, help="the group’s ID, or its name exactly as at the provider"
        )
        parser.add_argument(
            "--role",
            required=True,
            help="Owner, Admin, Cardholder, Bookkeeper, IT Admin, or a custom role of the tenant",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["slug"]).first()
        if tenant is None:
            raise CommandError(
                f"There is no tenant “{options['slug']}”. Create it with create_tenant."
            )
        author = Author(actor=Actor("command", "map_group"))
        with tenancy.use(tenant):
            try:
                provider = manage.provider_named(options["provider"])
            except IdentityProvider.DoesNotExist:
                kept = IdentityProvider.objects.kept().order_by("name_key")
                there = ", ".join(f"“{one}”" for one in kept) or "none"
                raise CommandError(
                    f"There is no identity provider “{options['provider']}”. Existing: {there}."
                ) from None
            role = _role(options["role"])
            try:
                found = group_lookup.look_up(provider, options["group"])
                group = found or Group(options["group"], "")
                outcome = mappings.map_group(
                    provider, group.id, role, author=author, name=group.name
                )
            except PeopleError as error:
                raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(_as_json(outcome), ensure_ascii=False))


def _role(name: str) -> AnyRole:
    for role in Person.Role:
        if normalize_key(name) in (normalize_key(role.label), normalize_key(role.value)):
            return role
    own: Role | None = Role.objects.filter(name_key=normalize_key(name)).first()
    if own is None:
        raise CommandError(
            f"There is no role “{name}”. Use Owner, Admin, Cardholder, Bookkeeper, IT Admin, or a "
            "custom role of the tenant."
        )
    return own


def _as_json(outcome: MappingEffects) -> dict[str, Any]:
    return {
        "mapped": outcome.added,
        "members": outcome.member_count,
        "changes": [
            {
                "person": change.person.email,
                "gained": change.gained,
                "lost": change.lost,
                "problems": change.problems,
            }
            for change in outcome.changes
        ],
    }

import base64
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from people import tenancy
from people.models import Tenant
from people.values import Actor, PeopleError
from provisioning.oidc.urls_for_provider import addresses_of
from provisioning.providers import config, manage


class Command(BaseCommand):
    help = (
        "Add an identity provider to a tenant from a JSON file. Prints JSON: id, sign_in_url, and "
        "the values to enter at the provider."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the tenant's slug")
        parser.add_argument(
            "--file",
            required=True,
            type=Path,
            help='a JSON object: {"kind": "oidc", "name": …}; docs/sign-in.md lists its keys',
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["slug"]).first()
        if tenant is None:
            raise CommandError(
                f"There is no tenant “{options['slug']}”. Create it with create_tenant."
            )
        actor = Actor("command", "add_identity_provider")
        try:
            definition = config.read(_document(options["file"]))
            with tenancy.use(tenant):
                provider = manage.add_provider(definition, actor=actor)
        except PeopleError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps({"id": str(provider.pk), **addresses_of(provider)}))


def _document(path: Path) -> Any:
    """Read the file; a keytab may be named by its path, beside the file or absolute."""
    try:
        document = json.loads(path.read_text())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CommandError(f"{path} is not JSON: {error}.") from error
    keytab = document.get("keytab") if isinstance(document, dict) else None
    if isinstance(keytab, str) and (path.parent / keytab).is_file():
        document["keytab"] = base64.b64encode((path.parent / keytab).read_bytes()).decode()
    return document

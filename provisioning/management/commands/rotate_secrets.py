import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from people import tenancy
from provisioning.providers import rotate_secrets


class Command(BaseCommand):
    help = (
        "Re-encrypt all secrets of identity providers with SECRET_KEY, so that the keys in "
        "SECRET_KEY_FALLBACKS can be removed. Prints JSON: how many were rotated."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with tenancy.across_tenants():
            rotated, lost = rotate_secrets.rotate_all()
        self.stdout.write(json.dumps({"rotated": rotated, "lost": len(lost)}))
        if lost:
            named = ", ".join(f"“{provider.name}” of {provider.tenant.slug}" for provider in lost)
            raise CommandError(
                f"The secrets of {named} cannot be decrypted with any key. Add the key that was "
                "in use when they were entered to SECRET_KEY_FALLBACKS, or enter the secrets "
                "again."
            )

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from people import tenancy
from people.operations.signals import keys
from people.operations.webhooks import key_rotation
from provisioning.providers import rotate_secrets


class Command(BaseCommand):
    help = (
        "Re-encrypt all secrets of identity providers, second factors, webhook endpoints and "
        "signal streams with SECRET_KEY, so that the keys in SECRET_KEY_FALLBACKS can be removed. "
        "Prints JSON: how many were rotated."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with tenancy.across_tenants():
            rotated, lost = rotate_secrets.rotate_all()
            rotated_factors, lost_factors = rotate_secrets.rotate_second_factors()
            rotated_hooks, lost_hooks = key_rotation.rotate_all()
            rotated_keys, lost_keys = keys.reseal_all()
        numbers = {
            "rotated": rotated + rotated_factors + rotated_hooks + rotated_keys,
            "lost": len(lost) + lost_factors + lost_hooks + lost_keys,
        }
        self.stdout.write(json.dumps(numbers))
        if lost:
            named = ", ".join(f"“{provider.name}” of {provider.tenant.slug}" for provider in lost)
            raise CommandError(
                f"The secrets of {named} cannot be decrypted with any key. Add the key that was "
                "in use when they were entered to SECRET_KEY_FALLBACKS, or enter the secrets "
                "again."
            )
        if lost_factors:
            raise CommandError(
                f"The second factors of {lost_factors} people cannot be decrypted with any key. "
                "Add the key that was in use when they were set up to SECRET_KEY_FALLBACKS, or "
                "reset them on the pages of these people."
            )
        if lost_hooks:
            raise CommandError(
                f"The signing secrets of {lost_hooks} webhook endpoints cannot be decrypted with "
                "any key. Add the key that was in use when they were created to "
                "SECRET_KEY_FALLBACKS, or replace them on the pages of the endpoints."
            )
        if lost_keys:
            raise CommandError(
                f"{lost_keys} signing keys of signal streams cannot be decrypted with any key. Add "
                "the key that was in use when they were created to SECRET_KEY_FALLBACKS, or create "
                "new ones on the Shared Signals pages of the companies."
            )

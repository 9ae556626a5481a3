import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from people.models import Tenant
from people.operations import daily_counts
from people.tokens import new_token
from ramp.demo import company


class Command(BaseCommand):
    help = (
        "Add a company of a few hundred people whom Okta provisioned, with a history of a year. "
        "Repeating it changes nothing. Answers JSON: email, password, token."
    )

    def handle(self, *args: Any, **options: Any) -> str:
        # Only a digest of it is in the database, and the next start has to print it again.
        kept = Path(settings.VAR_DIR) / "demo-token"
        if not Tenant.objects.filter(slug=company.SLUG).exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.touch(mode=0o600)
            kept.write_text(new_token("scim"))
            company.open_company(kept.read_text())
            # So that the charts of the overview are complete at once.
            daily_counts.count_days(as_of=timezone.now())
        return json.dumps(
            {
                "email": company.OWNER.email,
                "password": company.PASSWORD,
                "token": kept.read_text(),
            }
        )

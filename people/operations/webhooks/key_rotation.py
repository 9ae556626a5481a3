"""Re-encrypts signing secrets with the newest key, so that older keys can be removed."""

from typing import Final
from uuid import UUID

from django.db import transaction

from people import secrets
from people.models import WebhookEndpoint
from people.operations.webhooks import messages
from people.secrets import SecretLost

COLUMNS: Final = ("secret", "older_secret")


def rotate_all() -> tuple[int, int]:
    """Re-encrypt the secrets of all endpoints; return how many changed, and how many are lost."""
    rotated = lost = 0
    for endpoint_id in WebhookEndpoint.objects.values_list("pk", flat=True):
        try:
            rotated += _rotate(endpoint_id)
        except SecretLost:
            lost += 1
    return rotated, lost


@transaction.atomic
def _rotate(endpoint_id: UUID) -> int:
    endpoint = WebhookEndpoint.objects.select_for_update().filter(pk=endpoint_id).first()
    if endpoint is None:
        return 0
    sealed = {column: getattr(endpoint, column) for column in COLUMNS}
    older = [column for column, text in sealed.items() if text and not secrets.is_newest(text)]
    for column in older:
        secret = messages.opened(endpoint, sealed[column])
        setattr(endpoint, column, messages.sealed(endpoint, secret))
    endpoint.save(update_fields=older)
    return len(older)


def without_key() -> int:
    """Return how many endpoints have a secret without its key."""
    sealed = WebhookEndpoint.objects.values_list(*COLUMNS)
    return sum(any(map(secrets.is_without_key, row)) for row in sealed)

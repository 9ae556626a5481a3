"""Re-encrypt all secrets with the newest key, so that older keys can be removed."""

from functools import reduce
from operator import or_
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, TextField, Value
from django.db.models.functions import Coalesce

from people import secrets
from people.models import SecondFactor
from people.secrets import SecretLost
from provisioning.models import IdentityProvider, TransmitterStream
from provisioning.providers import manage, second_factor_secrets, signal_secrets

# The field name that each column was encrypted for.
SEALED: Final = {"secret": manage.FIELD, "directory_token": manage.DIRECTORY_FIELD}


@transaction.atomic
def rotate(provider_id: UUID) -> int:
    """Re-encrypt a provider's secrets with the newest key; return how many had an older one.

    :raises SecretLost: if no key decrypts one of them. Then none is changed.
    """
    provider = IdentityProvider.objects.select_for_update().get(pk=provider_id)
    older = [column for column in SEALED if _is_older(getattr(provider, column))]
    for column in older:
        tenant_id, field = provider.tenant_id, SEALED[column]
        text = secrets.opened(getattr(provider, column), tenant_id=tenant_id, field=field)
        setattr(provider, column, secrets.sealed(text, tenant_id=tenant_id, field=field))
    provider.save(update_fields=older)
    stream = TransmitterStream.objects.select_for_update().filter(provider=provider).first()
    if stream is None or not _is_older(stream.token):
        return len(older)
    text = secrets.opened(stream.token, tenant_id=stream.tenant_id, field=signal_secrets.FIELD)
    signal_secrets.seal_token(stream, text)
    stream.save(update_fields=["token"])
    return len(older) + 1


def rotate_all() -> tuple[int, list[IdentityProvider]]:
    """Rotate the secrets of every provider; return how many changed, and whose are lost."""
    rotated, lost = 0, []
    for provider in IdentityProvider.objects.select_related("tenant").order_by("pk"):
        try:
            rotated += rotate(provider.pk)
        except SecretLost:
            lost.append(provider)
    return rotated, lost


def rotate_second_factors() -> tuple[int, int]:
    """Rotate the secrets of all second factors; return how many changed, and how many are lost."""
    rotated = lost = 0
    for person_id, sealed in SecondFactor.objects.values_list("person_id", "secret").iterator():
        # Only a row that seems to need it is locked, and then checked again.
        if not _is_older(sealed):
            continue
        try:
            rotated += _rotate_second_factor(person_id)
        except SecretLost:
            lost += 1
    return rotated, lost


@transaction.atomic
def _rotate_second_factor(person_id: UUID) -> int:
    factor = SecondFactor.objects.select_for_update().filter(pk=person_id).first()
    if factor is None or not _is_older(factor.secret):
        return 0
    factor.secret = second_factor_secrets.sealed(
        factor.person, second_factor_secrets.opened(factor.person, factor.secret)
    )
    factor.save(update_fields=["secret"])
    return 1


def _is_older(sealed: str) -> bool:
    return bool(sealed) and not secrets.is_newest(sealed)


def without_key() -> tuple[int, int]:
    """Return how many providers, and how many second factors, have a secret without its key."""
    sealed = IdentityProvider.objects.annotate(
        signal_token=Coalesce("signal_stream__token", Value(""), output_field=TextField())
    ).values_list(*SEALED, "signal_token")
    providers = sum(any(map(secrets.is_without_key, row)) for row in sealed)
    # There may be one for each person, so the database counts them.
    has_key = reduce(or_, (Q(secret__startswith=f"{key}.") for key in secrets.key_ids()))
    return providers, SecondFactor.objects.exclude(has_key).count()

"""The keys of a company with which Ramp signs security events, and their rotation.

A message is signed when it is sent, also a repeated one. So a retired key only has to stay
published until receivers have verified what they received before the rotation.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from jwt.algorithms import RSAAlgorithm

from people import events, secrets
from people.models import Event, SignalKey
from people.operations.locks import LockName, acquire_lock
from people.secrets import SecretLost
from people.values import Actor

# The CAEP interoperability profile requires RS256 and at least 2048 bits.
ALGORITHM: Final = "RS256"
KEY_BITS: Final = 2048
PUBLISHED_AFTER_RETIREMENT: Final = timedelta(days=7)


def published_keys() -> QuerySet[SignalKey]:
    """Return the keys that receivers need, the current one first."""
    recently = timezone.now() - PUBLISHED_AFTER_RETIREMENT
    needed = SignalKey.objects.filter(Q(retired_at=None) | Q(retired_at__gt=recently))
    return needed.order_by("-created_at", "pk")


def ensure_key(tenant_id: int) -> None:
    """Create the first key of the company if it has none. The caller holds the lock of streams."""
    if not SignalKey.objects.filter(tenant_id=tenant_id, retired_at=None).exists():
        _create(tenant_id, timezone.now())


@transaction.atomic
def rotate_key(tenant_id: int, *, actor: Actor) -> None:
    """Sign with a new key from now on. The older one stays published for a week."""
    acquire_lock(LockName.WEBHOOKS, tenant_id)
    now = timezone.now()
    own = SignalKey.objects.filter(tenant_id=tenant_id)
    own.filter(retired_at=None).update(retired_at=now)
    own.filter(retired_at__lte=now - PUBLISHED_AFTER_RETIREMENT).delete()
    _create(tenant_id, now)
    what = "created a new signing key for signal streams"
    events.record(Event.Kind.SIGNAL_STREAM_CHANGED, None, actor=actor, what=what)


def signer(tenant_id: int) -> Callable[[str], str]:
    """Return a function that signs the JSON of claims, as a security event token (RFC 8417).

    :raises SecretLost: if the current key cannot be decrypted.
    """
    key = SignalKey.objects.get(tenant_id=tenant_id, retired_at=None)
    headers = {"typ": "secevent+jwt", "kid": str(key)}
    # Validating a key takes a hundred times as long as a signature, and this one is our own.
    private = cast(
        RSAPrivateKey,
        load_pem_private_key(
            _opened(key).encode(), password=None, unsafe_skip_rsa_key_validation=True
        ),
    )
    return lambda body: jwt.encode(json.loads(body), private, algorithm=ALGORITHM, headers=headers)


def reseal_all() -> tuple[int, int]:
    """Re-encrypt the keys with the newest SECRET_KEY; return how many changed and are lost."""
    resealed = lost = 0
    for key_id in SignalKey.objects.values_list("pk", flat=True):
        try:
            resealed += _reseal(key_id)
        except SecretLost:
            lost += 1
    return resealed, lost


def without_secret_key() -> int:
    """Return how many keys cannot be decrypted, because the SECRET_KEY of then is missing."""
    return sum(map(secrets.is_without_key, SignalKey.objects.values_list("private_key", flat=True)))


@transaction.atomic
def _reseal(key_id: UUID) -> bool:
    key = SignalKey.objects.select_for_update().filter(pk=key_id).first()
    if key is None or secrets.is_newest(key.private_key):
        return False
    key.private_key = _sealed(key, _opened(key))
    key.save(update_fields=["private_key"])
    return True


def _create(tenant_id: int, now: datetime) -> None:
    private = generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key = SignalKey(id=uuid4(), tenant_id=tenant_id, created_at=now)
    public = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    named = {"kid": str(key), "use": "sig", "alg": ALGORITHM}
    key.public_jwk = {name: public[name] for name in ("kty", "n", "e")} | named
    key.private_key = _sealed(key, pem)
    key.save(force_insert=True)


def _sealed(key: SignalKey, pem: str) -> str:
    return secrets.sealed(pem, tenant_id=key.tenant_id, field=f"signal-key {key.pk}")


def _opened(key: SignalKey) -> str:
    return secrets.opened(key.private_key, tenant_id=key.tenant_id, field=f"signal-key {key.pk}")

"""The command `rotate_secrets`."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from joserfc import jwt
from joserfc.jwk import KeySet
from pytest_django import Settings

from people import tenancy
from people.models import Tenant
from people.operations.signals import keys
from people.operations.webhooks import key_rotation, messages
from people.secrets import is_newest
from people.values import Actor
from provisioning.models import IdentityProvider
from provisioning.providers import config, manage
from tests.factories import core
from tests.factories.webhooks import webhook_endpoint

pytestmark = pytest.mark.django_db

SECRET = "a client secret"


def known(tenant: Tenant, name: str = "Corp") -> IdentityProvider:
    definition = config.read(
        {
            "kind": "oidc",
            "name": name,
            "issuer": "https://id.example",
            "client_id": "ramp",
            "client_secret": SECRET,
        }
    )
    with tenancy.use(tenant):
        return manage.add_provider(definition, actor=Actor("command", "tests"))


def rotate() -> dict[str, int]:
    answer = StringIO()
    call_command("rotate_secrets", stdout=answer)
    values: dict[str, int] = json.loads(answer.getvalue())
    return values


def test_secret_decrypts_without_the_old_key_after_rotation(
    acme: Tenant, settings: Settings
) -> None:
    provider = known(acme)
    before = provider.secret
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a newer key"

    assert rotate() == {"rotated": 1, "lost": 0}

    settings.SECRET_KEY_FALLBACKS = []
    with tenancy.across_tenants():
        provider.refresh_from_db()
    assert provider.secret != before
    assert is_newest(provider.secret)
    assert manage.secret_of(provider) == SECRET


def test_second_rotation_changes_nothing(acme: Tenant, settings: Settings) -> None:
    known(acme)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a newer key"
    rotate()

    assert rotate() == {"rotated": 0, "lost": 0}


def test_reports_lost_secrets_and_rotates_the_others(acme: Tenant, settings: Settings) -> None:
    known(acme, "Lost")
    settings.SECRET_KEY = "another key"
    kept = known(acme, "Kept")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a newer key"

    with pytest.raises(CommandError, match=r"“Lost” of acme.*enter the secrets again"):
        rotate()

    with tenancy.across_tenants():
        kept.refresh_from_db()
    assert manage.secret_of(kept) == SECRET


def test_provider_without_a_secret_is_skipped(acme: Tenant) -> None:
    provider = known(acme)
    with tenancy.use(acme):
        manage.remove_provider(provider, actor=Actor("command", "tests"))

    assert rotate() == {"rotated": 0, "lost": 0}


def test_rotates_signing_secrets_of_webhooks(acme: Tenant, settings: Settings) -> None:
    with tenancy.use(acme):
        endpoint = webhook_endpoint(core.owner())
        before = messages.opened(endpoint, endpoint.secret)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a newer key"

    assert rotate() == {"rotated": 1, "lost": 0}

    settings.SECRET_KEY_FALLBACKS = []
    with tenancy.across_tenants():
        endpoint.refresh_from_db()
        assert key_rotation.without_key() == 0
    assert messages.opened(endpoint, endpoint.secret) == before
    settings.SECRET_KEY = "one that is not known"
    with pytest.raises(CommandError, match="webhook endpoints"):
        rotate()
    with tenancy.across_tenants():
        assert key_rotation.without_key() == 1


def test_rotates_signing_keys_of_signal_streams(acme: Tenant, settings: Settings) -> None:
    with tenancy.use(acme):
        keys.ensure_key(acme.pk)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a newer key"

    assert rotate() == {"rotated": 1, "lost": 0}

    settings.SECRET_KEY_FALLBACKS = []
    with tenancy.across_tenants():
        assert keys.without_secret_key() == 0
        jwks: Any = {"keys": [keys.published_keys().get().public_jwk]}
        token = keys.signer(acme.pk)('{"iss": "ramp"}')
    signed = jwt.decode(token, KeySet.import_key_set(jwks), algorithms=["RS256"])
    assert signed.claims == {"iss": "ramp"}
    settings.SECRET_KEY = "one that is not known"
    with pytest.raises(CommandError, match="signing keys of signal streams"):
        rotate()
    with tenancy.across_tenants():
        assert keys.without_secret_key() == 1

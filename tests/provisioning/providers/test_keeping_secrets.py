"""Encryption of secrets that Ramp has to read again."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from people import tenancy
from people.models import Event, Tenant
from people.secrets import SecretLost, key_id, opened, sealed
from people.values import Actor
from provisioning.models import IdentityProvider
from provisioning.providers import config, manage

SECRET = "a client secret"


def test_decrypts_to_the_original() -> None:
    assert opened(sealed(SECRET, tenant_id=1, field="x"), tenant_id=1, field="x") == SECRET


def test_stored_value_does_not_contain_the_secret() -> None:
    assert SECRET not in sealed(SECRET, tenant_id=1, field="x")


@pytest.mark.parametrize(("tenant_id", "field"), [(2, "x"), (1, "y")])
def test_does_not_decrypt_for_another_tenant_or_field(tenant_id: int, field: str) -> None:
    kept = sealed(SECRET, tenant_id=1, field="x")

    with pytest.raises(SecretLost):
        opened(kept, tenant_id=tenant_id, field=field)


def test_decrypts_with_a_fallback_key(settings: Settings) -> None:
    kept = sealed(SECRET, tenant_id=1, field="x")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a newer key"

    assert opened(kept, tenant_id=1, field="x") == SECRET


def test_does_not_decrypt_without_its_key(settings: Settings) -> None:
    kept = sealed(SECRET, tenant_id=1, field="x")
    settings.SECRET_KEY = "another key"

    with pytest.raises(SecretLost, match="Enter it again"):
        opened(kept, tenant_id=1, field="x")


def test_stored_value_has_the_key_id_but_not_the_key(settings: Settings) -> None:
    kept = sealed(SECRET, tenant_id=1, field="x")

    assert kept.partition(".")[0] == key_id(settings.SECRET_KEY)
    assert settings.SECRET_KEY not in kept


class TestProviderSecret:
    @pytest.fixture
    def provider(self, acme: Tenant) -> Iterator[IdentityProvider]:
        definition = config.read(
            {
                "kind": "oidc",
                "name": "Corp",
                "issuer": "https://id.example",
                "client_id": "ramp",
                "client_secret": SECRET,
            }
        )
        with tenancy.use(acme):
            yield manage.add_provider(definition, actor=Actor("command", "tests"))

    def test_is_in_no_column_or_event_in_plain_text(self, provider: IdentityProvider) -> None:
        row = IdentityProvider.objects.values().get()
        [event] = Event.objects.values()

        assert SECRET not in str(row)
        assert SECRET not in str(event)
        assert manage.secret_of(provider) == SECRET

    def test_is_deleted_with_the_provider(self, provider: IdentityProvider) -> None:
        manage.remove_provider(provider, actor=Actor("command", "tests"))

        assert IdentityProvider.objects.get().secret == ""

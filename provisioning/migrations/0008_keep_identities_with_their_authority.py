import re
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from people.values import fold

# SQLite forgets the trigger when Django rebuilds the table of identities.
identities_stay = import_module("provisioning.migrations.0002_identities_stay")


def take_settings_as_confirmed(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take each provider as it is set up now for what its secrets and identities belong to."""
    rows = apps.get_model("provisioning", "IdentityProvider")._base_manager.all()
    latest_last = rows.filter(kind="ldap").order_by(models.F("removed_at").asc(nulls_last=True))
    directories = {(row.tenant_id, row.name_key): _directory(row.settings) for row in latest_last}
    for row in rows:
        row.authority, row.secret_for, row.directory_token_for = _derived(row, directories)
        row.save(update_fields=["authority", "secret_for", "directory_token_for"])
        identities = apps.get_model("provisioning", "Identity")._base_manager
        identities.filter(provider_id=row.pk).update(authority=row.authority)


def _derived(row: Any, directories: dict[tuple[int, str], str]) -> tuple[str, str, str]:
    settings = row.settings
    if row.kind == "ldap":
        start_tls = " with StartTLS" if settings.get("start_tls") else ""
        server = "/".join((_server(settings), _base(settings)))
        return _directory(settings), f"{server}{start_tls}", ""
    if row.kind == "windows":
        realms = ", ".join(sorted(settings.get("realms", [])))
        named = settings.get("directory", "")
        directory = directories.get((row.tenant_id, fold(named)), named)
        return f"{realms} with {directory}".removesuffix(" with "), "", ""
    issuer, kind = settings.get("issuer", ""), settings.get("directory_kind")
    url = settings.get("directory_url", "")
    parts = urlsplit(issuer)
    token_for = (url or f"{parts.scheme}://{parts.netloc}") if kind in ("okta", "scim") else ""
    asked_as_client = url if kind in ("graph", "keycloak") else ""
    return issuer, f"{issuer} {asked_as_client}".strip(), token_for


def _directory(settings: dict[str, Any]) -> str:
    subject = settings.get("attributes", {}).get("subject", "").casefold()
    return f"{_server(settings)}/{_base(settings)}" + (f" by {subject}" if subject else "")


def _server(settings: dict[str, Any]) -> str:
    return str(settings.get("uri", "").strip().rstrip("/").casefold())


def _base(settings: dict[str, Any]) -> str:
    return re.sub(r"\s*([,=])\s*", r"\1", settings.get("base_dn", "").strip()).casefold()


def forget(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Leave the columns to go as they are."""


def guard_on_sqlite(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER IF EXISTS identity_stays")
        identities_stay.guard(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [("provisioning", "0007_confirmed_sign_ins")]

    operations = [
        migrations.AddField("identity", "authority", models.TextField(blank=True, default="")),
        migrations.AddField(
            "identityprovider",
            "authority",
            models.TextField(blank=True, default="", editable=False),
        ),
        migrations.AddField(
            "identityprovider",
            "secret_for",
            models.TextField(blank=True, default="", editable=False),
        ),
        migrations.AddField(
            "identityprovider",
            "directory_token_for",
            models.TextField(blank=True, default="", editable=False),
        ),
        migrations.RunPython(take_settings_as_confirmed, forget),
        migrations.RunPython(guard_on_sqlite, guard_on_sqlite),
    ]

from uuid import UUID

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def mark_names(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Mark the mappings of directories that hold a name, so that the next sign-in pins them."""
    groups = apps.get_model("provisioning", "ExternalGroup")._base_manager
    mappings = apps.get_model("provisioning", "GroupMapping")._base_manager
    for mapping in mappings.exclude(provider__kind="oidc").exclude(external_id__contains="="):
        is_id = groups.filter(provider=mapping.provider_id, external_id=mapping.external_id)
        if not _is_uuid(mapping.external_id) and not is_id.exists():
            mapping.by_name = True
            mapping.save(update_fields=["by_name"])


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def leave(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Leave the column to go as it is."""


class Migration(migrations.Migration):
    dependencies = [("provisioning", "0009_attempts_know_the_client")]

    operations = [
        migrations.AddField("groupmapping", "by_name", models.BooleanField(default=False)),
        migrations.RunPython(mark_names, leave),
    ]

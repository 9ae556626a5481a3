from django.db import migrations

from people.db import search_index


class Migration(migrations.Migration):
    # PostgreSQL builds an index concurrently only outside of a transaction.
    atomic = False

    dependencies = [("people", "0006_audit_log_indexes")]

    operations = [migrations.RunPython(search_index.create, search_index.drop)]

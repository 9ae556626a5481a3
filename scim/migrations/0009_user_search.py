from django.db import migrations

from scim.models import user_search


class Migration(migrations.Migration):
    # PostgreSQL builds an index concurrently only outside of a transaction.
    atomic = False

    dependencies = [
        # It creates the extension pg_trgm.
        ("people", "0007_person_search_index"),
        ("scim", "0008_index_of_waiting_members"),
    ]

    operations = [migrations.RunPython(user_search.create, user_search.drop)]

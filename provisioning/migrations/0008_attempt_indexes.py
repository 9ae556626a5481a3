from django.db import migrations, models
from django.db.models.functions import Upper

from people.db.index_operations import AddLargeIndex, RemoveLargeIndex


class Migration(migrations.Migration):
    """Let the access diagnosis find sign-in attempts without reading all of them."""

    # PostgreSQL builds an index concurrently only outside of a transaction.
    atomic = False

    dependencies = [("provisioning", "0007_shared_signals")]

    operations = [
        AddLargeIndex(
            model_name="signinattempt",
            index=models.Index(Upper("email"), models.F("tenant"), name="sign_in_attempt_address"),
        ),
        AddLargeIndex(
            model_name="signinattempt",
            index=models.Index(fields=["subject", "tenant"], name="sign_in_attempt_subject"),
        ),
        RemoveLargeIndex(model_name="signinattempt", name="sign_in_attempt_email"),
    ]

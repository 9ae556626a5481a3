from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0007_holdings_received"),
    ]

    operations = [
        migrations.AlterField(
            model_name="mail",
            name="kind",
            field=models.CharField(
                choices=[
                    ("invite", "invite"),
                    ("confirm-address", "confirmation of a new address"),
                    ("address-changes", "notice to the old address"),
                    ("connection-silent", "notice that a connection is silent"),
                    ("mass-change", "notice that many were deactivated at once"),
                ],
                max_length=32,
            ),
        ),
        migrations.AddField(
            model_name="masschangeitem",
            name="before",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="masschangeitem",
            name="fate",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "changed"),
                    ("asked", "to be taken back"),
                    ("undone", "taken back"),
                    ("kept", "kept, for they have changed since"),
                ],
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="masschangeitem",
            name="kept_because",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddIndex(
            model_name="masschange",
            index=models.Index(
                condition=models.Q(
                    ("confirmed_at", None), ("is_suspicious", True), ("undone_at", None)
                ),
                fields=["tenant"],
                name="mass_change_undecided",
            ),
        ),
        migrations.AddIndex(
            model_name="masschangeitem",
            index=models.Index(
                condition=models.Q(("fate", "asked")), fields=["id"], name="mass_change_asked"
            ),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("provisioning", "0012_live_directories"),
    ]

    operations = [
        migrations.AddField(
            model_name="guesses",
            name="account",
            field=models.CharField(db_index=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="guesses",
            name="judging_until",
            field=models.DateTimeField(null=True),
        ),
    ]

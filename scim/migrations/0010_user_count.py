import django.db.models.deletion
from django.db import migrations, models

from scim.models import user_count


class Migration(migrations.Migration):
    dependencies = [("scim", "0009_user_search")]

    operations = [
        migrations.CreateModel(
            name="UserCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("users", models.BigIntegerField()),
                ("moved", models.BigIntegerField()),
                (
                    "connection",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="scim.connection",
                    ),
                ),
            ],
        ),
        migrations.AddField("paginationanchor", "moved", models.BigIntegerField(null=True)),
        migrations.AddField("paginationanchor", "surplus", models.BigIntegerField(null=True)),
        migrations.RunPython(user_count.create, user_count.drop),
    ]

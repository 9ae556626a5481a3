import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from provisioning.models import identity_trigger


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("people", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="IdentityProvider",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("oidc", "OpenID Connect"),
                            ("ldap", "LDAP or Active Directory"),
                            ("windows", "Windows"),
                        ],
                        max_length=8,
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("name_key", models.CharField(editable=False, max_length=200)),
                (
                    "is_enabled",
                    models.BooleanField(default=True, verbose_name="offered on the sign-in page"),
                ),
                (
                    "provisions_people",
                    models.BooleanField(
                        default=True, verbose_name="add people at their first sign-in"
                    ),
                ),
                ("adds_unverified", models.BooleanField(default=False)),
                ("admission", models.JSONField(blank=True, default=dict)),
                (
                    "browsing",
                    models.CharField(
                        choices=[
                            ("off", "Off"),
                            ("cached_only", "Only who has signed in"),
                            ("live", "The whole directory, live"),
                        ],
                        default="off",
                        max_length=12,
                    ),
                ),
                ("paired_connection", models.CharField(blank=True, max_length=64)),
                ("paired_claim", models.CharField(blank=True, max_length=100)),
                (
                    "paired_attribute",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not paired"),
                            ("externalId", "externalId"),
                            ("userName", "userName"),
                        ],
                        max_length=16,
                    ),
                ),
                ("settings", models.JSONField(default=dict)),
                ("secret", models.TextField(blank=True, editable=False)),
                ("directory_token", models.TextField(blank=True, editable=False)),
                ("secret_for", models.TextField(blank=True, default="", editable=False)),
                ("directory_token_for", models.TextField(blank=True, default="", editable=False)),
                ("authority", models.TextField(blank=True, default="", editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("removed_at", models.DateTimeField(editable=False, null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FailedLogins",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("account", models.CharField(db_index=True, default="", max_length=64)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("last_at", models.DateTimeField(db_index=True)),
                ("locked_until", models.DateTimeField(null=True)),
                ("judging_until", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "guesses",
            },
        ),
        migrations.CreateModel(
            name="ExternalGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("external_id", models.CharField(max_length=500)),
                ("name", models.CharField(max_length=500)),
                ("last_seen_at", models.DateTimeField()),
                (
                    "provider",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="groups",
                        to="provisioning.identityprovider",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="GroupMapping",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "base_role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("BUSINESS_OWNER", "Owner"),
                            ("BUSINESS_ADMIN", "Admin"),
                            ("BUSINESS_USER", "Cardholder"),
                            ("BUSINESS_BOOKKEEPER", "Bookkeeper"),
                            ("GUEST_USER", "Guest"),
                            ("IT_ADMIN", "IT Admin"),
                        ],
                        max_length=32,
                    ),
                ),
                ("external_id", models.CharField(max_length=500)),
                ("group_name", models.CharField(max_length=500)),
                ("by_name", models.BooleanField(default=False)),
                (
                    "draft",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "in force"),
                            ("added", "to be added"),
                            ("removed", "to be removed"),
                        ],
                        max_length=8,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "provider",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mappings",
                        to="provisioning.identityprovider",
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(app_label)s_mappings",
                        to="people.role",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Identity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subject", models.CharField(max_length=255)),
                ("authority", models.TextField(blank=True, default="")),
                ("account", models.CharField(blank=True, max_length=255)),
                (
                    "how",
                    models.CharField(
                        choices=[
                            ("created", "added at the first sign-in"),
                            ("paired", "found by the pairing with SCIM"),
                            ("invited", "came by an invite"),
                            ("linked", "linked it while signed in"),
                            ("shared", "came through another provider of the same directory"),
                            ("admin", "linked by an administrator"),
                        ],
                        max_length=8,
                    ),
                ),
                ("said", models.JSONField(default=dict)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("groups_seen_at", models.DateTimeField(null=True)),
                (
                    "status",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "good"),
                            ("account-disabled", "disabled"),
                            ("account-expired", "expired"),
                            ("account-outside", "not among those that may sign in"),
                            ("account-unknown", "deleted"),
                        ],
                        max_length=20,
                    ),
                ),
                ("status_since", models.DateTimeField(null=True)),
                ("retired_at", models.DateTimeField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="identities",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="identities",
                        to="provisioning.identityprovider",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.tenant",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "identities",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="GroupMembership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="provisioning.externalgroup",
                    ),
                ),
                (
                    "identity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="provisioning.identity",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="externalgroup",
            name="members",
            field=models.ManyToManyField(
                related_name="groups",
                through="provisioning.GroupMembership",
                to="provisioning.identity",
            ),
        ),
        migrations.CreateModel(
            name="ProviderSession",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("session_key", models.CharField(max_length=40, unique=True)),
                ("sid", models.CharField(blank=True, max_length=255)),
                ("subject", models.CharField(max_length=255)),
                ("began_at", models.DateTimeField(auto_now_add=True)),
                (
                    "provider",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="provisioning.identityprovider",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SignInAttempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("signed-in", "signed in"),
                            ("created", "added and signed in"),
                            ("linked", "linked and signed in"),
                            ("confirmed", "confirmed who they are"),
                            ("refused", "refused"),
                            ("failed", "failed"),
                            ("signed-out", "signed out"),
                        ],
                        max_length=12,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=64)),
                ("detail", models.TextField(blank=True)),
                ("warnings", models.JSONField(default=list)),
                ("subject", models.CharField(blank=True, max_length=255)),
                ("email", models.CharField(blank=True, max_length=254)),
                ("is_email_unverified", models.BooleanField(default=False)),
                ("authority", models.TextField(blank=True, default="")),
                ("request_id", models.UUIDField(null=True)),
                ("ip", models.GenericIPAddressField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_in_attempts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts",
                        to="provisioning.identityprovider",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SignInSettings",
            fields=[
                (
                    "tenant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="sign_in_settings",
                        serialize=False,
                        to="people.tenant",
                    ),
                ),
                ("redirects", models.BooleanField(default=False)),
                (
                    "default_provider",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="provisioning.identityprovider",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DirectoryCheck",
            fields=[
                (
                    "provider",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="check_state",
                        serialize=False,
                        to="provisioning.identityprovider",
                    ),
                ),
                ("tried_at", models.DateTimeField()),
                ("after", models.BigIntegerField(default=0)),
                ("problem", models.CharField(blank=True, max_length=64)),
                ("detail", models.TextField(blank=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddConstraint(
            model_name="identityprovider",
            constraint=models.UniqueConstraint(
                models.F("tenant"),
                models.F("name_key"),
                condition=models.Q(("removed_at", None)),
                name="provider_name_taken",
            ),
        ),
        migrations.AddConstraint(
            model_name="identityprovider",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("paired_attribute", ""), ("paired_claim", ""), ("paired_connection", "")
                    ),
                    models.Q(
                        models.Q(("paired_connection", ""), _negated=True),
                        models.Q(("paired_claim", ""), _negated=True),
                        models.Q(("paired_attribute", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="provider_paired_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="groupmapping",
            constraint=models.UniqueConstraint(
                models.F("provider"),
                models.F("external_id"),
                models.F("base_role"),
                condition=models.Q(("role", None)),
                name="mapping_to_base_role_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="groupmapping",
            constraint=models.UniqueConstraint(
                models.F("provider"),
                models.F("external_id"),
                models.F("role"),
                condition=models.Q(("role__isnull", False)),
                name="mapping_to_role_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="groupmapping",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("role", None), models.Q(("base_role", ""), _negated=True)),
                    models.Q(("base_role", ""), ("role__isnull", False)),
                    _connector="OR",
                ),
                name="mapping_to_one_role",
            ),
        ),
        migrations.AddIndex(
            model_name="identity",
            index=models.Index(fields=["tenant", "first_seen_at"], name="identity_first_seen"),
        ),
        migrations.AddConstraint(
            model_name="identity",
            constraint=models.UniqueConstraint(
                models.F("provider"),
                models.F("subject"),
                condition=models.Q(("retired_at", None)),
                name="identity_subject_taken",
            ),
        ),
        migrations.AddConstraint(
            model_name="identity",
            constraint=models.UniqueConstraint(
                models.F("provider"),
                models.F("person"),
                condition=models.Q(("retired_at", None)),
                name="identity_once_a_provider",
            ),
        ),
        migrations.AddConstraint(
            model_name="groupmembership",
            constraint=models.UniqueConstraint(
                models.F("group"), models.F("identity"), name="group_membership_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="externalgroup",
            constraint=models.UniqueConstraint(
                models.F("provider"), models.F("external_id"), name="external_group_once"
            ),
        ),
        migrations.AddIndex(
            model_name="providersession",
            index=models.Index(fields=["provider", "sid"], name="provider_session_sid"),
        ),
        migrations.AddIndex(
            model_name="providersession",
            index=models.Index(fields=["provider", "subject"], name="provider_session_subject"),
        ),
        migrations.AddIndex(
            model_name="signinattempt",
            index=models.Index(fields=["tenant", "id"], name="sign_in_attempt_log"),
        ),
        migrations.AddIndex(
            model_name="signinattempt",
            index=models.Index(fields=["provider", "id"], name="sign_in_attempt_provider"),
        ),
        migrations.AddIndex(
            model_name="signinattempt",
            index=models.Index(fields=["person", "id"], name="sign_in_attempt_person"),
        ),
        migrations.AddIndex(
            model_name="signinattempt",
            index=models.Index(fields=["tenant", "email"], name="sign_in_attempt_email"),
        ),
        migrations.AddIndex(
            model_name="directorycheck",
            index=models.Index(fields=["tried_at"], name="directory_check_tried"),
        ),
        migrations.RunPython(identity_trigger.create, identity_trigger.drop),
    ]

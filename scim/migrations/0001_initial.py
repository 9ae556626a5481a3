import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from scim.models import user_storage


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("people", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SyncHeartbeat",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("since", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Connection",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "provider",
                    models.CharField(
                        choices=[
                            ("okta", "Okta"),
                            ("entra", "Microsoft Entra"),
                            ("rippling", "Rippling"),
                            ("generic", "SCIM 2.0 provider"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "incomplete_policy",
                    models.CharField(
                        choices=[
                            ("refuse", "Refuse the request"),
                            ("hold", "Keep the record, and wait for the rest"),
                            ("fill", "Fill in the defaults below"),
                        ],
                        max_length=8,
                        verbose_name="incomplete people",
                    ),
                ),
                (
                    "unknown_manager",
                    models.CharField(
                        choices=[
                            (
                                "hold",
                                "Add the person, and hold the invite until the manager arrives",
                            ),
                            ("reject", "Refuse the request"),
                        ],
                        default="hold",
                        max_length=8,
                    ),
                ),
                (
                    "role_source",
                    models.CharField(
                        choices=[
                            ("provider", "The provider's role attribute, where it sends one"),
                            ("ramp", "Administrators of Ramp; what the provider sends is ignored"),
                        ],
                        default="provider",
                        max_length=8,
                    ),
                ),
                (
                    "may_assign_owner",
                    models.BooleanField(
                        default=False,
                        help_text="Otherwise a request that makes somebody an Owner is refused.",
                    ),
                ),
                (
                    "email_link",
                    models.CharField(
                        choices=[
                            ("adopt", "Link them, unless they hold an elevated role"),
                            ("ask", "List them in Team updates, for an administrator to link"),
                        ],
                        default="adopt",
                        max_length=8,
                    ),
                ),
                (
                    "mails_invites",
                    models.BooleanField(
                        default=True,
                        help_text="Switch this off where people come in by single sign-on.",
                        verbose_name="mail invites",
                    ),
                ),
                ("default_department", models.CharField(blank=True, max_length=200)),
                ("default_location", models.CharField(blank=True, max_length=200)),
                ("mapping", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("activated_at", models.DateTimeField(null=True)),
                ("initial_import_finished_at", models.DateTimeField(null=True)),
                ("disconnected_at", models.DateTimeField(null=True)),
                ("last_update_at", models.DateTimeField(null=True)),
                ("inactivity_notified_at", models.DateTimeField(null=True)),
                ("reapply_cursor", models.BigIntegerField(null=True)),
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
            name="ScimGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("scim_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("scim_external_id", models.CharField(blank=True, max_length=500)),
                ("document", models.JSONField()),
                ("rendered", models.TextField()),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                ("modified_at", models.DateTimeField()),
                ("deleted_at", models.DateTimeField(null=True)),
                ("has_errors", models.BooleanField(default=False)),
                ("scim_display_name", models.CharField(max_length=255)),
                ("display_name_key", models.CharField(max_length=512)),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scim.connection",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "external group",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ScimUser",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("scim_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("scim_external_id", models.CharField(blank=True, max_length=500)),
                ("document", models.JSONField()),
                ("rendered", models.TextField()),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                ("modified_at", models.DateTimeField()),
                ("deleted_at", models.DateTimeField(null=True)),
                ("has_errors", models.BooleanField(default=False)),
                ("scim_username", models.CharField(max_length=255)),
                ("user_name_key", models.CharField(max_length=512)),
                ("email_key", models.CharField(blank=True, max_length=512)),
                ("active", models.BooleanField(default=True)),
                (
                    "problem",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "none"),
                            ("incomplete", "incomplete"),
                            ("waiting", "waiting for the manager"),
                        ],
                        max_length=16,
                    ),
                ),
                ("waiting_manager", models.CharField(blank=True, max_length=500)),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scim.connection",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scim_users",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "SCIM user",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ScimMembership",
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
                        to="scim.scimgroup",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="scim.scimuser",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="scimgroup",
            name="members",
            field=models.ManyToManyField(
                related_name="external_groups", through="scim.ScimMembership", to="scim.scimuser"
            ),
        ),
        migrations.CreateModel(
            name="SamePersonQuestion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("agrees", models.JSONField(default=list)),
                ("differs", models.JSONField(default=list)),
                ("asked_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("answered_by", models.CharField(blank=True, max_length=255)),
                (
                    "answer",
                    models.CharField(
                        blank=True,
                        choices=[("same", "the same person"), ("different", "a different person")],
                        max_length=16,
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="scim.connection",
                    ),
                ),
                (
                    "earlier",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                (
                    "earlier_user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="scim.scimuser",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="questions",
                        to="scim.scimuser",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="RequestLog",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("retried_by", models.CharField(blank=True, max_length=255)),
                ("method", models.CharField(max_length=8)),
                ("path", models.TextField()),
                ("headers", models.JSONField(default=dict)),
                ("body", models.TextField(blank=True)),
                ("status", models.PositiveSmallIntegerField()),
                ("answer", models.TextField(blank=True)),
                ("ip", models.GenericIPAddressField(null=True)),
                ("received_at", models.DateTimeField()),
                ("milliseconds", models.PositiveIntegerField()),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="requests",
                        to="scim.connection",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.tenant",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="requests",
                        to="scim.scimuser",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="MatchDecision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "choice",
                    models.CharField(
                        choices=[
                            ("link", "Link"),
                            ("leave", "Leave as it is"),
                            ("deactivate", "Deactivate"),
                        ],
                        max_length=16,
                    ),
                ),
                ("decided_by", models.CharField(max_length=255)),
                ("decided_at", models.DateTimeField()),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="choices",
                        to="scim.connection",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                (
                    "user",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="choice",
                        to="scim.scimuser",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FormerName",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name_key", models.CharField(max_length=512)),
                ("until", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_names",
                        to="scim.scimuser",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ScimUserElement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("attribute", models.CharField(max_length=32)),
                ("element", models.JSONField()),
                ("value_key", models.CharField(blank=True, max_length=512)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="elements",
                        to="scim.scimuser",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SelfTest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "provider",
                    models.CharField(
                        choices=[
                            ("okta", "Okta"),
                            ("entra", "Microsoft Entra"),
                            ("rippling", "Rippling"),
                            ("generic", "SCIM 2.0 provider"),
                        ],
                        max_length=16,
                    ),
                ),
                ("started_by", models.CharField(max_length=255)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("steps", models.JSONField(default=list)),
                ("problem", models.TextField(blank=True)),
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
            name="SyncError",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("circular-manager", "Circular manager"),
                            ("invalid-manager", "Invalid manager"),
                            ("self-manager", "Self manager"),
                            ("duplicate-email", "Duplicate email"),
                            ("invalid-name", "Invalid name"),
                            ("invalid-location-change", "Invalid location change"),
                            ("invalid-role-assignment", "Invalid role assignment"),
                            ("incomplete", "Missing required fields"),
                            ("last-owner", "Last Owner"),
                            ("last-administrator", "Last administrator"),
                            ("terminated", "Terminated"),
                            ("invalid-syntax", "Invalid syntax"),
                            ("invalid-value", "Invalid value"),
                            ("invalid-path", "Invalid path"),
                            ("invalid-filter", "Invalid filter"),
                            ("no-target", "Nothing at the path"),
                            ("mutability", "Read-only attribute"),
                            ("uniqueness", "Already taken"),
                            ("too-many", "Too many at once"),
                            ("not-found", "Unknown resource"),
                            ("conflict", "Conflict"),
                            ("precondition-failed", "Changed in between"),
                            ("payload-too-large", "Request too large"),
                            ("unsupported-media-type", "Unknown media type"),
                            ("refused", "Refused"),
                        ],
                        max_length=32,
                    ),
                ),
                ("message", models.TextField()),
                (
                    "resource_type",
                    models.CharField(
                        choices=[("User", "user"), ("Group", "group"), ("Bulk", "bulk request")],
                        default="User",
                        max_length=8,
                    ),
                ),
                ("user_name_key", models.CharField(max_length=512)),
                ("user_name", models.CharField(max_length=255)),
                ("field", models.CharField(blank=True, max_length=32)),
                ("offending_value", models.TextField(blank=True)),
                ("times", models.PositiveIntegerField(default=1)),
                ("happened_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(null=True)),
                ("dismissed_at", models.DateTimeField(null=True)),
                ("dismissed_by", models.CharField(blank=True, max_length=255)),
                ("dismissed_reason", models.CharField(blank=True, max_length=500)),
                ("is_invited_anyway", models.BooleanField(default=False)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sync_errors",
                        to="scim.connection",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="scim.scimgroup",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="scim.requestlog",
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
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="scim.scimuser",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Token",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("hint", models.CharField(editable=False, max_length=4)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
                ("last_ip", models.GenericIPAddressField(null=True)),
                ("last_user_agent", models.CharField(blank=True, max_length=300)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tokens",
                        to="scim.connection",
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
            name="PaginationAnchor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("query_hash", models.CharField(max_length=64)),
                ("start_index", models.PositiveBigIntegerField()),
                ("after", models.PositiveBigIntegerField()),
                ("made_at", models.DateTimeField()),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="scim.connection",
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
                "constraints": [
                    models.UniqueConstraint(
                        models.F("connection"),
                        models.F("query_hash"),
                        models.F("start_index"),
                        name="pagination_anchor",
                    )
                ],
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
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="group_mappings",
                        to="scim.connection",
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
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mappings",
                        to="scim.scimgroup",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        models.F("group"),
                        models.F("base_role"),
                        condition=models.Q(("role", None)),
                        name="scim_mapping_to_base_role_once",
                    ),
                    models.UniqueConstraint(
                        models.F("group"),
                        models.F("role"),
                        condition=models.Q(("role__isnull", False)),
                        name="scim_mapping_to_role_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("role", None), models.Q(("base_role", ""), _negated=True)),
                            models.Q(("base_role", ""), ("role__isnull", False)),
                            _connector="OR",
                        ),
                        name="scim_mapping_to_one_role",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(
                condition=models.Q(("deleted_at", None)),
                fields=["connection", "id"],
                name="scim_user_list",
            ),
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(fields=["email_key", "connection"], name="scim_user_email"),
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["user_name_key", "connection"],
                name="scim_user_gone",
            ),
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(
                condition=models.Q(
                    ("deleted_at", None), models.Q(("scim_external_id", ""), _negated=True)
                ),
                fields=["scim_external_id", "connection"],
                name="scim_user_external_id",
            ),
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["scim_external_id", "connection"],
                name="scim_user_gone_external_id",
            ),
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(
                condition=models.Q(("waiting_manager", ""), _negated=True),
                fields=["waiting_manager", "connection"],
                name="scim_user_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="scimuser",
            constraint=models.UniqueConstraint(
                models.F("user_name_key"),
                models.F("connection"),
                condition=models.Q(("deleted_at", None)),
                name="scim_user_name_taken",
            ),
        ),
        migrations.AddConstraint(
            model_name="scimuser",
            constraint=models.UniqueConstraint(
                models.F("person"),
                condition=models.Q(("deleted_at", None), ("person__isnull", False)),
                name="scim_user_of_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="scimmembership",
            constraint=models.UniqueConstraint(
                models.F("group"), models.F("user"), name="scim_membership_once"
            ),
        ),
        migrations.AddIndex(
            model_name="scimgroup",
            index=models.Index(
                condition=models.Q(("deleted_at", None)),
                fields=["connection", "id"],
                name="scim_group_list",
            ),
        ),
        migrations.AddIndex(
            model_name="scimgroup",
            index=models.Index(
                condition=models.Q(
                    ("deleted_at", None), models.Q(("scim_external_id", ""), _negated=True)
                ),
                fields=["scim_external_id", "connection"],
                name="scim_group_external_id",
            ),
        ),
        migrations.AddIndex(
            model_name="scimgroup",
            index=models.Index(
                condition=models.Q(("deleted_at", None)),
                fields=["display_name_key", "connection"],
                name="scim_group_name",
            ),
        ),
        migrations.AddIndex(
            model_name="samepersonquestion",
            index=models.Index(
                condition=models.Q(("answered_at", None)),
                fields=["tenant", "asked_at"],
                name="same_person_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="samepersonquestion",
            constraint=models.UniqueConstraint(
                models.F("user"), models.F("earlier"), name="same_person_asked_once"
            ),
        ),
        migrations.AddIndex(
            model_name="requestlog",
            index=models.Index(fields=["connection", "received_at"], name="request_log_recent"),
        ),
        migrations.AddConstraint(
            model_name="matchdecision",
            constraint=models.UniqueConstraint(
                models.F("connection"), models.F("person"), name="match_decision_of_person"
            ),
        ),
        migrations.AddConstraint(
            model_name="matchdecision",
            constraint=models.CheckConstraint(
                condition=models.Q(("user", None), ("person", None), _connector="XOR"),
                name="match_decision_about_one",
            ),
        ),
        migrations.AddIndex(
            model_name="formername",
            index=models.Index(fields=["name_key"], name="former_name_found"),
        ),
        migrations.AddIndex(
            model_name="scimuserelement",
            index=models.Index(fields=["attribute", "value_key"], name="scim_user_element_found"),
        ),
        migrations.AddIndex(
            model_name="selftest",
            index=models.Index(fields=["tenant", "started_at"], name="self_test_recent"),
        ),
        migrations.AddIndex(
            model_name="syncerror",
            index=models.Index(
                condition=models.Q(("dismissed_at", None), ("resolved_at", None)),
                fields=["tenant", "happened_at"],
                name="sync_error_pending",
            ),
        ),
        migrations.AddIndex(
            model_name="syncerror",
            index=models.Index(
                condition=models.Q(("resolved_at", None)),
                fields=["user_name_key", "connection"],
                name="sync_error_standing",
            ),
        ),
        migrations.AddConstraint(
            model_name="syncerror",
            constraint=models.UniqueConstraint(
                models.F("connection"),
                models.F("user_name_key"),
                models.F("reason"),
                models.F("resource_type"),
                condition=models.Q(("dismissed_at", None), ("resolved_at", None)),
                name="sync_error_one_open",
            ),
        ),
        migrations.RunPython(user_storage.set_options, user_storage.reset_options),
    ]

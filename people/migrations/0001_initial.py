import uuid

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from people.db import state_trigger


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="BulkChange",
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
                        choices=[("deactivated", "deactivated"), ("reactivated", "reactivated")],
                        max_length=16,
                    ),
                ),
                ("actor", models.CharField(max_length=255)),
                ("began_at", models.DateTimeField()),
                ("needs_confirmation", models.BooleanField(default=False)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("confirmed_by", models.CharField(blank=True, max_length=255)),
                ("undone_at", models.DateTimeField(null=True)),
                ("undone_by", models.CharField(blank=True, max_length=255)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Department",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("name_key", models.CharField(editable=False, max_length=400)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Entity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("name_key", models.CharField(editable=False, max_length=400)),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "Use the ISO 4217 code, such as EUR."
                            )
                        ],
                        verbose_name="issuing currency",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "entities",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("given_name", models.CharField(max_length=200, verbose_name="first name")),
                ("family_name", models.CharField(max_length=200, verbose_name="last name")),
                ("email", models.EmailField(max_length=254, verbose_name="email")),
                ("email_key", models.CharField(editable=False, max_length=512)),
                ("pending_email", models.EmailField(blank=True, editable=False, max_length=254)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("BUSINESS_OWNER", "Owner"),
                            ("BUSINESS_ADMIN", "Admin"),
                            ("BUSINESS_USER", "Cardholder"),
                            ("BUSINESS_BOOKKEEPER", "Bookkeeper"),
                            ("GUEST_USER", "Guest"),
                            ("IT_ADMIN", "IT Admin"),
                        ],
                        default="BUSINESS_USER",
                        max_length=32,
                    ),
                ),
                ("role_source", models.CharField(editable=False, max_length=255)),
                ("role_assigned_at", models.DateTimeField(editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("invited", "Invited"),
                            ("active", "Active"),
                            ("inactive", "Inactive"),
                            ("terminated", "Terminated"),
                        ],
                        default="invited",
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("joined_at", models.DateTimeField(editable=False, null=True)),
                ("deactivated_at", models.DateTimeField(editable=False, null=True)),
                ("deactivated_by", models.CharField(blank=True, editable=False, max_length=255)),
                ("terminated_at", models.DateTimeField(editable=False, null=True)),
                ("detached_at", models.DateTimeField(editable=False, null=True)),
                ("withheld_roles", models.JSONField(blank=True, default=dict, editable=False)),
                ("deactivates_at", models.DateTimeField(editable=False, null=True)),
                ("session_epoch", models.PositiveIntegerField(default=0, editable=False)),
                ("is_operator", models.BooleanField(default=False, editable=False)),
                ("managed_fields", models.JSONField(blank=True, default=dict, editable=False)),
                (
                    "manually_overridden_fields",
                    models.JSONField(blank=True, default=dict, editable=False),
                ),
                ("manually_overridden_at", models.DateTimeField(editable=False, null=True)),
                ("custom_values", models.JSONField(blank=True, default=dict, editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "manager",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reports",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "department",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="people",
                        to="people.department",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "people",
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("scopes", models.JSONField(default=list)),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("hint", models.CharField(editable=False, max_length=4)),
                ("session_epoch", models.PositiveIntegerField(editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Card",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("currency", models.CharField(editable=False, max_length=3)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(editable=False, null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("physical", "Physical"), ("virtual", "Virtual")], max_length=8
                    ),
                ),
                ("last_four", models.CharField(max_length=4)),
                (
                    "monthly_limit",
                    models.PositiveBigIntegerField(
                        help_text="In the currency's smallest unit: 50000 is 500.00 EUR."
                    ),
                ),
                (
                    "holder",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cards",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Fund",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("currency", models.CharField(editable=False, max_length=3)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(editable=False, null=True)),
                ("is_shared", models.BooleanField(default=False, verbose_name="shared")),
                (
                    "balance",
                    models.PositiveBigIntegerField(
                        help_text="In the currency's smallest unit: 50000 is 500.00 EUR."
                    ),
                ),
                ("payment_limit", models.PositiveBigIntegerField(blank=True, null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="funds",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Authorization",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("amount", models.PositiveBigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("merchant", models.CharField(blank=True, max_length=200)),
                ("is_approved", models.BooleanField()),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("approved", "Approved"),
                            ("holder-inactive", "The holder is not active"),
                            ("ended", "The card or fund has ended"),
                            ("currency", "Another currency"),
                            ("limit", "Over the limit"),
                            ("balance", "Not enough left"),
                        ],
                        max_length=16,
                    ),
                ),
                ("decided_at", models.DateTimeField()),
                (
                    "card",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.card",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.fund",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Invite",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "source",
                    models.CharField(choices=[("scim", "SCIM"), ("hand", "by hand")], max_length=8),
                ),
                ("hold_reason", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invites",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Location",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("name_key", models.CharField(editable=False, max_length=400)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="locations",
                        to="people.entity",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="person",
            name="location",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="people",
                to="people.location",
            ),
        ),
        migrations.CreateModel(
            name="Tenant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "slug",
                    models.SlugField(help_text="Part of the tenant's addresses.", unique=True),
                ),
                ("name", models.CharField(max_length=200)),
                (
                    "domain",
                    models.CharField(
                        blank=True,
                        help_text="The domain of its email addresses, if it has one.",
                        max_length=253,
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("closed_at", models.DateTimeField(editable=False, null=True)),
                ("is_sandbox", models.BooleanField(default=False, editable=False)),
                (
                    "allows_passwords",
                    models.BooleanField(
                        default=True,
                        help_text="People choose their way to sign in when they accept their invite.",
                        verbose_name="people may sign in with a password",
                    ),
                ),
                ("auto_terminate_days", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("alarm_people", models.PositiveSmallIntegerField(default=10)),
                ("alarm_percent", models.PositiveSmallIntegerField(default=20)),
                ("alarm_minute_people", models.PositiveSmallIntegerField(default=50)),
                (
                    "manual_invite_days",
                    models.PositiveSmallIntegerField(
                        default=14, help_text="How long an invite sent by hand lives, in days."
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "default_entity",
                    models.ForeignKey(
                        help_text="Where a location belongs that nobody has placed yet.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.entity",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        help_text="The account owner: invites come from them when nobody is the manager.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Step",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.PositiveSmallIntegerField()),
                (
                    "approver",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
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
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ScheduledTermination",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("postponed_from", models.DateTimeField(null=True)),
                ("postponed_reason", models.CharField(blank=True, max_length=500)),
                ("exempted_at", models.DateTimeField(null=True)),
                ("exempted_by", models.CharField(blank=True, max_length=255)),
                ("exempted_reason", models.CharField(blank=True, max_length=500)),
                ("disposition", models.JSONField(null=True)),
                ("problem", models.CharField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scheduled_termination",
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
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Role",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("name_key", models.CharField(editable=False, max_length=400)),
                (
                    "is_elevated",
                    models.BooleanField(
                        default=False,
                        help_text="Holders are linked to an identity provider only after an administrator confirms it, and are never terminated automatically.",
                        verbose_name="elevated",
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
            name="OutstandingItem",
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
                            ("reimbursement", "Reimbursement"),
                            ("bill", "Bill"),
                            ("transaction", "Transaction"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("submitted", "Waiting for approval"),
                            ("approved", "Approved, not paid yet"),
                            ("paid", "Paid"),
                            ("dropped", "Dropped"),
                            ("open", "Open"),
                            ("pending", "Pending"),
                            ("incomplete", "Incomplete"),
                            ("complete", "Complete"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "amount",
                    models.PositiveBigIntegerField(help_text="In the currency's smallest unit."),
                ),
                ("currency", models.CharField(max_length=3)),
                ("description", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="outstanding_items",
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
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Mail",
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
                            ("invite", "invite"),
                            ("confirm-address", "confirmation of a new address"),
                            ("approve-address", "confirmation by the old address"),
                            ("address-changes", "notice to the old address"),
                            ("sign-in-linked", "notice of a newly linked sign-in"),
                            ("connection-silent", "notice that a connection is silent"),
                            ("reset-password", "link to choose a new password"),
                            ("bulk-change", "notice that many were deactivated at once"),
                        ],
                        max_length=32,
                    ),
                ),
                ("to", models.EmailField(max_length=254)),
                ("facts", models.JSONField(default=dict)),
                ("request_id", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                (
                    "held_by",
                    models.CharField(blank=True, db_default="", default="", max_length=120),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("sent_at", models.DateTimeField(null=True)),
                ("given_up_at", models.DateTimeField(null=True)),
                ("problem", models.TextField(blank=True)),
                (
                    "invite",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mails",
                        to="people.invite",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mails",
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
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="location",
            name="tenant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.AddField(
            model_name="invite",
            name="tenant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=255)),
                ("request_digest", models.CharField(max_length=64)),
                (
                    "created_at",
                    models.DateTimeField(db_index=True, default=django.utils.timezone.now),
                ),
                (
                    "authorization",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="people.authorization",
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="people.apitoken",
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
            name="Grant",
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
                ("source", models.CharField(max_length=255)),
                ("because", models.CharField(blank=True, max_length=1000)),
                ("since", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
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
        migrations.AddField(
            model_name="fund",
            name="tenant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.CreateModel(
            name="FormerAddress",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                ("email_key", models.CharField(max_length=512)),
                ("until", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="former_addresses",
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
            ],
            options={
                "verbose_name_plural": "former addresses",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("tenant.created", "tenant created"),
                            ("organization.changed", "organization changed"),
                            ("person.added", "added"),
                            ("person.revised", "updated"),
                            ("person.linked", "linked"),
                            ("person.managed-fields-restored", "put back"),
                            ("person.address-approved", "agreed to a new address"),
                            ("person.address-confirmed", "address confirmed"),
                            ("person.password-changed", "password changed"),
                            ("person.joined", "joined"),
                            ("person.sessions-ended", "sessions ended"),
                            ("person.deactivated", "deactivated"),
                            ("person.reactivated", "reactivated"),
                            ("person.returned", "returned"),
                            ("person.address-released", "address released"),
                            ("person.identity-linked", "sign-in linked"),
                            ("person.taken-for-same", "taken for somebody who came back"),
                            ("person.terminated", "terminated"),
                            ("holdings.received", "received what somebody held"),
                            ("scheduled-termination.changed", "scheduled termination changed"),
                            ("invite.issued", "invited"),
                            ("invite.released", "invite released"),
                            ("invite.accepted", "invite accepted"),
                            ("invite.resent", "invite sent again"),
                            ("invite.revoked", "invite withdrawn"),
                            ("role.granted", "role granted"),
                            ("role.withdrawn", "role withdrawn"),
                            ("connection.changed", "connection changed"),
                            ("spend.changed", "spend changed"),
                            ("workflow.changed", "workflow changed"),
                            ("api-token.changed", "API token changed"),
                        ],
                        max_length=64,
                    ),
                ),
                ("actor", models.CharField(max_length=255)),
                ("request_id", models.UUIDField(null=True)),
                ("changes", models.JSONField(default=dict)),
                ("facts", models.JSONField(default=dict)),
                ("happened_at", models.DateTimeField()),
                ("dispatched_at", models.DateTimeField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
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
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="entity",
            name="tenant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.AddField(
            model_name="department",
            name="tenant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subscriber", models.CharField(max_length=200)),
                ("due_at", models.DateTimeField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("held_by", models.CharField(blank=True, max_length=120)),
                ("problem", models.TextField(blank=True)),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="people.event",
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
            name="CustomField",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "external_name",
                    models.CharField(
                        help_text="What a SCIM attribute must be called to fill this field, in snake_case: costCenter arrives as cost_center.",
                        max_length=100,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z][a-z0-9_]*$", "Use snake_case, such as cost_center."
                            )
                        ],
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
        migrations.AddField(
            model_name="card",
            name="tenant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.CreateModel(
            name="BulkChangeItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event_id", models.BigIntegerField()),
                ("before", models.JSONField(default=dict)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "changed"),
                            ("asked", "undo pending"),
                            ("undone", "undone"),
                            ("kept", "not undone"),
                        ],
                        max_length=8,
                    ),
                ),
                ("skipped_reason", models.CharField(blank=True, max_length=300)),
                (
                    "change",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="people.bulkchange",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
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
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="bulkchange",
            name="tenant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.AddField(
            model_name="authorization",
            name="tenant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.CreateModel(
            name="Approval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                        ],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("decided_by", models.CharField(blank=True, max_length=255)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "outstanding_item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approvals",
                        to="people.outstandingitem",
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approvals",
                        to="people.step",
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
        migrations.AddField(
            model_name="apitoken",
            name="tenant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.AddField(
            model_name="person",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.CreateModel(
            name="Workflow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
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
        migrations.AddField(
            model_name="step",
            name="workflow",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="steps",
                to="people.workflow",
            ),
        ),
        migrations.AddConstraint(
            model_name="tenant",
            constraint=models.CheckConstraint(
                condition=models.Q(("manual_invite_days__range", (1, 365))),
                name="tenant_manual_invite_days",
            ),
        ),
        migrations.AddConstraint(
            model_name="tenant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("auto_terminate_days", None), ("auto_terminate_days__gte", 1), _connector="OR"
                ),
                name="tenant_auto_terminate_days",
            ),
        ),
        migrations.AddIndex(
            model_name="scheduledtermination",
            index=models.Index(
                condition=models.Q(("exempted_at__isnull", True)),
                fields=["due_at"],
                name="scheduled_termination_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="role",
            constraint=models.UniqueConstraint(
                models.F("tenant"), models.F("name_key"), name="role_name_taken"
            ),
        ),
        migrations.AddIndex(
            model_name="outstandingitem",
            index=models.Index(
                condition=models.Q(
                    ("state__in", ["submitted", "approved", "open", "pending", "incomplete"])
                ),
                fields=["person", "kind"],
                name="outstanding_item_unsettled",
            ),
        ),
        migrations.AddConstraint(
            model_name="outstandingitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("kind", "reimbursement"),
                        ("state__in", ["submitted", "approved", "paid", "dropped"]),
                    ),
                    models.Q(("kind", "bill"), ("state__in", ["open", "paid"])),
                    models.Q(
                        ("kind", "transaction"),
                        ("state__in", ["pending", "incomplete", "complete"]),
                    ),
                    _connector="OR",
                ),
                name="outstanding_item_state_of_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("given_up_at", None), ("sent_at", None)),
                fields=["due_at"],
                name="mail_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="mail",
            index=models.Index(fields=["request_id"], name="mail_of_request"),
        ),
        migrations.AddIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("held_by", ""), _negated=True),
                fields=["held_by"],
                name="mail_held",
            ),
        ),
        migrations.AddConstraint(
            model_name="location",
            constraint=models.UniqueConstraint(
                models.F("tenant"), models.F("name_key"), name="location_name_taken"
            ),
        ),
        migrations.AddIndex(
            model_name="invite",
            index=models.Index(
                condition=models.Q(("accepted_at", None), ("revoked_at", None)),
                fields=["tenant", "created_at"],
                name="invite_pending",
            ),
        ),
        migrations.AddConstraint(
            model_name="invite",
            constraint=models.UniqueConstraint(
                models.F("person"),
                condition=models.Q(("accepted_at", None), ("revoked_at", None)),
                name="invite_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="idempotencykey",
            constraint=models.UniqueConstraint(
                fields=("token", "key"), name="idempotency_key_taken"
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.UniqueConstraint(
                models.F("person"), models.F("role"), models.F("source"), name="grant_once_a_source"
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.UniqueConstraint(
                models.F("person"),
                models.F("base_role"),
                models.F("source"),
                condition=models.Q(("role", None)),
                name="grant_of_base_role_once_a_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("role", None), models.Q(("base_role", ""), _negated=True)),
                    models.Q(("base_role", ""), ("role__isnull", False)),
                    _connector="OR",
                ),
                name="grant_of_one_role",
            ),
        ),
        migrations.AddIndex(
            model_name="fund",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["owner"], name="fund_live"
            ),
        ),
        migrations.AddIndex(
            model_name="formeraddress",
            index=models.Index(fields=["email_key", "tenant"], name="former_address_found"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["person", "id"], name="event_of_person"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["request_id"], name="event_of_request"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("dispatched_at", None)), fields=["id"], name="event_pending"
            ),
        ),
        migrations.AddConstraint(
            model_name="entity",
            constraint=models.UniqueConstraint(
                models.F("tenant"), models.F("name_key"), name="entity_name_taken"
            ),
        ),
        migrations.AddConstraint(
            model_name="department",
            constraint=models.UniqueConstraint(
                models.F("tenant"), models.F("name_key"), name="department_name_taken"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["due_at", "id"], name="delivery_due"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                fields=("event", "subscriber"), name="delivery_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="customfield",
            constraint=models.UniqueConstraint(
                models.F("tenant"), models.F("external_name"), name="custom_field_name_taken"
            ),
        ),
        migrations.AddIndex(
            model_name="card",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["holder"], name="card_live"
            ),
        ),
        migrations.AddIndex(
            model_name="bulkchangeitem",
            index=models.Index(
                condition=models.Q(("outcome", "asked")), fields=["id"], name="bulk_change_pending"
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkchangeitem",
            constraint=models.UniqueConstraint(
                models.F("change"), models.F("person"), name="bulk_change_item_once"
            ),
        ),
        migrations.AddIndex(
            model_name="bulkchange",
            index=models.Index(fields=["tenant", "began_at"], name="bulk_change_recent"),
        ),
        migrations.AddIndex(
            model_name="bulkchange",
            index=models.Index(
                condition=models.Q(
                    ("confirmed_at", None), ("needs_confirmation", True), ("undone_at", None)
                ),
                fields=["tenant"],
                name="bulk_change_undecided",
            ),
        ),
        migrations.AddIndex(
            model_name="authorization",
            index=models.Index(fields=["card", "decided_at"], name="authorization_of_card"),
        ),
        migrations.AddIndex(
            model_name="authorization",
            index=models.Index(fields=["fund", "decided_at"], name="authorization_of_fund"),
        ),
        migrations.AddIndex(
            model_name="authorization",
            index=models.Index(fields=["tenant", "-decided_at"], name="authorization_newest"),
        ),
        migrations.AddConstraint(
            model_name="authorization",
            constraint=models.CheckConstraint(
                condition=models.Q(("card", None), ("fund", None), _connector="XOR"),
                name="authorization_of_one",
            ),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                condition=models.Q(("state", "pending")), fields=["step"], name="approval_pending"
            ),
        ),
        migrations.AddIndex(
            model_name="person",
            index=models.Index(
                fields=["tenant", "family_name", "given_name", "id"], name="person_list"
            ),
        ),
        migrations.AddIndex(
            model_name="person",
            index=models.Index(fields=["tenant", "state"], name="person_state"),
        ),
        migrations.AddIndex(
            model_name="person",
            index=models.Index(
                condition=models.Q(("deactivates_at__isnull", False)),
                fields=["deactivates_at"],
                name="person_deactivates",
            ),
        ),
        migrations.AddIndex(
            model_name="person",
            index=models.Index(
                condition=models.Q(("state", "inactive")),
                fields=["tenant", "deactivated_at"],
                name="person_inactive",
            ),
        ),
        migrations.AddIndex(
            model_name="person",
            index=models.Index(
                condition=models.Q(("manually_overridden_at__isnull", False)),
                fields=["manually_overridden_at"],
                name="person_manually_overridden",
            ),
        ),
        migrations.AddIndex(
            model_name="person",
            index=models.Index(
                condition=models.Q(("withheld_roles", {}), _negated=True),
                fields=["tenant"],
                name="person_withheld_roles",
            ),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.UniqueConstraint(
                models.F("email_key"),
                models.F("tenant"),
                condition=models.Q(
                    models.Q(("state", "terminated"), _negated=True),
                    models.Q(("email_key", ""), _negated=True),
                ),
                name="person_email_taken",
            ),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("manager", None),
                    models.Q(("manager", models.F("id")), _negated=True),
                    _connector="OR",
                ),
                name="person_not_own_manager",
            ),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["invited", "active", "inactive", "terminated"])),
                name="person_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "role__in",
                        [
                            "BUSINESS_OWNER",
                            "BUSINESS_ADMIN",
                            "BUSINESS_USER",
                            "BUSINESS_BOOKKEEPER",
                            "GUEST_USER",
                            "IT_ADMIN",
                        ],
                    )
                ),
                name="person_role_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "invited"), _negated=True),
                    ("joined_at", None),
                    _connector="OR",
                ),
                name="person_invited_never_joined",
            ),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "inactive"), _negated=True),
                    ("deactivated_at__isnull", False),
                    _connector="OR",
                ),
                name="person_inactive_since",
            ),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "terminated"), ("terminated_at__isnull", False)),
                    models.Q(
                        models.Q(("state", "terminated"), _negated=True), ("terminated_at", None)
                    ),
                    _connector="OR",
                ),
                name="person_terminated_since",
            ),
        ),
        migrations.AddConstraint(
            model_name="workflow",
            constraint=models.UniqueConstraint(
                models.F("tenant"), models.F("name"), name="workflow_name_taken"
            ),
        ),
        migrations.AddConstraint(
            model_name="step",
            constraint=models.UniqueConstraint(
                models.F("workflow"), models.F("place"), name="step_place_taken"
            ),
        ),
        migrations.RunPython(state_trigger.create, state_trigger.drop),
    ]

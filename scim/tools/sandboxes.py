"""A connection in the sandbox of a tenant, for the self-test.

Each self-test first empties the sandbox and creates a new connection. So the sandbox contains the
users of one test only, and they stay for inspection until the next test.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.models import Tenant
from people.operations import sandboxes
from people.tokens import token_digest
from people.values import Actor
from scim.connections import certification
from scim.models import (
    Connection,
    PaginationAnchor,
    RequestLog,
    ScimGroup,
    ScimMembership,
    ScimUser,
    ScimUserElement,
    SyncError,
    Token,
)
from scim.models.connection import issue_token

ACTOR = Actor("job", "self-test")
# The settings of the tested connection that the self-test depends on.
COPIED = (
    *("incomplete_policy", "unknown_manager", "role_source", "email_link"),
    *("default_department", "default_location", "mapping"),
)


@transaction.atomic
def connect(tested: Connection, provider: str, *, is_certifying: bool = False) -> str:
    """Connect the provider to the sandbox with the tested connection's settings; return a token."""
    with tenancy.use(tested.tenant_id):
        sandbox = sandboxes.open_sandbox(tested.tenant, actor=ACTOR)
    with tenancy.use(sandbox):
        _empty(sandbox)
        now = timezone.now()
        connection = Connection.objects.create(
            tenant=sandbox,
            provider=provider,
            activated_at=now,
            initial_import_finished_at=now,
            # The people are not real, and their addresses must not get mail.
            mails_invites=False,
            certification_ends_at=now + certification.LASTS if is_certifying else None,
            **{name: getattr(tested, name) for name in COPIED},
        )
        return issue_token(connection)


def revoke(token: str) -> None:
    """Revoke the token."""
    with tenancy.across_tenants():
        Token.objects.filter(digest=token_digest(token)).update(revoked_at=timezone.now())


def revoke_overdue(*, made_before: datetime) -> None:
    """Revoke the tokens of self-tests that did not end, because their worker died."""
    with tenancy.across_tenants():
        tokens = Token.objects.filter(tenant__is_sandbox=True, revoked_at=None)
        tokens.filter(created_at__lt=made_before).update(revoked_at=timezone.now())


def _empty(sandbox: Tenant) -> None:
    # In an order that the foreign keys allow.
    for rows in (
        SyncError.objects.all(),
        ScimMembership.objects.filter(group__tenant=sandbox),
        ScimUserElement.objects.filter(user__tenant=sandbox),
        RequestLog.objects.all(),
        PaginationAnchor.objects.all(),
        ScimGroup.objects.all(),
        ScimUser.objects.all(),
        Connection.objects.all(),
    ):
        rows.delete()
    sandboxes.empty_sandbox(sandbox)

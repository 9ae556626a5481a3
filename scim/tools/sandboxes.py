"""A connection in the sandbox of a tenant, to be tried out over the network.

It is made anew for each trial, when what the one before left is forgotten: a sandbox never
holds more than one trial's people, and until then one can look what became of them.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.models import Tenant
from people.operations import sandboxes
from people.tokens import token_digest
from people.values import Actor
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
# What a trial does must not depend on anything else of the tested connection.
COPIED = (
    *("incomplete_policy", "unknown_manager", "role_source", "email_link"),
    *("default_department", "default_location", "mapping"),
)


@transaction.atomic
def connect(tested: Connection, provider: str) -> str:
    """Connect the provider to the sandbox under the tested connection's rules; return a token."""
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
            mails_invites=False,
            **{name: getattr(tested, name) for name in COPIED},
        )
        return issue_token(connection)


def end(token: str) -> None:
    """Revoke the token."""
    with tenancy.across_tenants():
        Token.objects.filter(digest=token_digest(token)).update(revoked_at=timezone.now())


def end_all(*, made_before: datetime) -> None:
    """Revoke the tokens of trials that were not ended."""
    with tenancy.across_tenants():
        tokens = Token.objects.filter(tenant__is_sandbox=True, revoked_at=None)
        tokens.filter(created_at__lt=made_before).update(revoked_at=timezone.now())


def _empty(sandbox: Tenant) -> None:
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

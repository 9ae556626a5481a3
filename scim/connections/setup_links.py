"""The link by which a colleague in IT sets a connection up, without an account in Ramp."""

from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from people.models import Mail, Person
from people.models.time_zones import zone_of
from people.operations import connection_events
from people.operations.mail_outbox import enqueue_mail
from people.presentation.times import moment_text
from people.values import Actor, PeopleError
from scim.connections import setup
from scim.models import Connection, SetupLink
from scim.models.connection import issue_token

LIFE: Final = timedelta(days=7)


class SetupLinkUnusable(PeopleError):
    code = "setup-link-unusable"

    def __init__(self) -> None:
        super().__init__(
            "This link has expired or was revoked. Ask the person who sent it to you for a new one."
        )


class TokenExists(PeopleError):
    code = "setup-token-exists"

    def __init__(self) -> None:
        super().__init__(
            "The token has already been created, and cannot be shown again. If it is lost, ask "
            "the person who sent you this link to create a new one."
        )


def link_of(connection: Connection) -> SetupLink | None:
    """Return the connection's link, if it is usable."""
    return SetupLink.objects.usable().filter(connection=connection).first()


@transaction.atomic
def create_link(connection: Connection, *, actor: Actor) -> SetupLink:
    """Return the usable link of the connection, or create one for `LIFE`."""
    setup.lock_connection(connection)
    if link := link_of(connection):
        return link
    # A link that has expired gives way to the new one.
    connection.setup_links.filter(revoked_at=None).update(revoked_at=timezone.now())
    link = SetupLink.objects.create(
        tenant_id=connection.tenant_id,
        connection=connection,
        created_by=actor.name,
        expires_at=timezone.now() + LIFE,
    )
    _record_event("setup link added", link, actor=actor)
    return link


@transaction.atomic
def revoke_link(connection: Connection, *, actor: Actor) -> bool:
    """Make the link useless, also in mails that are not sent yet; return False if there is none."""
    setup.lock_connection(connection)
    link = connection.setup_links.filter(revoked_at=None).first()
    if link is None:
        return False
    link.revoked_at = timezone.now()
    link.save(update_fields=["revoked_at"])
    mails = Mail.objects.waiting().filter(kind=Mail.Kind.SETUP_LINK, facts__link=str(link.pk))
    mails.update(given_up_at=timezone.now(), problem="The link was revoked.")
    _record_event("setup link revoked", link, actor=actor)
    return True


@transaction.atomic
def mail_link(link: SetupLink, to: str, *, sender: Person) -> None:
    """Mail the link to a colleague of the sender."""
    enqueue_mail(
        Mail.Kind.SETUP_LINK,
        sender,
        to=to,
        link=str(link.pk),
        provider=str(link.connection),
        expires_at=link.expires_at.isoformat(),
        ends=moment_text(link.expires_at, zone_of(sender)),
    )
    _record_event("setup link mailed", link, actor=sender.actor, to=to)


@transaction.atomic
def create_token(link: SetupLink, name: str, *, address: str) -> str:
    """Create the first token of the connection, and return it; it cannot be read again.

    :param name: the name that the visitor entered; nothing proves it.
    :param address: the network address of the visitor, for the history.
    :raises SetupLinkUnusable: if the link has expired or was revoked, or the setup is over.
    :raises TokenExists: if the connection has a token. A link never revokes one.
    """
    setup.lock_connection(link.connection)
    if not SetupLink.objects.usable().filter(pk=link.pk).exists():
        raise SetupLinkUnusable
    link.refresh_from_db(fields=["token_created_at"])
    if link.token_created_at or link.connection.tokens.filter(revoked_at=None).exists():
        raise TokenExists
    link.token_created_at, link.token_created_by = timezone.now(), name
    link.save(update_fields=["token_created_at", "token_created_by"])
    actor = Actor("setup-link", name)
    _record_event("token added", link, actor=actor, address=address, shared_by=link.created_by)
    return issue_token(link.connection)


def _record_event(what: str, link: SetupLink, *, actor: Actor, **facts: Any) -> None:
    connection_events.record_connection_event(
        what,
        actor=actor,
        provider=link.connection.provider,
        connection=str(link.connection_id),
        **facts,
    )

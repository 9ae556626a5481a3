"""What may be the matter with somebody who is not here, and what is answered then."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.utils import timezone

from people.models import Invite, Mail, Person
from people.operations import people
from people.operations.invites import lifecycle
from people.values import Actor
from scim.connections import certification
from scim.models import Connection, MatchDecision, ScimUser, Token
from tests.clients.scim import RAMP, Provider, mail, managed_by, someone
from tests.factories import core
from tests.scim.conftest import Connect

HELPDESK = Actor("person", "owner@example.com")
ADA = "ada@example.com"


@dataclass
class Company:
    """Where something is the matter with Ada."""

    owner: Person
    connect: Connect

    def okta(self, **settings: Any) -> Provider:
        return self.connect("okta", **settings)


def ada() -> Person:
    ada: Person = Person.objects.get(email=ADA)
    return ada


def joined(scim: Provider, **values: Any) -> str:
    scim_id = scim.add(**values)
    people.activate_person(ada(), actor=ada().actor)
    return scim_id


def is_here(company: Company) -> None:
    joined(company.okta())


def is_invited(company: Company) -> None:
    company.okta().add()
    call_command("run_due")


def is_about_to_be_mailed(company: Company) -> None:
    company.okta().add()


def is_not_mailed(company: Company) -> None:
    company.okta(mails_invites=False).add()


def waits_for_the_manager(company: Company) -> None:
    company.okta().add(**managed_by("bob@example.com"))


def has_an_expired_invite(company: Company) -> None:
    is_invited(company)
    Invite.objects.update(expires_at=timezone.now() - timedelta(days=1))


def has_no_invite_any_more(company: Company) -> None:
    company.okta().add()
    lifecycle.revoke_invite(ada(), actor=HELPDESK)


def is_unknown_to_the_mail_server(company: Company) -> None:
    company.okta().add()
    Mail.objects.update(given_up_at=timezone.now(), attempts=1, problem="550 No such mailbox")


def was_added_during_certification(company: Company) -> None:
    okta = company.okta()
    certification.start_certification(okta.connection, actor=HELPDESK)
    okta.add()


def has_a_mail_that_came_back(company: Company) -> None:
    is_invited(company)
    Mail.objects.update(problem="The mailbox is full")


def was_deactivated_by_okta(company: Company) -> None:
    okta = company.okta()
    okta.replace(joined(okta), "active", value=False)


def was_deactivated_by_hand(company: Company) -> None:
    is_here(company)
    people.deactivate_person(ada(), actor=HELPDESK)


def was_deactivated_by_a_job(company: Company) -> None:
    is_here(company)
    people.deactivate_person(ada(), actor=Actor("job", "guard"))


def was_deleted(company: Company) -> None:
    okta = company.okta()
    okta("DELETE", f"/Users/{joined(okta)}")


def left_for_good(company: Company) -> None:
    is_here(company)
    Person.objects.filter(email=ADA).update(state="terminated", terminated_at=timezone.now())


def refused(**values: Any) -> Callable[[Company], None]:
    def seed(company: Company) -> None:
        answer = company.okta()("POST", "/Users", someone(**values))
        assert answer.status == 400

    return seed


def manages_her_manager(company: Company) -> None:
    okta = company.okta()
    scim_id = joined(okta)
    okta.add("bob", **managed_by(ADA))
    okta("PUT", f"/Users/{scim_id}", someone(**managed_by("bob@example.com")))


def has_an_unknown_manager(company: Company) -> None:
    document = someone(**managed_by("nobody@example.com"))
    company.okta(unknown_manager="reject")("POST", "/Users", document)


def moves_to_another_currency(company: Company) -> None:
    core.location("New York", entity=core.entity("Ramp Inc.", currency="USD"))
    okta = company.okta()
    scim_id = joined(okta)
    okta("PUT", f"/Users/{scim_id}", someone(**{RAMP: {"location": "New York"}}))


def has_the_address_of_an_administrator(company: Company) -> None:
    core.administrator(email=ADA)
    company.okta()("POST", "/Users", someone())


def has_the_address_of_a_colleague(company: Company) -> None:
    okta = company.okta()
    okta.add("countess", emails=[mail("a@example.com")])
    okta("POST", "/Users", someone(emails=[mail("a@example.com")]))


def is_entras(company: Company) -> None:
    company.connect("entra").add("countess", emails=[mail("a@example.com")])
    company.okta()("POST", "/Users", someone(emails=[mail("a@example.com")]))


def is_the_last_owner(company: Company) -> None:
    okta = company.okta(may_assign_owner=True)
    Person.objects.update(role="BUSINESS_ADMIN")
    scim_id = joined(okta, roles=[{"value": "BUSINESS_OWNER"}])
    assert okta.replace(scim_id, "active", value=False).status == 403


def is_incomplete_and_held(company: Company) -> None:
    company.connect("generic").add(**{RAMP: None})


def waits_for_the_activation(company: Company) -> None:
    company.okta(activated_at=None).add()


def is_on_the_way(company: Company) -> None:
    waits_for_the_activation(company)
    Connection.objects.update(activated_at=timezone.now())


def was_left_apart(company: Company) -> None:
    core.person(email=ADA)
    waits_for_the_activation(company)
    user = ScimUser.objects.get()
    MatchDecision.objects.create(
        tenant_id=user.tenant_id,
        connection=user.connection,
        user=user,
        choice=MatchDecision.Choice.LEAVE,
        decided_by=str(HELPDESK),
        decided_at=timezone.now(),
    )
    Connection.objects.update(activated_at=timezone.now())
    call_command("run_due")


def waited_for_a_connection_that_ended(company: Company) -> None:
    waits_for_the_activation(company)
    Connection.objects.update(disconnected_at=timezone.now())


def changes_her_address(company: Company) -> None:
    okta = company.okta()
    scim_id = joined(okta)
    okta("PUT", f"/Users/{scim_id}", someone(emails=[mail("countess@example.com")]))


def has_two_addresses(company: Company) -> None:
    okta = company.okta()
    joined(okta, emails=[mail(ADA), {"value": "alias@example.com", "type": "home"}])


def is_named_in_a_broken_request(company: Company) -> None:
    company.okta()("POST", "/Users", b'{"userName": "ada@example.com", "active": ')


def was_never_sent(company: Company) -> None:
    company.okta().add("bob")


def is_shut_out_with_okta(company: Company) -> None:
    company.okta()
    Token.objects.update(revoked_at=timezone.now())


def was_never_sent_before_the_end(company: Company) -> None:
    company.okta()
    Connection.objects.update(disconnected_at=timezone.now())


def is_nobody(company: Company) -> None:
    pass


@dataclass(frozen=True)
class Case:
    seed: Callable[[Company], None]
    code: str
    sentence: str
    who: str = ADA


TODAY = "{today}"
CASES = [
    Case(is_here, "here", "Ada Lovelace has been active in Ramp since {today}."),
    Case(is_invited, "not-accepted", "was invited on {today} and has not accepted yet."),
    Case(is_about_to_be_mailed, "mail-waiting", "The invite for ada@example.com is waiting to"),
    Case(is_not_mailed, "invite-not-mailed", "was invited on {today}, but no email was sent."),
    Case(
        waits_for_the_manager,
        "invite-held",
        "The invite for Ada Lovelace is on hold: their manager bob@example.com is not in Ramp yet.",
    ),
    Case(has_an_expired_invite, "invite-expired", "The invite for Ada Lovelace expired on"),
    Case(has_no_invite_any_more, "invite-withdrawn", "Ada Lovelace was revoked on {today}."),
    Case(
        is_unknown_to_the_mail_server,
        "mail-refused",
        "The invite did not reach ada@example.com: 550 No such mailbox.",
    ),
    Case(
        was_added_during_certification,
        "mail-withheld",
        "was not sent: Okta was in certification, which sends no email",
    ),
    Case(
        has_a_mail_that_came_back,
        "mail-refused",
        "The invite did not reach ada@example.com: The mailbox is full.",
    ),
    Case(
        was_deactivated_by_okta,
        "deactivated-by-provider",
        "Okta deactivated Ada Lovelace on {today}.",
    ),
    Case(
        was_deactivated_by_hand,
        "deactivated-by-hand",
        "Olga Owner deactivated Ada Lovelace on {today}.",
    ),
    Case(was_deactivated_by_a_job, "deactivated-by-ramp", "Ramp deactivated Ada Lovelace on"),
    Case(was_deleted, "deleted-by-provider", "Okta deleted Ada Lovelace on {today}."),
    Case(
        left_for_good,
        "terminated",
        "Ada Lovelace was terminated on {today}, which cannot be undone.",
    ),
    Case(
        refused(**{RAMP: None}),
        "incomplete",
        "What Okta sent about ada@example.com was refused: Missing required fields: location.",
    ),
    Case(
        refused(name={"givenName": "--", "familyName": "L"}),
        "invalid-name",
        "was refused: Ensure first and last name are entered correctly.",
    ),
    Case(
        refused(roles="EMPEROR"),
        "invalid-role-assignment",
        "was refused: User is not eligible to receive assigned role.",
    ),
    Case(
        refused(**managed_by(ADA)),
        "self-manager",
        "was refused: Employees can't be assigned as their own manager.",
    ),
    Case(
        manages_her_manager,
        "circular-manager",
        "was refused: Employees can't be assigned as their manager's manager.",
    ),
    Case(
        has_an_unknown_manager,
        "invalid-manager",
        "was refused: Manager's email is not associated with an eligible profile in Ramp.",
    ),
    Case(
        moves_to_another_currency,
        "invalid-location-change",
        "was refused: Location cannot be assigned to an entity",
    ),
    Case(
        has_the_address_of_a_colleague,
        "duplicate-email",
        "was refused: Email is already associated with another employee.",
    ),
    Case(
        has_the_address_of_an_administrator,
        "needs-linking",
        "was refused: Alan Turing has this address and is not managed by any provider yet.",
    ),
    Case(
        is_entras,
        "owned-elsewhere",
        "was refused: Microsoft Entra manages Countess Lovelace, who has this address.",
    ),
    Case(is_the_last_owner, "last-owner", "Ada Lovelace is the last active Owner."),
    Case(
        is_incomplete_and_held,
        "held-incomplete",
        "SCIM 2.0 provider sent about ada@example.com could not be imported: Missing required",
    ),
    Case(
        waits_for_the_activation,
        "awaiting-activation",
        "Okta has sent ada@example.com, but is not activated yet.",
    ),
    Case(is_on_the_way, "being-carried-over", "Okta was activated on {today}, and ada@example.com"),
    Case(was_left_apart, "left-at-adoption", "Ada Lovelace was not linked when Okta was connected"),
    Case(
        waited_for_a_connection_that_ended,
        "connection-disconnected",
        "Okta had sent ada@example.com, and was disconnected on {today}.",
    ),
    Case(
        changes_her_address,
        "address-unconfirmed",
        "Ada Lovelace uses ada@example.com in Ramp. countess@example.com is not confirmed",
        "Countess@example.com",
    ),
    Case(
        has_two_addresses,
        "another-address",
        "Ada Lovelace is in Ramp as ada@example.com. alias@example.com is another",
        "alias@example.com",
    ),
    Case(
        is_named_in_a_broken_request,
        "request-refused",
        "A request of Okta that names ada@example.com was refused: The body cannot be read",
    ),
    Case(was_never_sent, "never-sent", "Okta has never sent anybody as ada@example.com."),
    Case(is_shut_out_with_okta, "no-token", "Every token of Okta is revoked"),
    Case(
        was_never_sent_before_the_end,
        "no-longer-connected",
        "Nobody was ever sent as ada@example.com, and Okta was disconnected on {today}.",
    ),
    Case(is_nobody, "no-connection", "Nobody in Ramp matches ada@example.com, and no identity"),
]

"""Signs in the person that a provider's claims identify.

OIDC, LDAP and Windows sign-in end here with their claims. One transaction finds, links or adds the
person and applies the group mappings. The outcome is written to the provider log, also if the
sign-in is refused.
"""

from dataclasses import dataclass, field, replace
from typing import assert_never

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from people import hooks, tenancy
from people.models import Invite, Person
from people.operations import email_changes, people, people_update
from people.operations.roles import group_mappings
from people.values import PeopleError, Profile
from provisioning import locks
from provisioning.claims import Claims
from provisioning.group_roles import memberships
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from provisioning.models.account_status import AccountStatus
from provisioning.providers.issuers import authority_of
from provisioning.sign_in import attempt_log, identity_lookup
from provisioning.sign_in.attempt_log import Outcome
from provisioning.sign_in.decide import (
    Create,
    How,
    Link,
    Refusal,
    Refuse,
    SignIn,
    decide,
)
from provisioning.sign_in.errors import SignInRefused, administrator_message, visitor_message
from provisioning.sign_in.facts import collect_facts
from provisioning.sign_in.profile import STATED, changed_values, names_of, stated_values


@dataclass(frozen=True, kw_only=True)
class SignInContext:
    """The invite that the visitor has opened, or the signed-in person who links a provider."""

    invite: Invite | None = None
    person: Person | None = None


NOTHING = SignInContext()


@dataclass
class _SignInResult:
    """The result of a sign-in, while it is processed."""

    person: Person
    outcome: Outcome
    warnings: list[str] = field(default_factory=list)


def sign_in(
    provider: IdentityProvider, claims: Claims, context: SignInContext = NOTHING
) -> SignInAttempt:
    """Find, link or add the person who signs in, and update their roles.

    :returns: the line of the provider log; its `person` is the one to sign in.
    :raises SignInRefused: if the sign-in is refused. The log says why.
    """
    with tenancy.use(provider.tenant_id):
        try:
            with transaction.atomic():
                result = _identify(provider, claims, context)
        except _Refusal as refused:
            raise _refused(provider, claims, refused.decision) from None
        except PeopleError as error:
            raise _refused_by_people(provider, claims, error) from error
        return attempt_log.log_attempt(
            result.outcome,
            provider,
            person=result.person,
            subject=claims.subject,
            email=claims.email,
            warnings=result.warnings,
        )


class _Refusal(Exception):
    def __init__(self, decision: Refuse) -> None:
        self.decision = decision


def _identify(provider: IdentityProvider, claims: Claims, context: SignInContext) -> _SignInResult:
    if not provider.tenant.is_active:
        raise _Refusal(Refuse(Refusal.TENANT_INACTIVE))
    locks.lock_provider_shared(provider)
    _check_authority(provider)
    locks.lock_subject(provider, claims.subject)
    warning = identity_lookup.retire_inherited(provider, claims)
    claims = _with_known_values(provider, claims)
    facts = collect_facts(provider, claims, visitor=context.person, invite=context.invite)
    decision = decide(claims, facts)
    match decision:
        case SignIn(person):
            result = _SignInResult(person, Outcome.SIGNED_IN)
        case Link(person, how):
            result = _SignInResult(person, Outcome.LINKED)
            # A terminated person may still have the subject, which this person needs now.
            earlier = Identity.objects.filter(provider=provider, subject=claims.subject)
            earlier.filter(retired_at=None).update(retired_at=timezone.now())
            _remember(provider, claims, person, how)
        case Create():
            result = _SignInResult(_add(provider, claims), Outcome.CREATED)
            _remember(provider, claims, result.person, How.CREATED)
        case Refuse():
            raise _Refusal(decision)
        case _:
            assert_never(decision)
    result.warnings += [warning] if warning else []
    result.warnings += claims.problems
    _update(provider, claims, result)
    return result


def _with_known_values(provider: IdentityProvider, claims: Claims) -> Claims:
    """Return the claims with the values of the last sign-in that the provider still sends.

    The values of a directory attribute have no order (RFC 4511 section 4.1.7), so a person's
    address does not change because another one comes first.
    """
    several = {name: values for name, values in claims.alternatives.items() if len(values) > 1}
    identity = identity_lookup.identity_of(provider, claims) if several else None
    if identity is None:
        return claims
    known = {name: identity.stated_values.get(name) for name in several}
    return replace(claims, **{n: known[n] for n, values in several.items() if known[n] in values})


def _check_authority(provider: IdentityProvider) -> None:
    """Check that the claims come from the issuer or directory that was confirmed last."""
    authority = authority_of(provider)
    confirmed = IdentityProvider.objects.filter(pk=provider.pk, authority=authority)
    if not confirmed.exists():
        raise _Refusal(Refuse(Refusal.PROVIDER_MOVED))
    provider.authority = authority


def _add(provider: IdentityProvider, claims: Claims) -> Person:
    try:
        validate_email(claims.email)
    except ValidationError:
        raise _Refusal(Refuse(Refusal.INVALID_EMAIL)) from None
    given, family = names_of(claims)
    # An unverified address counts only once the person confirms it by email.
    is_unproven = claims.is_email_verified is False
    profile = Profile(
        given_name=given,
        family_name=family,
        email="" if is_unproven else claims.email,
        department=claims.department,
        location=claims.location,
    )
    return people.add_person(profile, actor=provider.actor, invitation=None)


def _remember(provider: IdentityProvider, claims: Claims, person: Person, how: How) -> None:
    now = timezone.now()
    Identity.objects.create(
        tenant_id=provider.tenant_id,
        provider=provider,
        subject=claims.subject,
        authority=provider.authority,
        person=person,
        how=how,
        stated_values=stated_values(claims),
        first_seen_at=now,
        last_seen_at=now,
    )


def _update(provider: IdentityProvider, claims: Claims, result: _SignInResult) -> None:
    identity = Identity.objects.select_related("provider").get(
        provider=provider, person=result.person, retired_at=None
    )
    identity = identity_lookup.moved_to_subject(identity, claims)
    identity.person = result.person
    people.activate_person(result.person, actor=provider.actor)
    if not result.person.is_active:
        # They were deactivated after the decision.
        raise _Refusal(Refuse(Refusal.DEACTIVATED, result.person))
    identity_lookup.save_account(identity, claims)
    _update_profile(identity, claims, result)
    if claims.is_email_verified is False and claims.email and not result.person.email:
        # They were added without an address. They get this one once they have confirmed it.
        email_changes.propose_address(result.person, claims.email, actor=provider.actor)
    _update_roles(identity, claims, result)
    # A value that this sign-in left out stays known.
    stated = {name: value for name, value in identity.stated_values.items() if name in STATED}
    identity.stated_values = stated | stated_values(claims) | {"claims": dict(claims.group_claims)}
    identity.last_seen_at = timezone.now()
    identity.status, identity.status_since = AccountStatus.GOOD, None
    identity.save(update_fields=["last_seen_at", "stated_values", "status", "status_since"])


def _update_profile(identity: Identity, claims: Claims, result: _SignInResult) -> None:
    """Take over the values that the provider has changed since the last sign-in.

    A value that an administrator has changed meanwhile stays until the provider changes it too. If
    a SCIM connection manages the person, the sign-in changes nothing in the profile.
    """
    changed = changed_values(identity.stated_values, claims)
    if not changed or hooks.pairing().is_provisioned(result.person):
        return
    now = result.person.profile
    profile = replace(
        now,
        given_name=changed.get("given_name", now.given_name),
        family_name=changed.get("family_name", now.family_name),
        email=changed.get("email", now.email),
    )
    try:
        # A savepoint: a change that is rejected must not prevent the sign-in.
        with transaction.atomic():
            people_update.revise_person(result.person, profile, actor=identity.provider.actor)
    except PeopleError as error:
        # The instance may have values that were not saved.
        result.person.refresh_from_db()
        refused_values = ", ".join(
            f"{name.replace('_', ' ')} “{value}”" for name, value in changed.items()
        )
        result.warnings.append(
            f"A change from {identity.provider} was rejected ({refused_values}): {error}"
        )


def _update_roles(identity: Identity, claims: Claims, result: _SignInResult) -> None:
    groups = claims.groups
    because = groups.because or "the provider did not send groups"
    if groups.known is not None:
        because = memberships.other_form_of_group(identity, groups.known)
    if groups.known is None or because:
        result.warnings.append(f"Roles from groups did not change: {because}.")
        return
    memberships.save_groups(identity, groups.known)
    mapped = memberships.mapped_groups(identity.provider)
    result.warnings += group_mappings.sync_roles(mapped, identity.person).problems


def _refused(provider: IdentityProvider, claims: Claims, refused: Refuse) -> SignInRefused:
    message = administrator_message(
        refused.reason, provider, email=claims.email, person=refused.person
    )
    attempt_log.log_attempt(
        Outcome.REFUSED,
        provider,
        person=refused.person,
        subject=claims.subject,
        email=claims.log_name,
        is_email_unverified=claims.is_email_verified is False,
        reason=refused.reason,
        detail=" ".join(filter(None, (refused.detail, message, *claims.problems, _entry(claims)))),
    )
    return SignInRefused(visitor_message(refused.reason, provider, refused.person))


def _refused_by_people(
    provider: IdentityProvider, claims: Claims, error: PeopleError
) -> SignInRefused:
    attempt_log.log_attempt(
        Outcome.REFUSED,
        provider,
        subject=claims.subject,
        email=claims.log_name,
        reason=error.code,
        detail=" ".join(filter(None, (str(error), _entry(claims)))),
    )
    return SignInRefused(str(error))


def _entry(claims: Claims) -> str:
    """Return a sentence that names the entry of a directory; blank for other providers."""
    dn = claims.text_claims.get("dn", "")
    return f"The entry in the directory is {dn}." if dn else ""

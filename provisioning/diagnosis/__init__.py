"""Access diagnosis from sign-in: lockouts, refused attempts, sign-in methods and group roles."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db.models import Q
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode

from people import hooks, tenancy
from people.models import Person, Tenant
from people.presentation.diagnosis import (
    Diagnosis,
    DiagnosisQuery,
    Evidence,
    Finding,
    Link,
    Priority,
    day,
)
from provisioning.diagnosis.sentences import LIVE, REFUSALS
from provisioning.directory import live_standing
from provisioning.directory.live_standing import Answer as LiveAnswer
from provisioning.models import GroupMapping, Identity, IdentityProvider, SignInAttempt
from provisioning.models.account_status import AccountStatus
from provisioning.passwords import lockout
from provisioning.passwords.login import password_counts

ATTEMPTS_SHOWN = 3
SUCCESSFUL: Final = ("signed-in", "created", "linked")


@dataclass
class _SignInData:
    """The sign-in data of the person in question, loaded on demand."""

    query: DiagnosisQuery

    @property
    def person(self) -> Person | None:
        return self.query.person

    @property
    def who(self) -> str:
        return self.query.who

    @cached_property
    def tenant(self) -> Tenant:
        return Tenant.objects.get(pk=tenancy.current_id())

    @cached_property
    def attempts(self) -> list[SignInAttempt]:
        """Return the latest attempts, also those under an address or a subject."""
        text = self.query.text
        named = Q(email__iexact=text) | Q(subject=text)
        if self.person is None:
            # The log names the account that was found, and quotes what was typed.
            named |= Q(detail__icontains=f"“{text}”")
        accounts = [one.standing.account for one in self.live if one.standing]
        for account in filter(None, accounts):
            named |= Q(subject=account.subject) if account.subject else Q()
            named |= Q(email__iexact=account.email) if account.email else Q()
        if self.person:
            named |= Q(person=self.person) | Q(email__iexact=self.person.email)
        attempts = SignInAttempt.objects.filter(named).select_related("provider")
        return list(attempts.order_by("-pk")[:ATTEMPTS_SHOWN])

    @cached_property
    def identities(self) -> list[Identity]:
        if self.person is None:
            return []
        identities = Identity.objects.filter(person=self.person, retired_at=None)
        return list(identities.select_related("provider", "person").order_by("-last_seen_at"))

    @cached_property
    def live(self) -> list[LiveAnswer]:
        """Return what the directories say now. It calls them, so it is read outside of locks."""
        names = [self.query.text]
        if self.person and self.person.email and self.person.email != self.query.text:
            names.append(self.person.email)
        return list(live_standing.answers(names, self.identities))

    @cached_property
    def offered(self) -> list[IdentityProvider]:
        return list(IdentityProvider.objects.offered())

    @property
    def log(self) -> str:
        who = self.person.email if self.person else self.query.text
        return f"{_page('provider_log', self.tenant)}?{urlencode({'q': who})}"


def causes(query: DiagnosisQuery) -> Iterator[Finding]:
    data = _SignInData(query)
    for attempt in data.attempts:
        through = f"through {attempt.provider}" if attempt.provider else "with a password"
        reason = f": {attempt.reason}" if attempt.reason else ""
        summary = f"Sign-in attempt {through}, {attempt.get_outcome_display()}{reason}"
        yield Evidence(summary, data.log, attempt.at)
    for answer in data.live:
        if answer.problem:
            yield Evidence(f"{answer.provider} could not be asked: {answer.problem}")
        elif answer.standing and answer.standing.account:
            yield Evidence(f"{answer.provider} has the account {answer.standing.account.dn}")
    for cause in CAUSES:
        verdict = cause(data)
        if verdict:
            yield verdict


def _locked_out(data: _SignInData) -> Diagnosis | None:
    name = data.person.email if data.person else data.query.text
    with tenancy.across_tenants():
        until = lockout.waits_until(name)
    until = until or lockout.waits_until(data.query.text)
    if until is None:
        return None
    return Diagnosis(
        Priority.TURNED_AWAY,
        "locked-out",
        f"Too many incorrect passwords were entered for {data.who}. Sign-in is locked until "
        f"{until:%H:%M} UTC.",
        "The lock ends automatically. If they did not enter these passwords, have them "
        "choose a new password.",
        Link("Internal users", _page("internal_users", data.tenant)),
    )


def _unusable_there(data: _SignInData) -> Diagnosis | None:
    """Report an account that the directory itself says cannot be used now."""
    if data.person and data.person.state not in (Person.State.ACTIVE, Person.State.INVITED):
        return None
    for answer in data.live:
        standing = answer.standing
        if standing is None or standing.status == AccountStatus.GOOD:
            continue
        who = standing.account.dn if standing.account else f"the account of {data.who}"
        return Diagnosis(
            Priority.UNUSABLE_THERE,
            standing.status,
            LIVE[standing.status].format(who=data.who, provider=answer.provider),
            f"{answer.provider} says so now about {who}. Correct it there, or in the provider's "
            "settings, if they should be able to sign in.",
            Link(
                f"Settings of {answer.provider}",
                _page("auth_provider", data.tenant, answer.provider.pk),
            ),
        )
    return None


def _could_sign_in(data: _SignInData) -> Diagnosis | None:
    """Report somebody unknown here who is in a directory and only has to sign in."""
    if data.person or data.attempts:
        return None
    for answer in data.live:
        standing = answer.standing
        if standing and standing.status == AccountStatus.GOOD and standing.account:
            adds = answer.provider.provisions_people
            return Diagnosis(
                Priority.LOOKED_UP_WITHOUT_RESULT,
                "has-not-signed-in",
                f"{data.who} is in {answer.provider}, but has never signed in to Ramp.",
                f"Have them sign in through {answer.provider} at {_sign_in(data.tenant)}. "
                f"They are added then."
                if adds
                else f"Invite them first: {answer.provider} does not add people.",
                Link(
                    "View in directory",
                    f"{_page('directory_person', data.tenant, answer.provider.pk)}?"
                    f"{urlencode({'id': standing.account.dn})}",
                ),
            )
    return None


def _refused(data: _SignInData) -> Diagnosis | None:
    latest = data.attempts[0] if data.attempts else None
    if latest is None or latest.outcome in SUCCESSFUL:
        return None
    provider = latest.provider.name if latest.provider else "the sign-in page"
    usual = "{who} tried to sign in through {provider}, but the sign-in failed."
    sentence = REFUSALS.get(latest.reason, usual).format(who=data.who, provider=provider)
    return Diagnosis(
        Priority.TURNED_AWAY,
        latest.reason or "sign-in-failed",
        sentence,
        latest.detail or "See the provider log for details.",
        Link("View provider log", data.log),
    )


def _no_sign_in_method(data: _SignInData) -> Diagnosis | None:
    """Report a person who has no sign-in method left."""
    person = data.person
    if person is None or not person.is_active:
        return None
    if person.has_usable_password():
        return None if password_counts(person) or data.identities else _passwords_off(data)
    providers = [identity.provider for identity in data.identities]
    if not providers or any(one.is_enabled and not one.removed_at for one in providers):
        return None
    [last, *_] = providers
    if last.removed_at:
        return Diagnosis(
            Priority.TURNED_AWAY,
            "provider-removed",
            f"{data.who} signed in through {last}, which was removed on {day(last.removed_at)}.",
            "Invite them again, or have them link another provider while they are signed in.",
            Link("Auth providers", _page("auth_providers", data.tenant)),
        )
    return Diagnosis(
        Priority.TURNED_AWAY,
        "provider-disabled",
        f"{data.who} signs in through {last}, which is disabled.",
        "Enable it again, or give them another sign-in method.",
        Link(f"Settings of {last}", _page("auth_provider", data.tenant, last.pk)),
    )


def _passwords_off(data: _SignInData) -> Diagnosis:
    return Diagnosis(
        Priority.TURNED_AWAY,
        "passwords-off",
        f"{data.who} has a password, but only Owners can sign in with a password.",
        "Have them sign in through a provider, or allow passwords.",
        Link("Auth settings", _page("auth_settings", data.tenant)),
    )


def _groups_unknown(data: _SignInData) -> Diagnosis | None:
    identity = _latest(data)
    if identity is None:
        return None
    warnings = data.attempts[0].warnings if data.attempts else []
    warning = next((one for one in warnings if "Roles from groups" in one), "")
    if (identity.groups_seen_at and not warning) or not _in_force(identity.provider):
        return None
    return Diagnosis(
        Priority.ROLES_AMISS,
        "groups-unknown",
        f"{data.who} can sign in, but {identity.provider} did not send their groups.",
        warning or f"Have {identity.provider} send groups in the claim that its settings name.",
        Link("View member", _page("provisioned_member", data.tenant, identity.pk)),
    )


def _no_mapping(data: _SignInData) -> Diagnosis | None:
    identity = _latest(data)
    if identity is None or not identity.groups.exists() or _in_force(identity.provider):
        return None
    return Diagnosis(
        Priority.ROLES_AMISS,
        "no-mapping",
        f"{data.who} can sign in, but gets no role from groups: {identity.provider} has no "
        "group mappings.",
        "Map the groups that should grant roles. A group without a mapping grants no role.",
        _mappings(data, identity.provider),
    )


def _matches_nothing(data: _SignInData) -> Diagnosis | None:
    identity = _latest(data)
    if identity is None or identity.groups_seen_at is None:
        return None
    mapped = set(_in_force(identity.provider))
    if not mapped:
        return None
    groups = list(identity.groups.order_by("name"))
    if not groups:
        return Diagnosis(
            Priority.ROLES_AMISS,
            "in-no-group",
            f"{data.who} can sign in, but is not in any group at {identity.provider}.",
            f"Add them to a group at {identity.provider}. They get the role at their next sign-in.",
            _mappings(data, identity.provider),
        )
    if {one.external_id for one in groups} & mapped:
        return None
    named = ", ".join(f"“{group.name}”" for group in groups[:3])
    return Diagnosis(
        Priority.ROLES_AMISS,
        "mapping-matches-nothing",
        f"{data.who} can sign in, but no mapping matches their groups ({named}).",
        "A mapping applies to one group, by its ID or exact name. The mappings page "
        "suggests similar groups.",
        _mappings(data, identity.provider),
    )


def _only_drafted(data: _SignInData) -> Diagnosis | None:
    identity = _latest(data)
    if identity is None:
        return None
    drafts = GroupMapping.objects.filter(provider=identity.provider, draft="added")
    keys = identity.groups.values("external_id")
    draft = drafts.filter(external_id__in=keys).first()
    if draft is None:
        return None
    return Diagnosis(
        Priority.ROLES_AMISS,
        "mapping-is-draft",
        f"{data.who} can sign in, but this mapping is only a draft: {draft}.",
        "Preview the drafts and apply them.",
        _mappings(data, identity.provider),
    )


def _no_provisioned_member(data: _SignInData) -> Diagnosis | None:
    person = data.person
    if person is None or person.state != Person.State.ACTIVE or data.identities:
        return None
    if not data.offered or not person.has_usable_password():
        return None
    return Diagnosis(
        Priority.ROLES_AMISS,
        "came-with-password",
        f"{data.who} signs in with a password, so they are not a provisioned member.",
        "People become provisioned members by signing in through a provider. They can link "
        "one on their profile.",
        Link("View their attempts", data.log),
    )


def _never_signed_in(data: _SignInData) -> Diagnosis | None:
    person = data.person
    if person is None or person.state != Person.State.ACTIVE or data.identities or data.attempts:
        return None
    if not data.offered or person.has_usable_password():
        return None
    return Diagnosis(
        Priority.ROLES_AMISS,
        "never-signed-in",
        f"{data.who} has an account, but has never signed in through a provider.",
        f"They become a provisioned member when they first sign in at {_sign_in(data.tenant)}.",
        Link("Provisioned members", _page("provisioned_members", data.tenant)),
    )


def _never_tried(data: _SignInData) -> Diagnosis | None:
    if data.person or data.attempts or not data.offered or hooks.pairing().connections():
        return None
    names = " or ".join(str(one) for one in data.offered)
    return Diagnosis(
        Priority.NEVER_TRIED,
        "never-tried",
        f"Nobody has tried to sign in as {data.query.text}.",
        f"Have them sign in through {names} at {_sign_in(data.tenant)}. If they already did, "
        "search the log for another email address of theirs.",
        Link("View provider log", _page("provider_log", data.tenant)),
    )


CAUSES = (
    _unusable_there,
    _locked_out,
    _refused,
    _could_sign_in,
    _no_sign_in_method,
    _only_drafted,
    _groups_unknown,
    _no_mapping,
    _matches_nothing,
    _no_provisioned_member,
    _never_signed_in,
    _never_tried,
)


def _latest(data: _SignInData) -> Identity | None:
    """Return the latest identity of an active person who has no role from a group."""
    if data.person is None or data.person.state != Person.State.ACTIVE or not data.identities:
        return None
    identity = data.identities[0]
    mapped = data.person.grants.filter(source__startswith=identity.provider.mapping_origin)
    return None if mapped.exists() or identity.provider.removed_at else identity


def _in_force(provider: IdentityProvider) -> list[str]:
    """Return the keys of the groups that grant roles."""
    in_force = GroupMapping.objects.in_force().filter(provider=provider, by_name=False)
    return list(in_force.values_list("external_id", flat=True))


def _mappings(data: _SignInData, provider: IdentityProvider) -> Link:
    address = f"{_page('mappings', data.tenant)}?{urlencode({'provider': str(provider.pk)})}"
    return Link("View group mappings", address)


def _sign_in(tenant: Tenant) -> str:
    return reverse("admin:sign_in", args=[tenant.slug])


def _page(name: str, tenant: Tenant, *more: object) -> str:
    return reverse(f"admin:{name}", args=[tenant.slug, *more])

"""Access diagnosis from sign-in: lockouts, refused attempts, sign-in methods and group roles."""

from collections.abc import Iterator
from typing import Final

from django.utils.http import urlencode

from people import hooks, tenancy
from people.models import Person
from people.presentation.diagnosis import (
    Diagnosis,
    DiagnosisQuery,
    Evidence,
    Finding,
    Link,
    Priority,
    day,
)
from people.presentation.times import clock_text
from provisioning.diagnosis.data import SignInData, page_url, sign_in_url
from provisioning.diagnosis.live_causes import (
    could_sign_in,
    not_in_any_directory,
    not_in_required_group,
    unusable_there,
)
from provisioning.diagnosis.sentences import REFUSALS
from provisioning.models import GroupMapping, Identity, IdentityProvider
from provisioning.passwords import lockout
from provisioning.passwords.login import password_counts
from provisioning.sign_in import fresh_sign_in

SUCCESSFUL: Final = ("signed-in", "created", "linked")


def causes(query: DiagnosisQuery) -> Iterator[Finding]:
    data = SignInData(query)
    for attempt in data.attempts:
        through = f"through {attempt.provider}" if attempt.provider else "with a password"
        reason = f": {attempt.reason}" if attempt.reason else ""
        summary = f"Sign-in attempt {through}, {attempt.get_outcome_display()}{reason}"
        yield Evidence(summary, data.log, attempt.at)
    for answer in data.live:
        if answer.problem:
            yield Evidence(f"{answer.provider} could not be asked: {answer.problem}")
        elif answer.standing and answer.standing.person:
            yield Evidence(f"{answer.provider} has the account {answer.standing.account}")
        elif answer.standing is None:
            yield Evidence(f"{answer.provider} has no account with this name or address")
    for cause in CAUSES:
        verdict = cause(data)
        if verdict:
            yield verdict


def _locked_out(data: SignInData) -> Diagnosis | None:
    ends = [lockout.waits_until(name) for name in data.names]
    with tenancy.across_tenants():
        ends += [lockout.waits_until(name) for name in data.names]
    until = max(filter(None, ends), default=None)
    if until is None:
        return None
    return Diagnosis(
        Priority.TURNED_AWAY,
        "locked-out",
        f"Too many incorrect passwords were entered for {data.who}. Sign-in is locked until "
        f"{clock_text(until)}.",
        "The lock ends automatically. If they did not enter these passwords, have them "
        "choose a new password.",
        Link("Internal users", page_url("internal_users", data.tenant)),
    )


def _needs_fresh_sign_in(data: SignInData) -> Diagnosis | None:
    person = data.person
    required = fresh_sign_in.required_of(person) if person and person.is_active else None
    if required is None:
        return None
    return Diagnosis(
        Priority.TURNED_AWAY,
        "fresh-sign-in-required",
        f"{data.who} has to sign in at {required.provider} again, because it reported on "
        f"{day(required.since)}: {required.because}. Until then, nothing else signs them in.",
        f"Have them sign in through {required.provider}. If the report was wrong, end the "
        f"requirement on the page of its signals.",
        Link(
            f"Signals of {required.provider}",
            page_url("shared_signals", data.tenant, required.provider_id),
        ),
    )


def _refused(data: SignInData) -> Diagnosis | None:
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


def _no_sign_in_method(data: SignInData) -> Diagnosis | None:
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
            Link("Auth providers", page_url("auth_providers", data.tenant)),
        )
    return Diagnosis(
        Priority.TURNED_AWAY,
        "provider-disabled",
        f"{data.who} signs in through {last}, which is disabled.",
        "Enable it again, or give them another sign-in method.",
        Link(f"Settings of {last}", page_url("auth_provider", data.tenant, last.pk)),
    )


def _passwords_off(data: SignInData) -> Diagnosis:
    return Diagnosis(
        Priority.TURNED_AWAY,
        "passwords-off",
        f"{data.who} has a password, but only Owners can sign in with a password.",
        "Have them sign in through a provider, or allow passwords.",
        Link("Auth settings", page_url("auth_settings", data.tenant)),
    )


def _groups_unknown(data: SignInData) -> Diagnosis | None:
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
        Link("View member", page_url("provisioned_member", data.tenant, identity.pk)),
    )


def _no_mapping(data: SignInData) -> Diagnosis | None:
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


def _matches_nothing(data: SignInData) -> Diagnosis | None:
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


def _only_drafted(data: SignInData) -> Diagnosis | None:
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


def _no_provisioned_member(data: SignInData) -> Diagnosis | None:
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


def _never_signed_in(data: SignInData) -> Diagnosis | None:
    person = data.person
    if person is None or person.state != Person.State.ACTIVE or data.identities or data.attempts:
        return None
    if not data.offered or person.has_usable_password():
        return None
    return Diagnosis(
        Priority.ROLES_AMISS,
        "never-signed-in",
        f"{data.who} has an account, but has never signed in through a provider.",
        f"They become a provisioned member when they first sign in at {sign_in_url(data.tenant)}.",
        Link("Provisioned members", page_url("provisioned_members", data.tenant)),
    )


def _never_tried(data: SignInData) -> Diagnosis | None:
    if data.person or data.attempts or not data.offered or hooks.pairing().connections():
        return None
    names = " or ".join(str(one) for one in data.offered)
    return Diagnosis(
        Priority.NEVER_TRIED,
        "never-tried",
        f"Nobody has tried to sign in as {data.query.text}.",
        f"Have them sign in through {names} at {sign_in_url(data.tenant)}. If they already did, "
        "search the log for another email address of theirs.",
        Link("View provider log", page_url("provider_log", data.tenant)),
    )


CAUSES = (
    unusable_there,
    not_in_required_group,
    _needs_fresh_sign_in,
    _locked_out,
    _refused,
    could_sign_in,
    _no_sign_in_method,
    _only_drafted,
    _groups_unknown,
    _no_mapping,
    _matches_nothing,
    _no_provisioned_member,
    _never_signed_in,
    not_in_any_directory,
    _never_tried,
)


def _latest(data: SignInData) -> Identity | None:
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


def _mappings(data: SignInData, provider: IdentityProvider) -> Link:
    address = f"{page_url('mappings', data.tenant)}?{urlencode({'provider': str(provider.pk)})}"
    return Link("View group mappings", address)

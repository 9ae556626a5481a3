"""The causes that the live directories say."""

from django.utils.http import urlencode

from people import hooks
from people.models import Person
from people.presentation.diagnosis import Diagnosis, Link, Priority
from provisioning.diagnosis.data import SignInData, page_url, sign_in_url
from provisioning.diagnosis.sentences import ADVICE, LIVE, USUAL_ADVICE
from provisioning.directory.base import DirectoryPerson
from provisioning.models import IdentityProvider


def unusable_there(data: SignInData) -> Diagnosis | None:
    """Report an account that the directory itself says cannot be used now."""
    if data.person and data.person.state not in (Person.State.ACTIVE, Person.State.INVITED):
        return None
    for answer in data.live:
        standing, provider = answer.standing, answer.provider
        if standing is None or not standing.problem:
            continue
        account = standing.account or f"the account of {data.who}"
        status = standing.person.status if standing.person else ""
        account += f" (status {status})" if status else ""
        advice = ADVICE.get(standing.problem, USUAL_ADVICE).format(provider=provider)
        if standing.person and provider.kind != IdentityProvider.Kind.LDAP:
            link = _in_directory(data, provider, standing.person)
        else:
            # The settings of the provider may be wrong, or may hide the account.
            page = page_url("auth_provider", data.tenant, provider.pk)
            link = Link(f"Settings of {provider}", page)
        return Diagnosis(
            Priority.UNUSABLE_THERE,
            standing.problem,
            LIVE[standing.problem].format(who=data.who, provider=provider),
            f"{provider} says so now about {account}. {advice}",
            link,
        )
    return None


def not_in_required_group(data: SignInData) -> Diagnosis | None:
    """Report an account that is not in the group without which nobody can sign in."""
    if data.person and data.person.state not in (Person.State.ACTIVE, Person.State.INVITED):
        return None
    used = {one.provider for one in data.identities}
    for answer in data.live:
        provider = answer.provider
        # Somebody who signs in through another provider need not be able to use this one, too.
        if not answer.missing_group or (used and provider not in used):
            continue
        seen = provider.groups.filter(external_id=answer.missing_group).first()
        group = seen.name if seen else answer.missing_group
        return Diagnosis(
            Priority.UNUSABLE_THERE,
            "not-in-required-group",
            f"{data.who} is not in the group “{group}” of {provider}, which is required to sign "
            "in.",
            f"Add them to the group in {provider}, or change the sign-in restrictions of the "
            "provider.",
            Link(f"Settings of {provider}", page_url("auth_provider", data.tenant, provider.pk)),
        )
    return None


def _in_directory(data: SignInData, provider: IdentityProvider, person: DirectoryPerson) -> Link:
    page = page_url("directory_person", data.tenant, provider.pk)
    return Link("View in directory", f"{page}?{urlencode({'id': person.id})}")


def could_sign_in(data: SignInData) -> Diagnosis | None:
    """Report somebody unknown here who is in a directory and only has to sign in."""
    if data.person or data.attempts:
        return None
    for answer in data.live:
        standing = answer.standing
        if standing and standing.person and not standing.problem and not answer.missing_group:
            adds = answer.provider.provisions_people
            return Diagnosis(
                Priority.LOOKED_UP_WITHOUT_RESULT,
                "has-not-signed-in",
                f"{data.who} is in {answer.provider}, but has never signed in to Ramp.",
                f"Have them sign in through {answer.provider} at {sign_in_url(data.tenant)}. "
                f"They are added then."
                if adds
                else f"Invite them first: {answer.provider} does not add people.",
                _in_directory(data, answer.provider, standing.person),
            )
    return None


def not_in_any_directory(data: SignInData) -> Diagnosis | None:
    """Report somebody unknown whom none of the directories has, if all of them were asked."""
    if data.person or data.attempts or hooks.pairing().connections():
        return None
    asked = {one.provider for one in data.live if one.standing is None and not one.problem}
    directories = {one for one in data.offered if one.kind != IdentityProvider.Kind.WINDOWS}
    if not asked or asked != directories:
        return None
    names = " or ".join(str(one.provider) for one in data.live)
    return Diagnosis(
        Priority.NEVER_TRIED,
        "not-in-directory",
        LIVE["not-in-directory"].format(who=data.query.text, provider=names),
        f"Check the spelling: accounts are found by their login name or email address. If it is "
        f"right, add the account in {names} first.",
        Link("Auth providers", page_url("auth_providers", data.tenant)),
    )

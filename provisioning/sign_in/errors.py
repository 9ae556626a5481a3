"""Messages for refused sign-ins: for the visitor, and for administrators in the provider log."""

from people.models import Person
from people.presentation.actor_names import actor_name
from provisioning.models import IdentityProvider
from provisioning.sign_in.decide import Refusal


class SignInRefused(Exception):
    """The sign-in is refused. The message is for the visitor."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


ASK = "Ask your administrator"

TO_VISITORS: dict[Refusal, str] = {
    Refusal.TENANT_INACTIVE: f"This company is suspended. {ASK}.",
    Refusal.PROVIDER_MOVED: (
        "The address of {provider} has changed. An administrator must confirm it before anyone "
        f"can sign in. {ASK}."
    ),
    Refusal.NOT_ADMITTED: (f"Your account at {{provider}} is not allowed to sign in here. {ASK}."),
    Refusal.UNRESTRICTED: (f"{{provider}} cannot add new people right now. {ASK} to invite you."),
    Refusal.NO_SUBJECT: f"{{provider}} did not identify you. {ASK} to check the provider log.",
    Refusal.DIRECTORY_UNAVAILABLE: (
        "Your company's directory is not available right now, and you have not signed in through "
        "{provider} before. Try again in a few minutes. If the problem continues, "
        f"{ASK[0].lower()}{ASK[1:]}."
    ),
    Refusal.TERMINATED: (
        f"Your account was permanently closed. {ASK} if you are returning to the company."
    ),
    Refusal.NOT_PROVISIONED: (
        "Your account setup is not complete. {provider} has not sent all required "
        f"information. {ASK}."
    ),
    Refusal.LINKED_OTHERWISE: (
        f"Your account here is linked to a different account at {{provider}}. {ASK} to check this."
    ),
    Refusal.NOT_PAIRED: (
        "Your account is managed by your company's directory, and this sign-in method is not "
        f"connected to it. Use another sign-in method, or {ASK[0].lower()}{ASK[1:]}."
    ),
    Refusal.SOMEBODY_ELSE: (
        "Your account at {provider} is linked to another person here. Sign out there, and sign in "
        "with your own account."
    ),
    Refusal.NO_EMAIL: (
        f"{{provider}} did not send an email address for you. {ASK} to add one there."
    ),
    Refusal.INVALID_EMAIL: (
        f"The email address that {{provider}} sent for you is not valid. {ASK} to correct it there."
    ),
    Refusal.UNVERIFIED_EMAIL: (
        "{provider} reports that your email address is not verified. Verify it there, then sign "
        "in again."
    ),
    Refusal.EMAIL_TAKEN: (
        "Your email address is already in use here. If the account is yours, sign in the way you "
        f"did before, or open the invite in your email. Otherwise {ASK[0].lower()}{ASK[1:]}."
    ),
    Refusal.UNKNOWN_PERSON: f"You have no account here yet. {ASK} to invite you.",
}

TO_ADMINISTRATORS: dict[Refusal, str] = {
    Refusal.TENANT_INACTIVE: "The company is suspended, so nobody can sign in.",
    Refusal.PROVIDER_MOVED: (
        "The issuer or directory of {provider} has changed, and no administrator has confirmed "
        "that it knows the same people. Open the page of {provider} and confirm the new address."
    ),
    Refusal.NOT_ADMITTED: (
        "{provider} restricts who can sign in. To allow this person, change the restriction on "
        "its page, or change the account at {provider}."
    ),
    Refusal.UNRESTRICTED: (
        "Anyone can create an account at {provider}, so it does not add people without a "
        "restriction. Restrict it by email domains, organizations, a group or a claim on its "
        "page, or invite this person."
    ),
    Refusal.NO_SUBJECT: (
        "The claims have no subject. Have the provider send `sub`, or the claim set as subject "
        "in the settings."
    ),
    Refusal.DIRECTORY_UNAVAILABLE: (
        "The directory of {provider} was not available, and this account has not signed in "
        "through {provider} before. The previous entry in the log says what to correct."
    ),
    Refusal.DEACTIVATED: (
        "{person} is inactive. Signing in does not reactivate them. Reactivate them first."
    ),
    Refusal.TERMINATED: "{person} was terminated, which is final. Add them as a new person.",
    Refusal.NOT_PROVISIONED: (
        "The paired SCIM connection sent this user, but no person was created. Team updates shows "
        "what is missing."
    ),
    Refusal.LINKED_OTHERWISE: (
        "{person} is linked to another subject of {provider}. Either two accounts there share the "
        "value of the paired claim, or the account was created again. If it was created again, "
        "confirm it here."
    ),
    Refusal.NOT_PAIRED: (
        "{person} comes from SCIM, and {provider} is not paired with that connection. Pair it by "
        "the claim that equals externalId or userName."
    ),
    Refusal.SOMEBODY_ELSE: (
        "This subject is linked to {person}, but the invite or session belongs to another person."
    ),
    Refusal.NO_EMAIL: "The claims have no email address. Have {provider} send `email`.",
    Refusal.INVALID_EMAIL: "“{email}” is not a valid email address. Correct it at {provider}.",
    Refusal.UNVERIFIED_EMAIL: (
        "{provider} reports that {email} is not verified, so the person was not added. Have it "
        "verified there, or let {provider} add people whose address is not verified."
    ),
    Refusal.EMAIL_TAKEN: (
        "{person} already has the email address {email}, and people are never linked by address "
        "alone. If they are the same person, confirm it here, pair {provider} with SCIM, or have "
        "them link it on their profile."
    ),
    Refusal.UNKNOWN_PERSON: (
        "Nobody is linked to this subject, and {provider} does not add people. Invite them, or "
        "let {provider} add people at their first sign-in."
    ),
}

NO_EMAIL_IN_TICKETS = (
    "A Windows ticket contains no email address, so it is not enough to add a person. In the "
    "settings of {provider}, select the LDAP provider that has these people, and check that they "
    "have email addresses there."
)


def visitor_message(
    reason: Refusal, provider: IdentityProvider, person: Person | None = None
) -> str:
    if reason is Refusal.EMAIL_TAKEN and person and not person.is_active:
        reason = Refusal.DEACTIVATED
    if reason is Refusal.DEACTIVATED:
        return deactivated_message(person)
    return TO_VISITORS[reason].format(provider=provider.name)


def deactivated_message(person: Person | None) -> str:
    """Return a message that says where to ask: the identity provider, or an administrator."""
    if person and person.was_deactivated_via_scim:
        where = actor_name(person.deactivated_by)
        return (
            f"Your account was deactivated in your company's identity provider ({where}). "
            "Ask your administrator to reactivate it there."
        )
    return "Your account is deactivated. Ask your administrator to reactivate it."


def administrator_message(
    reason: Refusal, provider: IdentityProvider, *, email: str, person: Person | None = None
) -> str:
    if reason is Refusal.NO_EMAIL and provider.kind == IdentityProvider.Kind.WINDOWS:
        return NO_EMAIL_IN_TICKETS.format(provider=provider.name)
    who = person.full_name if person else "Somebody"
    return TO_ADMINISTRATORS[reason].format(provider=provider.name, person=who, email=email)

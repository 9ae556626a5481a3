"""What is said to whoever is not let in, and to the administrator who reads the provider log."""

from people.models import Person
from people.presentation.actor_names import actor_name
from provisioning.models import IdentityProvider
from provisioning.sign_in.decide import Refusal


class SignInRefused(Exception):
    """Nobody is signed in. The message is for whoever tried."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


ASK = "Ask your administrator"

TO_VISITORS: dict[Refusal, str] = {
    Refusal.TENANT_INACTIVE: f"This company is switched off. {ASK}.",
    Refusal.PROVIDER_MOVED: (
        "The address of {provider} has changed, and an administrator has to confirm it before "
        f"anybody signs in. {ASK}."
    ),
    Refusal.NOT_ADMITTED: (
        f"Your account at {{provider}} is not one of those that may come in here. {ASK}."
    ),
    Refusal.UNRESTRICTED: (
        f"{{provider}} does not add new people here at the moment. {ASK} to invite you."
    ),
    Refusal.NO_SUBJECT: f"{{provider}} did not say who you are. {ASK} to look into the log.",
    Refusal.DIRECTORY_UNAVAILABLE: (
        "Your company's directory cannot be asked at the moment, and {provider} does not know you "
        f"yet. Try again in a few minutes. If that does not help, {ASK[0].lower()}{ASK[1:]}."
    ),
    Refusal.TERMINATED: f"Your account was closed for good. {ASK} if you are to come back.",
    Refusal.NOT_PROVISIONED: (
        f"Your account is not complete yet: {{provider}} has not sent all that it takes. {ASK}."
    ),
    Refusal.LINKED_OTHERWISE: (
        f"Your account here belongs to another account at {{provider}}. {ASK} to look into it."
    ),
    Refusal.NOT_PAIRED: (
        "Your account is managed by your company's directory, and this way of signing in is not "
        f"connected with it. Use another one, or {ASK[0].lower()}{ASK[1:]}."
    ),
    Refusal.SOMEBODY_ELSE: (
        "Your account at {provider} is somebody else's here. Sign out there, and sign in as "
        "yourself."
    ),
    Refusal.NO_EMAIL: f"{{provider}} sent no e-mail address for you. {ASK} to add one there.",
    Refusal.INVALID_EMAIL: (
        f"What {{provider}} sent as your e-mail address is none. {ASK} to correct it there."
    ),
    Refusal.UNVERIFIED_EMAIL: (
        "{provider} says that your e-mail address is not confirmed. Confirm it there, then sign "
        "in again."
    ),
    Refusal.EMAIL_TAKEN: (
        "Somebody here has your e-mail address already. If that is you, sign in the way you did "
        f"before, or open the invite that was mailed to you. Otherwise {ASK[0].lower()}{ASK[1:]}."
    ),
    Refusal.UNKNOWN_PERSON: f"You have no account here yet. {ASK} to invite you.",
}

TO_ADMINISTRATORS: dict[Refusal, str] = {
    Refusal.TENANT_INACTIVE: "The company is switched off, so nobody signs in.",
    Refusal.PROVIDER_MOVED: (
        "The issuer or directory of {provider} has changed, and nobody has confirmed that it "
        "knows the same people. Open the page of {provider} and confirm the move."
    ),
    Refusal.NOT_ADMITTED: (
        "The page of {provider} restricts who may come in. If they should, change it there or at "
        "{provider}."
    ),
    Refusal.UNRESTRICTED: (
        "Anybody can have an account at {provider}, so it adds nobody until its page names email "
        "domains, organizations, a group or a claim. Or invite this person."
    ),
    Refusal.NO_SUBJECT: "The claims have no subject. Send one: `sub`, or what the settings name.",
    Refusal.DIRECTORY_UNAVAILABLE: (
        "The directory of {provider} could not be asked, and this account has not signed in "
        "through {provider} before. The line before this one in the log says what to correct."
    ),
    Refusal.DEACTIVATED: "{person} is inactive. Signing in revives nobody; reactivate them.",
    Refusal.TERMINATED: "{person} was terminated, which is final. Add them as a new person.",
    Refusal.NOT_PROVISIONED: (
        "The paired SCIM connection knows this user, and nobody came to be of it. Team updates "
        "says what is missing."
    ),
    Refusal.LINKED_OTHERWISE: (
        "{person} is linked to another subject of {provider}. Two accounts there share the value "
        "of the paired claim, or the account was created again; then confirm it here."
    ),
    Refusal.NOT_PAIRED: (
        "{person} comes from SCIM, and {provider} is not paired with that connection. Pair it, "
        "naming the claim that equals externalId or userName."
    ),
    Refusal.SOMEBODY_ELSE: "This subject is linked to {person}, and the invite or session is not.",
    Refusal.NO_EMAIL: "The claims have no address. Have {provider} send `email`.",
    Refusal.INVALID_EMAIL: "“{email}” is not an address. Correct it at {provider}.",
    Refusal.UNVERIFIED_EMAIL: (
        "{provider} says that {email} is not verified, so nobody was added. Have it verified "
        "there, or let {provider} add people whose address is not verified."
    ),
    Refusal.EMAIL_TAKEN: (
        "{person} has the address {email}, and an address links nobody. If they are the same "
        "person, confirm it here, pair {provider} with SCIM, or have them link it on their profile."
    ),
    Refusal.UNKNOWN_PERSON: (
        "Nobody is linked to this subject, and {provider} adds nobody. Invite them, or have "
        "{provider} add people at their first sign-in."
    ),
}

NO_EMAIL_IN_TICKETS = (
    "A Windows ticket holds no address, so nobody can be added by it alone. Name in the settings "
    "of {provider} the LDAP provider that knows these people, and see that they have addresses "
    "there."
)


def said_to_visitor(
    reason: Refusal, provider: IdentityProvider, person: Person | None = None
) -> str:
    if reason is Refusal.EMAIL_TAKEN and person and not person.is_active:
        reason = Refusal.DEACTIVATED
    if reason is Refusal.DEACTIVATED:
        return said_to_deactivated(person)
    return TO_VISITORS[reason].format(provider=provider.name)


def said_to_deactivated(person: Person | None) -> str:
    """Say who can let them in again: the identity provider that shut them out, or people here."""
    if person and person.was_deactivated_via_scim:
        where = actor_name(person.deactivated_by)
        return (
            f"Your account was deactivated in your company's identity provider ({where}). "
            "Ask your administrator to reactivate it there."
        )
    return "Your account is deactivated. Ask your administrator to reactivate it."


def said_to_administrator(
    reason: Refusal, provider: IdentityProvider, *, email: str, person: Person | None = None
) -> str:
    if reason is Refusal.NO_EMAIL and provider.kind == IdentityProvider.Kind.WINDOWS:
        return NO_EMAIL_IN_TICKETS.format(provider=provider.name)
    who = person.full_name if person else "Somebody"
    return TO_ADMINISTRATORS[reason].format(provider=provider.name, person=who, email=email)

"""Before activation: how many of the people to be created get no invite at once, and why."""

from collections import Counter
from typing import NamedTuple

from django.db.models import Q

from people.models import Person
from people.values import normalize_key
from scim.jobs.match_report import MatchReport
from scim.jobs.matcher import MatchOutcome
from scim.models import Connection, FormerName, ScimUser

WITH_PERSON = (MatchOutcome.LINKED, MatchOutcome.CREATED)
NOT_MAILED = (
    "The connection does not mail invites. They join at their first sign-in through a provider, "
    "or you send the invites in Team updates."
)
NO_ADDRESS = "No email address was sent, so they are not created. Add it at the provider."
MANAGER_AWAITED = (
    "Their manager is not in Ramp and was not sent, so the invites are on hold until the manager "
    "arrives. Assign the manager at the provider, or send the invites in Team updates."
)
MANAGER_REFUSED = (
    "Their manager is not in Ramp and was not sent, so they are refused until the manager arrives. "
    "Assign the manager at the provider."
)
INACTIVE = "They are inactive at the provider, and are invited once they are activated there."


class WaitingInvites(NamedTuple):
    """A number of people whose invite waits, and a sentence that says why and what to do."""

    number: int
    reason: str


def waiting_invites(connection: Connection, report: MatchReport) -> list[WaitingInvites]:
    """Return the reasons that concern anybody, each with its number of people.

    The number of queries does not depend on the number of people.
    """
    created = report.of(MatchOutcome.CREATED)
    invited = [result for result in created if result.is_active]
    not_mailed = "" if connection.mails_invites else NOT_MAILED
    if why := connection.mail_withheld_because:
        not_mailed = f"Email is withheld. {why} Resend the invites afterwards."
    rejects = connection.unknown_manager == Connection.UnknownManager.REJECT
    given = [normalize_key(one.manager) for one in invited if one.manager]
    known = _names_of_managers(connection, report, given)
    found = [
        WaitingInvites(len(invited) if not_mailed else 0, not_mailed),
        WaitingInvites(
            sum(not one.has_address for one in report.of(MatchOutcome.BLOCKED)), NO_ADDRESS
        ),
        WaitingInvites(
            sum(name not in known for name in given),
            MANAGER_REFUSED if rejects else MANAGER_AWAITED,
        ),
        WaitingInvites(len(created) - len(invited), INACTIVE),
    ]
    return [one for one in found if one.number]


def _names_of_managers(connection: Connection, report: MatchReport, given: list[str]) -> set[str]:
    """Return the names among those given by which activation will find a person.

    It looks where `scim.sync.managers` does: ids and names of the connection's users who have a
    person then, and addresses and former names of people.
    """
    if not given:
        return set()
    with_person = {result.user_id for result in report.of(*WITH_PERSON)}
    users = ScimUser.objects.known_to(connection)
    columns = ("pk", "person_id", "scim_external_id", "scim_id", "user_name_key", "email_key")
    # An externalId that two users share identifies neither (RFC 7643 section 3.1).
    external_ids: Counter[str] = Counter()
    known: set[str] = set()
    for pk, person_id, external_id, *names in users.values_list(*columns).iterator(chunk_size=2000):
        external_ids[normalize_key(external_id)] += 1
        if pk in with_person or person_id:
            known |= {normalize_key(external_id), *map(str, names)}
    known -= {name for name, times in external_ids.items() if times > 1}
    rest = set(given) - known
    here = Person.objects.filter(Q(email_key__in=rest) | Q(former_addresses__email_key__in=rest))
    known.update(here.values_list("email_key", flat=True))
    known.update(here.values_list("former_addresses__email_key", flat=True))
    former = FormerName.objects.filter(user__connection=connection, name_key__in=rest)
    return known | set(former.values_list("name_key", flat=True))

"""What the access diagnosis reads about sign-ins: attempts, identities, and live directories."""

from dataclasses import dataclass
from typing import Final

from django.db.models import Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode

from people import tenancy
from people.models import Person, Tenant
from people.presentation.diagnosis import DiagnosisQuery
from provisioning.directory import live_standing
from provisioning.directory.live_standing import Answer as LiveAnswer
from provisioning.models import Identity, IdentityProvider, SignInAttempt

ATTEMPTS_SHOWN: Final = 3
# How many of the latest attempts are searched for texts that no index finds.
ATTEMPTS_READ: Final = 20_000


@dataclass
class SignInData:
    """The sign-in data of the person in question, loaded on demand."""

    query: DiagnosisQuery

    @property
    def person(self) -> Person | None:
        return self.query.person

    @property
    def who(self) -> str:
        return self.query.who

    @property
    def names(self) -> list[str]:
        """Return the addresses and login names of the person."""
        text = "" if self.query.is_name else self.query.text
        email = self.person.email if self.person else ""
        return [*dict.fromkeys(filter(None, (text, email)))]

    @cached_property
    def tenant(self) -> Tenant:
        return Tenant.objects.get(pk=tenancy.current_id())

    @cached_property
    def attempts(self) -> list[SignInAttempt]:
        """Return the latest attempts, also those under an address or a subject."""
        named = Q(person=self.person) if self.person else Q()
        for name in self.names:
            named |= Q(email__iexact=name) | Q(subject=name)
        if self.person is None:
            named |= Q(pk__in=self._quoting_attempts(self.query.text))
        accounts = [one.standing.person for one in self.live if one.standing]
        for account in filter(None, accounts):
            named |= Q(subject=account.subject or account.id)
            # An account without an address is logged under its login name.
            for name in filter(None, (account.email, account.login)):
                named |= Q(email__iexact=name)
        attempts = SignInAttempt.objects.filter(named).select_related("provider")
        return list(attempts.order_by("-pk")[:ATTEMPTS_SHOWN])

    def _quoting_attempts(self, text: str) -> list[int]:
        # The log names the account that was found, and quotes what was typed.
        quoting = Q(detail__icontains=f"“{text}”")
        # The subject of a Windows ticket is the login name and the realm.
        login = text.rpartition("\\")[2]
        quoting |= Q(subject__istartswith=f"{login}@") if "@" not in login else Q()
        keys = SignInAttempt.objects.order_by("-pk").values("pk")
        before = Coalesce(Subquery(keys[ATTEMPTS_READ : ATTEMPTS_READ + 1]), 0)
        latest = SignInAttempt.objects.filter(quoting, pk__gt=before).order_by("-pk")
        return list(latest.values_list("pk", flat=True)[:ATTEMPTS_SHOWN])

    @cached_property
    def identities(self) -> list[Identity]:
        if self.person is None:
            return []
        identities = Identity.objects.filter(person=self.person, retired_at=None)
        return list(identities.select_related("provider", "person").order_by("-last_seen_at"))

    @cached_property
    def live(self) -> list[LiveAnswer]:
        """Return what the directories say now. It calls them, so it is read outside of locks."""
        return live_standing.answers(self.names, self.identities)

    @cached_property
    def offered(self) -> list[IdentityProvider]:
        return list(IdentityProvider.objects.offered())

    @property
    def log(self) -> str:
        who = self.person.email if self.person else self.query.text
        return f"{page_url('provider_log', self.tenant)}?{urlencode({'q': who})}"


def sign_in_url(tenant: Tenant) -> str:
    return reverse("admin:sign_in", args=[tenant.slug])


def page_url(name: str, tenant: Tenant, *more: object) -> str:
    return reverse(f"admin:{name}", args=[tenant.slug, *more])

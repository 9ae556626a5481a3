"""What sign-in adds to the overview: what needs attention, the providers, a step of the setup."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from people.models import DailyCount, Tenant
from people.presentation.attention import AttentionItem, Severity, quantity
from people.presentation.overview_panels import ServiceState, ServiceTone, SetupStep
from people.presentation.page_links import BoundedCount
from provisioning.models import GroupMapping, IdentityProvider, SignInAttempt, TransmitterStream
from provisioning.models.attempt import SUCCESSFUL, UNSUCCESSFUL
from provisioning.providers.issuers import is_confirmed

DAY = timedelta(days=1)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
Outcome = SignInAttempt.Outcome
# A single failure may be one person who canceled at the provider.
FAILURES_IN_A_ROW = 3
# For how long a stream of signals fails before it needs attention.
FAILING_FOR = timedelta(hours=1)


def attention_items(tenant: Tenant) -> Iterator[AttentionItem]:
    slug = tenant.slug
    for provider in _providers(IdentityProvider.objects.offered()):
        if not is_confirmed(provider):
            yield AttentionItem(
                code="provider-moved",
                severity=Severity.ERROR,
                count=1,
                text=f"The address of {provider} has changed. Nobody can sign in through it "
                "before an administrator confirms the new address.",
                action="Confirm the address",
                url=reverse("admin:auth_provider_move", args=[slug, provider.pk]),
            )
        elif provider.third_failure_at:
            yield AttentionItem(
                code="failing-provider",
                severity=Severity.ERROR,
                count=1,
                text=f"Sign-in through {provider} fails: at least {FAILURES_IN_A_ROW} attempts "
                "within a day, and none succeeded since.",
                action="Test the connection",
                url=reverse("admin:auth_provider_test", args=[slug, provider.pk]),
                since=provider.success_at,
            )
    yield from _draft_items(slug)
    yield from _stream_items(slug)


def services(tenant: Tenant) -> Iterator[ServiceState]:
    log = reverse("admin:provider_log", args=[tenant.slug])
    errors = _errors_of_last_day().filter(provider=OuterRef("pk"))
    providers = IdentityProvider.objects.kept().annotate(errors=BoundedCount(errors))
    for provider in _providers(providers.order_by("name_key")):
        tone, state = ServiceTone.GOOD, "Working"
        if not provider.is_enabled:
            tone, state = ServiceTone.INFO, "Disabled"
        elif not is_confirmed(provider):
            tone, state = ServiceTone.ERROR, "Address not confirmed"
        elif provider.third_failure_at:
            tone, state = ServiceTone.ERROR, "Failing"
        elif provider.success_at is None:
            tone, state = ServiceTone.INFO, "Not used yet"
        yield ServiceState(
            kind=provider.get_kind_display(),
            name=str(provider),
            url=reverse("admin:auth_provider", args=[tenant.slug, provider.pk]),
            tone=tone,
            state=state,
            last="Last sign-in",
            last_at=provider.success_at,
            errors=provider.errors,
            errors_url=f"{log}?provider={provider.pk}&outcome=bad",
        )
    if tenant.allows_passwords:
        yield _passwords(tenant, log)


def _passwords(tenant: Tenant, log: str) -> ServiceState:
    attempts = SignInAttempt.objects.filter(provider=None, outcome__in=SUCCESSFUL)
    last = attempts.order_by("-at").values("at")[:1]
    errors = _errors_of_last_day().filter(provider=None)
    found = Tenant.objects.filter(pk=tenant.pk).values_list(Subquery(last), BoundedCount(errors))
    last_at, count = found.get()
    return ServiceState(
        kind="Password",
        name="Ramp password",
        url=reverse("admin:auth_settings", args=[tenant.slug]),
        tone=ServiceTone.GOOD,
        state="On",
        last="Last sign-in",
        last_at=last_at,
        errors=count,
        errors_url=f"{log}?provider=password&outcome=bad",
    )


def setup_steps(tenant: Tenant) -> Iterator[SetupStep]:
    yield SetupStep(
        order=40,
        title="Set up sign-in",
        text="People sign in with their account at the identity provider, not with a password.",
        url=reverse("admin:auth_providers", args=[tenant.slug]),
        action="Add a provider",
        is_done=IdentityProvider.objects.offered().exists(),
    )


def metric_of(outcome: str) -> str | None:
    """Return as what the overview counts a sign-in attempt."""
    match outcome:
        case Outcome.SIGNED_IN | Outcome.CREATED | Outcome.LINKED:
            return DailyCount.Metric.SIGN_INS
        case Outcome.REFUSED | Outcome.FAILED:
            return DailyCount.Metric.REFUSALS
        case _:
            return None


def _providers(providers: QuerySet[IdentityProvider]) -> QuerySet[Any]:
    """Annotate the last success, and the third failure within a day and after it, if any."""
    attempts = SignInAttempt.objects.filter(provider=OuterRef("pk"))
    successes = attempts.filter(outcome__in=SUCCESSFUL).order_by("-at").values("at")
    failures = attempts.filter(
        outcome=Outcome.FAILED,
        at__gte=timezone.now() - DAY,
        at__gt=Coalesce(OuterRef("success_at"), LONG_AGO),
    )
    third = failures.order_by("at").values("at")[FAILURES_IN_A_ROW - 1 : FAILURES_IN_A_ROW]
    return providers.annotate(success_at=Subquery(successes[:1])).annotate(
        third_failure_at=Subquery(third)
    )


def _errors_of_last_day() -> QuerySet[SignInAttempt]:
    """Return the refused and failed sign-ins, through providers and with a password."""
    attempts: QuerySet[SignInAttempt] = SignInAttempt.objects.filter(
        outcome__in=UNSUCCESSFUL, at__gte=timezone.now() - DAY
    )
    return attempts


def _draft_items(slug: str) -> Iterator[AttentionItem]:
    drafts = GroupMapping.objects.exclude(draft="").filter(provider__removed_at=None)
    added = Q(draft=GroupMapping.Draft.ADDED)
    by_provider = drafts.values("provider", "provider__name").annotate(
        # A draft that removes a mapping has no time of its own.
        count=Count("pk"),
        since=Min("created_at", filter=added),
    )
    for row in by_provider.order_by("provider__name", "provider"):
        drafted = quantity(row["count"], "drafted change", "drafted changes")
        yield AttentionItem(
            code="mapping-drafts",
            severity=Severity.INFO,
            count=row["count"],
            text=f"{drafted} of the group mappings of {row['provider__name']} "
            f"{'is' if row['count'] == 1 else 'are'} not applied.",
            action="Review and apply",
            url=reverse("admin:mappings_apply", args=[slug, row["provider"]]),
            since=row["since"],
        )


def _stream_items(slug: str) -> Iterator[AttentionItem]:
    failing = TransmitterStream.objects.select_related("provider").filter(
        failing_since__lte=timezone.now() - FAILING_FOR, provider__removed_at=None
    )
    for stream in failing.order_by("failing_since"):
        yield AttentionItem(
            code="failing-signals",
            severity=Severity.WARNING,
            count=1,
            text=f"The stream of signals from {stream.provider} does not work.",
            action="Check the stream",
            url=reverse("admin:shared_signals", args=[slug, stream.provider_id]),
            since=stream.failing_since,
        )

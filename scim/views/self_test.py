"""The self-test page: a provider's typical requests, sent to Ramp's public address."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from people.models import Person
from people.presentation.actor_names import actor_name
from people.values import normalize_key
from people.views.permissions import PersonRequest, administrator_required
from scim.connections.presets import SELF_TESTED, provider_name
from scim.models import Connection, SelfTest
from scim.tools import self_test as testing
from scim.tools.suites import SUITES
from scim.views.settings.overview import context_of


class ProviderForm(forms.Form):
    """Whose requests to send: the usual ones of a provider, or those of a published suite."""

    provider = forms.ChoiceField(
        label="Send as",
        choices=[
            *((provider, provider_name(provider)) for provider in SELF_TESTED),
            *((name, suite.title) for name, suite in SUITES.items()),
        ],
        widget=UnfoldAdminSelectWidget,
    )

    @property
    def chosen(self) -> tuple[str, str]:
        """Return the provider, and the name of the suite or a blank."""
        name = self.cleaned_data["provider"]
        return (SUITES[name].provider, name) if name in SUITES else (name, "")


@administrator_required
def self_test(request: PersonRequest, connection_id: UUID) -> HttpResponse:
    """Show the latest run, or the one in the query; a POST starts another."""
    connection = get_object_or_404(Connection, pk=connection_id)
    may_run = connection.disconnected_at is None
    default = connection.provider if connection.provider in SELF_TESTED else SELF_TESTED[0]
    posted = request.POST if request.method == "POST" else None
    form = ProviderForm(posted, initial={"provider": default})
    if may_run and request.method == "POST" and form.is_valid():
        try:
            provider, suite = form.chosen
            testing.start(connection, provider, suite=suite, actor=request.user.actor)
        except testing.AlreadyRunning as error:
            messages.warning(request, str(error))
        return redirect("admin:scim_self_test", connection_id)
    runs = list(SelfTest.objects.order_by("-started_at")[: testing.KEPT])
    latest = runs[0] if runs else None
    shown = next((run for run in runs if str(run.pk) == request.GET.get("run", "")), latest)
    names = _names(runs)
    context = context_of(request, connection, "Self-test") | {
        "form": form if may_run else None,
        "public": f"{settings.PUBLIC_BASE_URL}/scim/v2",
        "run": _run_context(shown, names) if shown else None,
        "is_running": shown is not None and _is_running(shown),
        "runs": [_run_context(run, names) for run in runs],
    }
    return render(request, "scim/self_test.html", context)


@administrator_required
def report(request: PersonRequest, connection_id: UUID, provider: str) -> HttpResponse:
    """Show the latest finished runs of a provider, one of each kind, to be printed."""
    connection = get_object_or_404(Connection, pk=connection_id)
    finished = SelfTest.objects.filter(provider=provider, finished_at__isnull=False)
    latest: dict[str, SelfTest] = {}
    # The last run of each kind wins.
    for run in finished.order_by("started_at"):
        latest[run.suite] = run
    names = _names(list(latest.values()))
    title = f"SCIM report for {provider_name(provider)}"
    page = reverse("admin:scim_self_test", args=[connection_id])
    context = context_of(request, connection, title) | {
        "parent": {"title": "Self-test", "url": page},
        "public": f"{settings.PUBLIC_BASE_URL}/scim/v2",
        "runs": [_run_context(latest[suite], names) for suite in sorted(latest)],
    }
    return render(request, "scim/self_test_report.html", context)


def _is_running(run: SelfTest) -> bool:
    return run.finished_at is None and timezone.now() - run.started_at < testing.MAX_LENGTH


def _names(runs: list[SelfTest]) -> dict[str, str]:
    """Return the names of the people who started the runs, by email address."""
    addresses = {normalize_key(run.started_by.partition(":")[2]) for run in runs}
    people = Person.objects.filter(email_key__in=addresses) if addresses else []
    return {person.email: person.full_name for person in people}


def _run_context(run: SelfTest, names: dict[str, str]) -> dict[str, Any]:
    failed = sum(not step["passed"] for step in run.steps)
    return {
        "id": str(run.pk),
        "provider": run.get_provider_display(),
        "provider_key": run.provider,
        "kind": SUITES[run.suite].title if run.suite in SUITES else run.get_provider_display(),
        "started_at": run.started_at,
        "started_by": actor_name(run.started_by, names),
        "steps": run.steps,
        "failed": failed,
        "problem": run.problem,
        "verdict": _result(run, failed),
        "is_good": bool(run.finished_at) and not run.problem and not failed,
    }


def _result(run: SelfTest, failed: int) -> str:
    steps = len(run.steps)
    if _is_running(run):
        return f"Running: {steps} steps done so far." if steps else "Waiting for a worker."
    if run.finished_at is None:
        return "Interrupted: no worker is running, or the worker was stopped."
    if run.problem:
        return f"Stopped after {steps} step{'' if steps == 1 else 's'}: {run.problem}"
    if failed:
        return f"{failed} of {steps} steps failed."
    return f"All {steps} steps passed."

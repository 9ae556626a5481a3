"""The last setup step: the planned effects of activation, and its progress."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from people.presentation.page_links import counted
from people.values import PeopleError
from people.views.permissions import PersonRequest, administrator_required
from scim.connections import setup
from scim.jobs import match_report
from scim.jobs.invite_forecast import waiting_invites
from scim.jobs.matcher import Choice, MatchOutcome
from scim.models import MatchDecision, ScimUser
from scim.views.setup.common import context_of


@administrator_required
def activate(request: PersonRequest, provider: str) -> HttpResponse:
    connection = setup.in_setup(provider)
    if connection is None:
        return _activated(request, provider)
    if request.method == "POST":
        try:
            setup.activate(connection, actor=request.user.actor)
        except PeopleError as error:
            messages.error(request, str(error))
        return redirect("admin:setup_activate", provider)
    report = match_report.report(connection)
    here = match_report.only_in_ramp(connection)
    leaving = MatchDecision.objects.filter(connection=connection, choice=Choice.DEACTIVATE)
    context = context_of(
        request,
        provider,
        "setup_activate",
        connection=connection,
        received=len(report.results),
        waiting_invites=waiting_invites(connection, report),
        counts={outcome.value: report.count(outcome) for outcome in MatchOutcome},
        here=counted(here),
        leaving=here.filter(pk__in=leaving.values("person")).count(),
    )
    return render(request, "scim/setup/activate.html", context)


def _activated(request: HttpRequest, provider: str) -> HttpResponse:
    """Show the progress of the initial import."""
    connection = setup.live(provider)
    if connection is None:
        messages.info(request, "Start here.")
        return redirect("admin:integration", provider)
    users = ScimUser.objects.known_to(connection)
    choices = MatchDecision.objects.filter(connection=connection, person__isnull=False)
    waiting = match_report.waiting_users(connection).count()
    received = users.count()
    context = context_of(
        request,
        provider,
        "setup_activate",
        connection=connection,
        received=received,
        done=received - waiting,
        with_person=users.filter(person__isnull=False).count(),
        without_person=users.filter(person=None).count() - waiting,
        is_finished=not waiting and not choices.exists(),
    )
    context["title"] = f"{connection} is connected"
    return render(request, "scim/setup/activated.html", context)

"""Pending invites: status, resend, revoke, and copy the link."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from people.mail.invite_links import invite_link
from people.models import Invite, Mail, Person
from people.operations import ranks
from people.operations.invites import lifecycle
from people.operations.ranks import RankRefused
from people.presentation.search_forms import PersonSearch, choice
from people.values import PeopleError
from people.views.permissions import PersonRequest, administrator_required
from scim.views.team_updates import common
from scim.views.team_updates.common import context_of, page_of, show_tab

SHOWN = {
    "attention": "Not delivered or expired",
    "held": "On hold",
    "undelivered": "Not delivered",
    "unmailed": "Not emailed",
    "expired": "Expired",
}
# Limits one click, so that the response takes at most a second or two.
MAX_AT_ONCE = 200


class InviteSearch(PersonSearch):
    show = choice("Show", SHOWN.items(), otherwise="All invites")


@dataclass(frozen=True)
class Row:
    """An open invite, with its mails loaded as `invite_mails`, the latest first."""

    invite: Any
    now: datetime

    @property
    def has_expired(self) -> bool:
        return bool(self.invite.expires_at <= self.now)

    @cached_property
    def mail(self) -> Mail | None:
        return next(iter(self.invite.invite_mails), None)

    @property
    def is_under_way(self) -> bool:
        return bool(self.mail and not (self.mail.sent_at or self.mail.given_up_at))


@administrator_required
def pending_invites(request: HttpRequest) -> HttpResponse:
    form = InviteSearch(request.GET)
    found = _filtered(common.pending_invites(), form.value_of("show"))
    if form.value_of("q"):
        found = found.filter(person__in=Person.objects.matching(form.value_of("q")))
    latest_first = Mail.objects.filter(kind=Mail.Kind.INVITE).order_by("-created_at", "pk")
    found = found.select_related("person").order_by("-created_at", "pk")
    page = page_of(
        request, found.prefetch_related(Prefetch("mails", latest_first, to_attr="invite_mails"))
    )
    now = timezone.now()
    return show_tab(
        request,
        "scim/team_updates/pending_invites.html",
        form=form,
        page=page,
        rows=[Row(invite, now) for invite in page],
        ever=Invite.objects.exists,
    )


def _filtered(found: Any, show: str) -> Any:
    match show:
        case "attention":
            undelivered = Q(pk__in=common.undelivered_invites().values("pk"))
            return found.filter(Q(expires_at__lte=timezone.now()) | undelivered)
        case "held":
            return found.exclude(hold_reason="")
        case "undelivered":
            return found.filter(problem__gt="")
        case "unmailed":
            return found.filter(hold_reason="", mails=None)
        case "expired":
            return _expired(found)
        case _:
            return found


def _expired(found: Any) -> Any:
    return found.filter(expires_at__lte=timezone.now())


@administrator_required
@require_POST
def resend(request: PersonRequest, invite_id: UUID) -> HttpResponse:
    invite = _pending(invite_id)
    ranks.check_rank_over(request.user.actor, invite.person)
    _send(request, [invite])
    return redirect("admin:team_updates_invites")


@administrator_required
@require_POST
def resend_many(request: PersonRequest) -> HttpResponse:
    """Resend the selected invites, or all expired ones."""
    found = Invite.objects.open().select_related("person").order_by("created_at", "pk")
    if "expired" in request.POST:
        chosen: QuerySet[Invite] = _expired(found).filter(hold_reason="")
    else:
        ids = []
        for text in request.POST.getlist("invite")[:MAX_AT_ONCE]:
            # Text that is not an id would raise an error in the filter.
            with suppress(ValueError):
                ids.append(UUID(text))
        chosen = found.filter(pk__in=ids)
        for invite in chosen[:MAX_AT_ONCE]:
            ranks.check_rank_over(request.user.actor, invite.person)
    _send(request, list(chosen[:MAX_AT_ONCE]))
    # Only expired invites can be more than the limit: nobody can select more than a page of them.
    left = chosen.count() if "expired" in request.POST else 0
    if left:
        messages.warning(request, f"{left:,} more invites have expired. Resend them next.")
    return redirect("admin:team_updates_invites")


@administrator_required
def revoke(request: PersonRequest, invite_id: UUID) -> HttpResponse:
    invite = _pending(invite_id)
    ranks.check_rank_over(request.user.actor, invite.person)
    if request.method == "POST":
        lifecycle.revoke_invite(invite.person, actor=request.user.actor)
        messages.success(request, f"The invite of {invite.person.full_name} was revoked.")
        return redirect("admin:team_updates_invites")
    return _page(request, "scim/team_updates/revoke_invite.html", invite, "Revoke invite")


@administrator_required
def link(request: PersonRequest, invite_id: UUID) -> HttpResponse:
    invite = _pending(invite_id)
    # Anyone with the link can accept the invite.
    lifecycle.record_link_shown(invite.person, actor=request.user.actor)
    return _page(request, "scim/team_updates/invite_link.html", invite, "Invite link")


def _page(request: HttpRequest, template: str, invite: Invite, title: str) -> HttpResponse:
    context = context_of(request, title, parent="team_updates_invites") | {
        "invite": invite,
        "person": invite.person,
        "has_expired": invite.expires_at <= timezone.now(),
        "link": invite_link(invite),
    }
    return render(request, template, context)


def _pending(invite_id: UUID) -> Invite:
    return get_object_or_404(Invite.objects.open().select_related("person"), pk=invite_id)


def _send(request: PersonRequest, chosen: list[Invite]) -> None:
    """Resend each invite, and add messages about the results."""
    sent, refused = [], []
    for invite in chosen:
        name = invite.person.full_name
        try:
            # One transaction per invite, so that a refused one does not undo the others.
            with transaction.atomic():
                lifecycle.resend_invite(invite.person, actor=request.user.actor)
        except (PeopleError, RankRefused) as error:
            refused.append(f"{name}: {error}")
        else:
            sent.append(name)
    if not chosen:
        messages.warning(request, "No invites selected. Select the invites to resend.")
    if sent:
        who = sent[0] if len(sent) == 1 else f"{len(sent)} people"
        messages.success(request, f"The invite is being resent to {who}.")
    for sentence in refused[:5]:
        messages.error(request, sentence)
    if refused[5:]:
        messages.error(request, f"{len(refused) - 5} more could not be sent.")

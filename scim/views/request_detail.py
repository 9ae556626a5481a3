"""One request: what was sent, the response, and all its effects."""

import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from people.presentation.actor_names import actor_name
from people.presentation.query_params import int_param
from people.presentation.request_effects import RequestEffects, request_effects
from people.views.page_context import page_context
from people.views.permissions import administrator_required
from scim.api.explain import explain_request
from scim.api.request_log import MAX_BODY_LENGTH, masked
from scim.models import RequestLog, SyncError


def url_of_request(request_id: UUID) -> str:
    """Return the URL of the page about the request, blank if it was no SCIM request."""
    log = RequestLog.objects.filter(pk=request_id).values_list("connection_id").first()
    return reverse("admin:scim_request", args=[log[0], request_id]) if log else ""


@administrator_required
def scim_request(request: HttpRequest, connection_id: UUID, request_id: UUID) -> HttpResponse:
    logs = RequestLog.objects.select_related("connection", "user__person")
    log = get_object_or_404(logs, connection=connection_id, pk=request_id)
    after = int_param(request, "after") or 0
    effects = request_effects(request_id, after=after)
    errors = list(SyncError.objects.filter(request=log).select_related("person"))
    context = page_context(
        request,
        f"Request {str(request_id)[:8]}",
        parent=("Request log", reverse("admin:scim_requests", args=[connection_id])),
    ) | {
        "log": log,
        "request_id": request_id,
        "who": log.user or next((error.user_name for error in errors), ""),
        "retried_by": actor_name(log.retried_by) if log.retried_by else "",
        "is_refused": log.status >= 400,
        "decision": _decision(log, effects, errors),
        "effects": effects,
        "is_first_page": not after,
        "errors": errors,
        "notes": explain_request(log),
        "body": readable(log.body),
        "body_is_cut": len(log.body) == MAX_BODY_LENGTH,
        "answer": readable(log.answer),
    }
    return render(request, "scim/request_detail.html", context)


def _decision(log: RequestLog, effects: RequestEffects, errors: list[SyncError]) -> str:
    """Return a sentence about the result of the request."""
    if log.status >= 400:
        return f"Refused: {detail_of(log)} Nothing was changed."
    if errors:
        return f"Partly applied: {ended(errors[0].message)}"
    if effects:
        return f"Accepted: {ended('; '.join(one.sentence for one in effects.entries[:3]))}"
    activated_at = log.connection.activated_at
    if activated_at is None or log.received_at < activated_at:
        return "Accepted and stored. The connection was not activated yet, so nobody was changed."
    return "Accepted. No changes were needed."


def detail_of(log: RequestLog) -> str:
    """Return the error detail of a refused request, as a sentence."""
    try:
        answer = json.loads(log.answer)
    except (ValueError, RecursionError):
        answer = {}
    detail: Any = answer.get("detail") if isinstance(answer, dict) else None
    return ended(detail if isinstance(detail, str) else f"status {log.status}")


def ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def readable(text: str) -> str:
    """Return JSON with its structure shown, and anything else as it was sent."""
    safe = masked(text)
    try:
        return json.dumps(json.loads(safe), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return safe

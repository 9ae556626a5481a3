"""The URLs of pages that belong to no ModelAdmin."""

from django.urls import URLPattern, path

from people.views.api_tokens import api_tokens, revoke_api_token
from people.views.bulk.alerts import alert_thresholds
from people.views.bulk.bulk_changes import bulk_change, bulk_changes, confirm, undo
from people.views.compare.apply import apply
from people.views.compare.result import comparison, unreadable
from people.views.compare.upload import columns, compare, discard
from people.views.diagnosis import why
from people.views.home import home
from people.views.offboarding.schedule_detail import scheduled_termination
from people.views.offboarding.schedule_list import scheduled_terminations
from people.views.offboarding.terminate import plan
from people.views.person.email_changes import resend_confirmation
from people.views.person.guests import guest
from people.views.person.invite import invite_again
from people.views.person.invite_settings import invite_settings
from people.views.person.roles import grant_role, withdraw_role
from people.views.request_effects import request_page
from people.views.spend import end_card, end_fund, spend

PAGES: list[URLPattern] = [
    path("home/", home, name="home"),
    path("people/bulk-changes/", bulk_changes, name="bulk_changes"),
    path("people/bulk-changes/alert-threshold/", alert_thresholds, name="alarm_settings"),
    path("people/bulk-changes/<uuid:change_id>/", bulk_change, name="bulk_change"),
    path("people/bulk-changes/<uuid:change_id>/confirm/", confirm, name="bulk_change_confirm"),
    path("people/bulk-changes/<uuid:change_id>/undo/", undo, name="bulk_change_undo"),
    path("people/compare/", compare, name="compare"),
    path("people/compare/<uuid:comparison_id>/", comparison, name="comparison"),
    path("people/compare/<uuid:comparison_id>/columns/", columns, name="comparison_columns"),
    path("people/compare/<uuid:comparison_id>/apply/", apply, name="comparison_apply"),
    path("people/compare/<uuid:comparison_id>/delete/", discard, name="comparison_discard"),
    path(
        "people/compare/<uuid:comparison_id>/unreadable.csv",
        unreadable,
        name="comparison_unreadable",
    ),
    path("people/<uuid:person_id>/guest/", guest, name="guest"),
    path("people/why/", why, name="why"),
    path("people/scheduled-terminations/", scheduled_terminations, name="scheduled_terminations"),
    path(
        "people/<uuid:person_id>/scheduled-termination/",
        scheduled_termination,
        name="scheduled_termination",
    ),
    path(
        "people/<uuid:person_id>/scheduled-termination/plan/",
        plan,
        name="scheduled_termination_plan",
    ),
    path("people/invite-settings/", invite_settings, name="invite_settings"),
    path(
        "people/<uuid:person_id>/resend-confirmation/",
        resend_confirmation,
        name="people_person_resend_confirmation",
    ),
    path("people/<uuid:person_id>/invite-again/", invite_again, name="people_person_invite_again"),
    path("api-tokens/", api_tokens, name="api_tokens"),
    path("api-tokens/<int:token_id>/revoke/", revoke_api_token, name="api_token_revoke"),
    path("people/requests/<uuid:request_id>/", request_page, name="request"),
    path("spend/", spend, name="spend"),
    path("spend/cards/<uuid:instrument_id>/end/", end_card, name="card_end"),
    path("spend/funds/<uuid:instrument_id>/end/", end_fund, name="fund_end"),
    path("people/<uuid:person_id>/roles/", grant_role, name="people_person_grant"),
    path(
        "people/<uuid:person_id>/roles/<int:grant_id>/withdraw/",
        withdraw_role,
        name="people_person_withdraw",
    ),
]

"""Where the pages are that belong to no ModelAdmin."""

from django.urls import URLPattern, path

from people.views.api_tokens import api_tokens, revoke_api_token
from people.views.bulk.alerts import alarm_settings
from people.views.bulk.bulk_changes import confirm, mass_change, mass_changes, undo
from people.views.diagnosis import why
from people.views.home import home
from people.views.offboarding.schedule_detail import departure
from people.views.offboarding.schedule_list import departures
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
    path("people/mass-changes/", mass_changes, name="mass_changes"),
    path("people/mass-changes/guard/", alarm_settings, name="alarm_settings"),
    path("people/mass-changes/<uuid:change_id>/", mass_change, name="mass_change"),
    path("people/mass-changes/<uuid:change_id>/confirm/", confirm, name="mass_change_confirm"),
    path("people/mass-changes/<uuid:change_id>/undo/", undo, name="mass_change_undo"),
    path("people/<uuid:person_id>/guest/", guest, name="guest"),
    path("people/why/", why, name="why"),
    path("people/departures/", departures, name="departures"),
    path("people/<uuid:person_id>/departure/", departure, name="departure"),
    path("people/<uuid:person_id>/departure/plan/", plan, name="departure_plan"),
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
    path("spend/cards/<uuid:held_id>/end/", end_card, name="card_end"),
    path("spend/funds/<uuid:held_id>/end/", end_fund, name="fund_end"),
    path("people/<uuid:person_id>/roles/", grant_role, name="people_person_grant"),
    path(
        "people/<uuid:person_id>/roles/<int:grant_id>/withdraw/",
        withdraw_role,
        name="people_person_withdraw",
    ),
]

"""The URLs of pages that belong to no ModelAdmin."""

from django.urls import URLPattern, path

from people.views.account import (
    account,
    end_session,
    resend_own_confirmation,
    sign_out_everywhere,
)
from people.views.account_preferences import account_preferences
from people.views.api_tokens import api_tokens, revoke_api_token
from people.views.approvals import approval
from people.views.audit_log import audit_event, audit_log_page, export_audit_log
from people.views.away import account_away, person_away
from people.views.bulk.alerts import alert_thresholds
from people.views.bulk.bulk_changes import bulk_change, bulk_changes, confirm
from people.views.bulk.edit import bulk_edit, bulk_edit_preview
from people.views.bulk.undo import undo
from people.views.compare.apply import apply
from people.views.compare.result import comparison, unreadable
from people.views.compare.upload import columns, compare, discard
from people.views.diagnosis import why
from people.views.home import home
from people.views.offboarding.schedule_detail import scheduled_termination
from people.views.offboarding.schedule_list import scheduled_terminations
from people.views.offboarding.terminate import plan
from people.views.offboarding.terminated_list import terminated
from people.views.org_chart import org_chart, org_chart_person, org_chart_reports
from people.views.overview.page import overview, setup_checklist
from people.views.person.access import end_sessions, reset_second_factor
from people.views.person.email_changes import resend_confirmation
from people.views.person.guests import guest
from people.views.person.invite import invite_again
from people.views.person.invite_settings import invite_settings
from people.views.person.personal_data import erase_personal_data, export_personal_data
from people.views.person.roles import grant_role, withdraw_role
from people.views.request_effects import request_page
from people.views.saved_views import delete_view, people_columns, save_view, saved_views
from people.views.search import search_page
from people.views.signals.actions import (
    delete_signal_stream,
    disable_signal_stream,
    enable_signal_stream,
    pause_signal_stream,
    rotate_signal_key,
    verify_signal_stream,
)
from people.views.signals.streams import (
    add_signal_stream,
    edit_signal_stream,
    signal_stream,
    signal_streams,
)
from people.views.spend import end_card, end_fund, spend
from people.views.unsubscribe import unsubscribe
from people.views.webhooks.actions import (
    delete_webhook,
    pause_webhook,
    resume_webhook,
    retire_webhook_secret,
    test_webhook,
)
from people.views.webhooks.deliveries import send_webhook_again, webhook_delivery
from people.views.webhooks.endpoints import (
    add_webhook,
    edit_webhook,
    rotate_webhook_secret,
    webhook,
    webhooks,
)

PAGES: list[URLPattern] = [
    path("overview/", overview, name="overview"),
    path("overview/checklist/", setup_checklist, name="setup_checklist"),
    path("home/", home, name="home"),
    path("unsubscribe/<str:token>/", unsubscribe, name="unsubscribe"),
    path("home/approvals/<int:approval_id>/", approval, name="approval"),
    path("account/", account, name="account"),
    path("account/away/", account_away, name="account_away"),
    path("account/preferences/", account_preferences, name="account_preferences"),
    path(
        "account/resend-confirmation/", resend_own_confirmation, name="account_resend_confirmation"
    ),
    path("account/sign-out-everywhere/", sign_out_everywhere, name="account_sign_out_everywhere"),
    path("account/sessions/<int:session_id>/end/", end_session, name="account_session_end"),
    path("audit-log/", audit_log_page, name="audit_log"),
    path("audit-log/export/", export_audit_log, name="audit_log_export"),
    path("audit-log/<int:event_id>/", audit_event, name="audit_event"),
    path("search/", search_page, name="search"),
    path("people/bulk-changes/", bulk_changes, name="bulk_changes"),
    path("people/bulk-changes/alert-threshold/", alert_thresholds, name="alarm_settings"),
    path("people/bulk-changes/<uuid:change_id>/", bulk_change, name="bulk_change"),
    path("people/bulk-changes/<uuid:change_id>/confirm/", confirm, name="bulk_change_confirm"),
    path("people/bulk-changes/<uuid:change_id>/undo/", undo, name="bulk_change_undo"),
    path("people/bulk-changes/<uuid:change_id>/edit/", bulk_edit, name="bulk_edit"),
    path(
        "people/bulk-changes/<uuid:change_id>/preview/",
        bulk_edit_preview,
        name="bulk_edit_preview",
    ),
    path("people/org-chart/", org_chart, name="org_chart"),
    path("people/org-chart/<uuid:person_id>/", org_chart_person, name="org_chart_person"),
    path("people/org-chart/<uuid:person_id>/reports/", org_chart_reports, name="org_chart_reports"),
    path("people/columns/", people_columns, name="people_columns"),
    path("people/views/", saved_views, name="saved_views"),
    path("people/views/add/", save_view, name="saved_view_add"),
    path("people/views/<int:view_id>/delete/", delete_view, name="saved_view_delete"),
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
    path("people/<uuid:person_id>/away/", person_away, name="people_person_away"),
    path("people/why/", why, name="why"),
    path("people/departures/", scheduled_terminations, name="scheduled_terminations"),
    path("people/terminated/", terminated, name="terminated"),
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
    path(
        "people/<uuid:person_id>/reset-second-factor/",
        reset_second_factor,
        name="people_person_reset_second_factor",
    ),
    path(
        "people/<uuid:person_id>/sign-out/",
        end_sessions,
        name="people_person_end_sessions",
    ),
    path(
        "people/<uuid:person_id>/personal-data/export/",
        export_personal_data,
        name="personal_data_export",
    ),
    path(
        "people/<uuid:person_id>/personal-data/erase/",
        erase_personal_data,
        name="personal_data_erase",
    ),
    path("people/<uuid:person_id>/invite-again/", invite_again, name="people_person_invite_again"),
    path("api-tokens/", api_tokens, name="api_tokens"),
    path("api-tokens/<int:token_id>/revoke/", revoke_api_token, name="api_token_revoke"),
    path("webhooks/", webhooks, name="webhooks"),
    path("webhooks/add/", add_webhook, name="webhook_add"),
    path("webhooks/<uuid:endpoint_id>/", webhook, name="webhook"),
    path("webhooks/<uuid:endpoint_id>/edit/", edit_webhook, name="webhook_edit"),
    path("webhooks/<uuid:endpoint_id>/test/", test_webhook, name="webhook_test"),
    path("webhooks/<uuid:endpoint_id>/pause/", pause_webhook, name="webhook_pause"),
    path("webhooks/<uuid:endpoint_id>/resume/", resume_webhook, name="webhook_resume"),
    path("webhooks/<uuid:endpoint_id>/rotate/", rotate_webhook_secret, name="webhook_rotate"),
    path("webhooks/<uuid:endpoint_id>/retire/", retire_webhook_secret, name="webhook_retire"),
    path("webhooks/<uuid:endpoint_id>/delete/", delete_webhook, name="webhook_delete"),
    path("webhooks/deliveries/<int:delivery_id>/", webhook_delivery, name="webhook_delivery"),
    path(
        "webhooks/deliveries/<int:delivery_id>/send-again/",
        send_webhook_again,
        name="webhook_send_again",
    ),
    path("signal-streams/", signal_streams, name="signal_streams"),
    path("signal-streams/add/", add_signal_stream, name="signal_stream_add"),
    path("signal-streams/new-key/", rotate_signal_key, name="signal_key_rotate"),
    # The same pages as of webhooks, at addresses below those of streams.
    path("signal-streams/deliveries/<int:delivery_id>/", webhook_delivery, name="signal_delivery"),
    path(
        "signal-streams/deliveries/<int:delivery_id>/send-again/",
        send_webhook_again,
        name="signal_send_again",
    ),
    path("signal-streams/<uuid:stream_id>/", signal_stream, name="signal_stream"),
    path("signal-streams/<uuid:stream_id>/edit/", edit_signal_stream, name="signal_stream_edit"),
    path(
        "signal-streams/<uuid:stream_id>/verify/", verify_signal_stream, name="signal_stream_verify"
    ),
    path("signal-streams/<uuid:stream_id>/pause/", pause_signal_stream, name="signal_stream_pause"),
    path(
        "signal-streams/<uuid:stream_id>/enable/", enable_signal_stream, name="signal_stream_enable"
    ),
    path(
        "signal-streams/<uuid:stream_id>/disable/",
        disable_signal_stream,
        name="signal_stream_disable",
    ),
    path(
        "signal-streams/<uuid:stream_id>/delete/", delete_signal_stream, name="signal_stream_delete"
    ),
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

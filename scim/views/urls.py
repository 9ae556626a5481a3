"""The URLs of the SCIM pages."""

from django.urls import URLPattern, path, register_converter

from scim.views.catalog import catalogue, overview
from scim.views.dry_run import dry_run_page
from scim.views.group_mappings import groups, map_group, unmap_group
from scim.views.request_detail import scim_request
from scim.views.request_log import request_log
from scim.views.self_test import report, self_test
from scim.views.settings.attribute_mapping import add_field, delete_field, mapping
from scim.views.settings.auto_termination import offboarding
from scim.views.settings.certification import certify
from scim.views.settings.disconnect import disconnect
from scim.views.settings.overview import dry_run, scim, settings
from scim.views.settings.overview import self_test as self_test_of_newest
from scim.views.settings.tokens import revoke, tokens
from scim.views.setup.activate import activate
from scim.views.setup.common import ProviderConverter
from scim.views.setup.it_link import create_it_link, mail_it_link, revoke_it_link
from scim.views.setup.review import review
from scim.views.setup.review_choices import choose
from scim.views.setup.steps import abandon, first_request, resume, steps, token
from scim.views.setup.steps_for_it import steps_for_it
from scim.views.team_updates import pending_invites, sync_error_actions
from scim.views.team_updates.common import team_updates
from scim.views.team_updates.inactive_users import inactive_users
from scim.views.team_updates.sync_errors import sync_error, sync_errors
from scim.views.team_updates.to_review import review as returned_people
from scim.views.team_updates.to_review import same_person_page, withheld_role
from scim.views.team_updates.waiting_members import waiting_members

UPDATES = "people/updates"
INVITE = f"{UPDATES}/invites/<uuid:invite_id>"
ERROR = f"{UPDATES}/errors/<int:error_id>"
SCIM = "integrations/scim/<uuid:connection_id>"

register_converter(ProviderConverter, "provider")
SETUP = "integrations/<provider:provider>/setup"

PAGES: list[URLPattern] = [
    path(f"{UPDATES}/", team_updates, name="team_updates"),
    path(f"{UPDATES}/invites/", pending_invites.pending_invites, name="team_updates_invites"),
    path(f"{UPDATES}/resend/", pending_invites.resend_many, name="invites_resend"),
    path(f"{INVITE}/resend/", pending_invites.resend, name="invite_resend"),
    path(f"{INVITE}/revoke/", pending_invites.revoke, name="invite_revoke"),
    path(f"{INVITE}/link/", pending_invites.link, name="invite_link"),
    path(f"{UPDATES}/inactive/", inactive_users, name="team_updates_inactive"),
    path(f"{UPDATES}/errors/", sync_errors, name="team_updates_errors"),
    path(f"{ERROR}/", sync_error, name="sync_error"),
    path(f"{ERROR}/retry/", sync_error_actions.retry, name="sync_error_retry"),
    path(f"{ERROR}/link/", sync_error_actions.link, name="sync_error_link"),
    path(
        f"{ERROR}/invite-anyway/", sync_error_actions.invite_anyway, name="sync_error_invite_anyway"
    ),
    path(f"{ERROR}/dismiss/", sync_error_actions.dismiss, name="sync_error_dismiss"),
    path(f"{UPDATES}/review/", returned_people, name="team_updates_review"),
    path(f"{UPDATES}/review/<int:question_id>/", same_person_page, name="same_person"),
    path(f"{UPDATES}/review/roles/<uuid:person_id>/", withheld_role, name="withheld_role"),
    path(f"{UPDATES}/members/", waiting_members, name="team_updates_members"),
    path("integrations/", catalogue, name="integrations"),
    path("integrations/<provider:provider>/", overview, name="integration"),
    path(f"{SETUP}/", resume, name="setup"),
    path(f"{SETUP}/token/", token, name="setup_token"),
    path(f"{SETUP}/link/", create_it_link, name="setup_it_link"),
    path(f"{SETUP}/link/mail/", mail_it_link, name="setup_it_link_mail"),
    path(f"{SETUP}/link/revoke/", revoke_it_link, name="setup_it_link_revoke"),
    path(f"{SETUP}/steps/", steps, name="setup_steps"),
    path(f"{SETUP}/first-request/", first_request, name="setup_first_request"),
    path(f"{SETUP}/review/", review, name="setup_review"),
    path(f"{SETUP}/review/choose/", choose, name="setup_choose"),
    path(f"{SETUP}/activate/", activate, name="setup_activate"),
    path(f"{SETUP}/abandon/", abandon, name="setup_abandon"),
    path("setup/<str:token>/", steps_for_it, name="setup_link"),
    path("integrations/scim/", scim, name="scim"),
    path("integrations/scim/self-test/", self_test_of_newest, name="self_test"),
    path("integrations/scim/what-if/", dry_run, name="dry_run"),
    path(f"{SCIM}/", settings, name="scim_settings"),
    path(f"{SCIM}/mapping/", mapping, name="scim_mapping"),
    path(f"{SCIM}/mapping/fields/", add_field, name="scim_field_add"),
    path(f"{SCIM}/mapping/fields/<int:field_id>/delete/", delete_field, name="scim_field_delete"),
    path(f"{SCIM}/groups/", groups, name="scim_groups"),
    path(f"{SCIM}/groups/<int:group_id>/", map_group, name="scim_group"),
    path(f"{SCIM}/groups/mappings/<int:mapping_id>/remove/", unmap_group, name="scim_group_unmap"),
    path(f"{SCIM}/tokens/", tokens, name="scim_tokens"),
    path(f"{SCIM}/tokens/<int:token_id>/revoke/", revoke, name="scim_token_revoke"),
    path(f"{SCIM}/certification/", certify, name="scim_certification"),
    path(f"{SCIM}/self-test/", self_test, name="scim_self_test"),
    path(f"{SCIM}/self-test/<provider:provider>/", report, name="scim_self_test_report"),
    path(f"{SCIM}/what-if/", dry_run_page, name="scim_what_if"),
    path(f"{SCIM}/offboarding/", offboarding, name="scim_offboarding"),
    path(f"{SCIM}/disconnect/", disconnect, name="scim_disconnect"),
    path(f"{SCIM}/requests/", request_log, name="scim_requests"),
    path(f"{SCIM}/requests/<uuid:request_id>/", scim_request, name="scim_request"),
]

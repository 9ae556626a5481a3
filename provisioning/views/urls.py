"""URLs of sign-in and of the tenant pages."""

from django.urls import URLPattern, path

from provisioning.views.auth_providers import (
    add_auth_provider,
    auth_provider,
    auth_providers,
    remove_auth_provider,
    test_auth_provider,
    test_sign_in,
)
from provisioning.views.auth_settings import auth_settings
from provisioning.views.confirm_address_change import move_auth_provider
from provisioning.views.confirm_people import confirm_same_person, transfer_people
from provisioning.views.directory import (
    directory,
    directory_group,
    directory_groups,
    directory_person,
)
from provisioning.views.group_mappings import (
    apply_drafts,
    discard_drafts,
    group_mappings,
    remove_mapping,
)
from provisioning.views.internal_users import add_internal_user, internal_users, mail_internal_user
from provisioning.views.member_detail import provisioned_member
from provisioning.views.member_list import provisioned_members
from provisioning.views.passkeys import add_passkey, remove_passkey
from provisioning.views.provider_log import provider_log
from provisioning.views.second_factor import (
    recovery_codes,
    remove_second_factor,
    set_up_second_factor,
)
from provisioning.views.shared_signals import (
    shared_signals,
    shared_signals_lift,
    shared_signals_policies,
    shared_signals_remove,
    shared_signals_verify,
)
from provisioning.views.sign_in.accept_invite import accept_invite
from provisioning.views.sign_in.change_password import change_password
from provisioning.views.sign_in.confirm_email import confirm_address
from provisioning.views.sign_in.link_provider import link_provider
from provisioning.views.sign_in.login import sign_in, sign_out
from provisioning.views.sign_in.oidc import backchannel_logout, callback
from provisioning.views.sign_in.reauthentication import confirm_identity, confirm_with_provider
from provisioning.views.sign_in.reset_password import forgot_password, reset_password
from provisioning.views.sign_in.second_factor import (
    sign_in_passkey,
    sign_in_second_factor,
    sign_in_set_up_second_factor,
)
from provisioning.views.sign_in.start import sign_in_with
from provisioning.views.sign_in.universal_logout import global_token_revocation
from provisioning.views.signal_push import signal_push
from provisioning.views.tenant_settings import (
    close_tenant,
    resume_tenant,
    suspend_tenant,
    tenant_settings,
)
from provisioning.views.test_universal_logout import test_universal_logout

TENANT = "tenants/<slug:slug>/"

PAGES: list[URLPattern] = [
    path("sign-in/", sign_in, name="login"),
    path("sign-in/<slug:slug>/", sign_in, name="sign_in"),
    path("sign-in/<slug:slug>/<uuid:provider_id>/", sign_in_with, name="sign_in_with"),
    path("sign-in/<slug:slug>/<uuid:provider_id>/callback/", callback, name="oidc_callback"),
    path(
        "sign-in/<slug:slug>/<uuid:provider_id>/backchannel-logout/",
        backchannel_logout,
        name="oidc_backchannel_logout",
    ),
    path(
        "sign-in/<slug:slug>/<uuid:provider_id>/global-token-revocation/",
        global_token_revocation,
        name="global_token_revocation",
    ),
    path(
        "sign-in/<slug:slug>/<uuid:provider_id>/signals/<uuid:key>/",
        signal_push,
        name="signal_push",
    ),
    path("tenants/<slug:slug>/internal-users/", internal_users, name="internal_users"),
    path("tenants/<slug:slug>/internal-users/add/", add_internal_user, name="add_internal_user"),
    path(
        "tenants/<slug:slug>/internal-users/<uuid:person_id>/mail/",
        mail_internal_user,
        name="mail_internal_user",
    ),
    path("sign-in/<slug:slug>/<uuid:provider_id>/link/", link_provider, name="link_provider"),
    path("sign-out/", sign_out, name="logout"),
    path("invite/<str:token>/", accept_invite, name="accept_invite"),
    path("confirm-identity/", confirm_identity, name="confirm_identity"),
    path(
        "confirm-identity/<uuid:provider_id>/",
        confirm_with_provider,
        name="confirm_with_provider",
    ),
    path("second-factor/", sign_in_second_factor, name="sign_in_second_factor"),
    path("second-factor/passkey/", sign_in_passkey, name="sign_in_passkey"),
    path(
        "second-factor/set-up/",
        sign_in_set_up_second_factor,
        name="sign_in_set_up_second_factor",
    ),
    path("account/second-factor/set-up/", set_up_second_factor, name="second_factor_set_up"),
    path("account/second-factor/recovery-codes/", recovery_codes, name="recovery_codes"),
    path("account/second-factor/remove/", remove_second_factor, name="second_factor_remove"),
    path("account/passkeys/add/", add_passkey, name="passkey_add"),
    path("account/passkeys/<int:passkey_id>/remove/", remove_passkey, name="passkey_remove"),
    path("forgot-password/", forgot_password, name="forgot_password"),
    path("home/password/", change_password, name="change_password"),
    path("reset-password/<str:token>/", reset_password, name="reset_password"),
    path("confirm-address/<str:token>/", confirm_address, name="confirm_address"),
    path(f"{TENANT}settings/", tenant_settings, name="tenant_settings"),
    path(f"{TENANT}settings/suspend/", suspend_tenant, name="tenant_suspend"),
    path(f"{TENANT}settings/resume/", resume_tenant, name="tenant_resume"),
    path(f"{TENANT}settings/close/", close_tenant, name="tenant_close"),
    path(f"{TENANT}auth-settings/", auth_settings, name="auth_settings"),
    path(f"{TENANT}auth-providers/", auth_providers, name="auth_providers"),
    path(f"{TENANT}auth-providers/add/<slug:preset>/", add_auth_provider, name="auth_provider_add"),
    path(f"{TENANT}auth-providers/<uuid:provider_id>/", auth_provider, name="auth_provider"),
    path(
        f"{TENANT}auth-providers/<uuid:provider_id>/test/",
        test_auth_provider,
        name="auth_provider_test",
    ),
    path(
        f"{TENANT}auth-providers/<uuid:provider_id>/test-sign-in/",
        test_sign_in,
        name="auth_provider_test_sign_in",
    ),
    path(
        f"{TENANT}auth-providers/<uuid:provider_id>/test-universal-logout/",
        test_universal_logout,
        name="auth_provider_test_universal_logout",
    ),
    path(
        f"{TENANT}auth-providers/<uuid:provider_id>/signals/",
        shared_signals,
        name="shared_signals",
    ),
    path(
        f"{TENANT}auth-providers/<uuid:provider_id>/signals/policies/",
        shared_signals_policies,
        name="shared_signals_policies",
    ),
    path(
        f"{TENANT}auth-providers/<uuid:provider_id>/signals/verify/",
        shared_signals_verify,
        name="shared_signals_verify",
    ),
    path(
        f"{TENANT}auth-providers/<uuid:provider_id>/signals/people/<uuid:person_id>/lift/",
        shared_signals_lift,
        name="shared_signals_lift",
    ),
    path(
        f"{TENANT}auth-providers/<uuid:provider_id>/signals/remove/",
        shared_signals_remove,
        name="shared_signals_remove",
    ),
    path(
        f"{TENANT}auth-providers/<uuid:provider_id>/remove/",
        remove_auth_provider,
        name="auth_provider_remove",
    ),
    path(
        f"{TENANT}auth-providers/<uuid:provider_id>/move/",
        move_auth_provider,
        name="auth_provider_move",
    ),
    path(
        f"{TENANT}auth-providers/<uuid:provider_id>/people/",
        transfer_people,
        name="auth_provider_transfer",
    ),
    path(
        f"{TENANT}log/<int:attempt_id>/same-person/",
        confirm_same_person,
        name="confirm_same_person",
    ),
    path(f"{TENANT}directory/<uuid:provider_id>/", directory, name="directory"),
    path(
        f"{TENANT}directory/<uuid:provider_id>/groups/", directory_groups, name="directory_groups"
    ),
    path(
        f"{TENANT}directory/<uuid:provider_id>/person/", directory_person, name="directory_person"
    ),
    path(f"{TENANT}directory/<uuid:provider_id>/group/", directory_group, name="directory_group"),
    path(f"{TENANT}provisioned-members/", provisioned_members, name="provisioned_members"),
    path(
        f"{TENANT}provisioned-members/<int:identity_id>/",
        provisioned_member,
        name="provisioned_member",
    ),
    path(f"{TENANT}mappings/", group_mappings, name="mappings"),
    path(f"{TENANT}mappings/<int:mapping_id>/remove/", remove_mapping, name="mapping_remove"),
    path(f"{TENANT}mappings/<uuid:provider_id>/apply/", apply_drafts, name="mappings_apply"),
    path(f"{TENANT}mappings/<uuid:provider_id>/discard/", discard_drafts, name="mappings_discard"),
    path(f"{TENANT}log/", provider_log, name="provider_log"),
]

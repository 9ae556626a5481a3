"""The hooks of sign-in in `people`."""

from people.hooks import AppHooks, Page
from provisioning import diagnosis, search, sign_in_methods
from provisioning.group_roles import mappings
from provisioning.passwords.login import password_problem
from provisioning.sign_in import identities

HOOKS = AppHooks(
    pages={
        Page.TENANT_SETTINGS: "admin:tenant_settings",
        Page.CONFIRM_IDENTITY: "admin:confirm_identity",
    },
    causes=diagnosis.causes,
    search=search.results,
    sign_in_methods=sign_in_methods.of_person,
    has_signed_in=identities.has_signed_in,
    retire_identities=identities.retire_all,
    password_problem=password_problem,
    is_role_mapped=mappings.is_role_mapped,
)

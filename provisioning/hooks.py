"""The hooks of sign-in in `people`."""

from people.hooks import AppHooks, CountedRows, Page
from provisioning import diagnosis, search, sign_in_methods
from provisioning.group_roles import mappings
from provisioning.models import SignInAttempt
from provisioning.passwords.login import password_problem
from provisioning.providers import manage
from provisioning.sign_in import identities
from provisioning.sign_in.personal_data import PERSONAL_DATA
from provisioning.views import overview

HOOKS = AppHooks(
    pages={
        Page.TENANT_SETTINGS: "admin:tenant_settings",
        Page.GROUP_MAPPINGS: "admin:mappings",
        Page.CONFIRM_IDENTITY: "admin:confirm_identity",
        Page.SECOND_FACTOR: "admin:second_factor_set_up",
        Page.ADD_PASSKEY: "admin:passkey_add",
        Page.SIGN_IN_LOG: "admin:provider_log",
    },
    causes=diagnosis.causes,
    search=search.results,
    sign_in_methods=sign_in_methods.of_person,
    has_signed_in=identities.has_signed_in,
    retire_identities=identities.retire_all,
    provider_subjects=identities.provider_subjects,
    password_problem=password_problem,
    actors=manage.provider_actors,
    owner_of_people=manage.owner_of_people,
    is_role_mapped=mappings.is_role_mapped,
    attention=overview.attention_items,
    services=overview.services,
    setup_steps=overview.setup_steps,
    has_group_mappings=mappings.has_mappings,
    personal_data=PERSONAL_DATA,
    counted_rows=[
        CountedRows(
            "provisioning.sign_in_attempts",
            SignInAttempt,
            time="at",
            fields=("outcome",),
            metric=overview.metric_of,
        )
    ],
)

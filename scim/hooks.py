"""What SCIM adds to `people`, and to sign-in through it."""

from people.hooks import AppHooks, Page, Subscription
from people.models import Event
from scim import diagnosis, person_notices, person_records, search, sign_in_pairing, tasks
from scim.connections import presets, tenant_activity
from scim.sync import group_mappings
from scim.sync.personal_data import PERSONAL_DATA
from scim.views import overview
from scim.views.request_detail import url_of_request
from scim.views.team_updates import common

# Only these fields decide whether somebody can be found, and assigned, as a manager.
FINDS_A_MANAGER = frozenset({"email", "manager", "role"})
RESOLVE_WAITING_MANAGERS = "scim.tasks.resolve_waiting_managers"

# The names of subscriptions never change: pending deliveries in the database contain them.
HOOKS = AppHooks(
    subscriptions=[
        Subscription(
            RESOLVE_WAITING_MANAGERS,
            tasks.resolve_waiting_managers,
            [
                *(Event.Kind.PERSON_ADDED, Event.Kind.PERSON_REACTIVATED),
                *(Event.Kind.PERSON_LINKED, Event.Kind.ADDRESS_CONFIRMED),
            ],
        ),
        Subscription(
            RESOLVE_WAITING_MANAGERS,
            tasks.resolve_waiting_managers,
            [Event.Kind.PERSON_REVISED, Event.Kind.MANAGED_FIELDS_RESTORED],
            fields=FINDS_A_MANAGER,
        ),
        Subscription(
            "scim.tasks.join_waiting_groups",
            tasks.join_waiting_groups,
            [Event.Kind.PERSON_ADDED, Event.Kind.PERSON_LINKED, Event.Kind.PERSON_RETURNED],
        ),
        Subscription(
            "scim.tasks.provision_freed",
            tasks.provision_freed_addresses,
            [Event.Kind.ADDRESS_CONFIRMED, Event.Kind.ADDRESS_RELEASED],
        ),
        Subscription(
            "scim.tasks.provision_freed",
            tasks.provision_freed_addresses,
            [Event.Kind.PERSON_REVISED, Event.Kind.MANAGED_FIELDS_RESTORED],
            fields=frozenset({"email"}),
        ),
        Subscription(
            "scim.tasks.close_errors",
            tasks.close_errors,
            [Event.Kind.PERSON_DEACTIVATED, Event.Kind.PERSON_TERMINATED],
        ),
        Subscription(
            "scim.tasks.carry_over_at_once",
            tasks.import_after_activation,
            [Event.Kind.CONNECTION_CHANGED],
        ),
    ],
    pages={
        Page.TEAM_UPDATES: "admin:team_updates",
        Page.PENDING_INVITES: "admin:team_updates_invites",
        Page.INTEGRATIONS: "admin:integrations",
        Page.CONNECTION_SETTINGS: "admin:scim",
    },
    request_url=url_of_request,
    causes=diagnosis.causes,
    search=search.results,
    notices=[
        person_notices.still_active,
        person_notices.withheld_roles,
        person_notices.of_person,
    ],
    team_updates={
        "sync_errors": common.sync_errors,
        "same_person_questions": common.same_person_questions,
    },
    attention=overview.attention_items,
    services=overview.services,
    setup_steps=overview.setup_steps,
    has_group_mappings=group_mappings.has_mappings,
    actors=person_records.actors,
    provider_name=presets.provider_name,
    owner_of_people=person_records.owner_of_people,
    active_at_provider=person_records.active_at_provider,
    contact_details=person_records.contact_details,
    role_confirmed_at=person_records.role_confirmed_at,
    is_role_mapped=group_mappings.is_role_mapped,
    pairing=sign_in_pairing,
    tenant_activity=tenant_activity.of_tenants,
    people_identified=person_records.people_identified,
    external_ids=person_records.external_ids,
    scim_resources=person_records.scim_resources,
    scim_methods=person_records.scim_methods,
    scim_transactions=person_records.scim_transactions,
    personal_data=PERSONAL_DATA,
    managed_custom_fields=person_records.managed_custom_fields,
)

"""Every page, admin action and API call that changes a person checks the rank.

A new URL of a page or of the API belongs in CHANGES if it changes a person or shows what leads
to their account, in GRANTING if it grants a role, and otherwise in OTHERS.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django.utils import timezone

from people import tenancy
from people.models import Person, Tenant
from people.operations.bulk.edit import draft_edit
from people.operations.invites import lifecycle
from people.operations.people import deactivate_person
from people.operations.roles.withheld_roles import ASKED
from people.values import Actor
from provisioning.models import GroupMapping, Identity, SignInAttempt
from provisioning.sign_in import fresh_sign_in
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import sign_in
from scim.models import GroupMapping as ScimMapping
from scim.models import SamePersonQuestion, ScimGroup, ScimUser, SyncError
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider, mail, someone
from tests.clients.spend import Api
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.support import rank_cases, sign_in_flow
from tests.support.rank_cases import ADMIN, ELEVATED, IT_ADMIN, OWNER, somebody, stored, taken_back

pytestmark = pytest.mark.django_db

TESTS, OKTA = Actor("command", "tests"), Actor("scim", "okta")
TARGETS = (OWNER, ADMIN, ELEVATED, Person.Role.CARDHOLDER)
ACTORS = Person.ADMINISTERING
ACTION = "_selected_action"


@dataclass(frozen=True)
class Request:
    """A request, whether or not the pages offer it."""

    path: str
    data: dict[str, Any] | None = None
    is_api: bool = False


@dataclass(frozen=True)
class Change:
    """A request that changes a person, and the fields of that person."""

    ask: Callable[[Person], Request]
    fields: dict[str, Any] | None = None
    targets: tuple[str, ...] = TARGETS


def of_person(name: str, **data: Any) -> Callable[[Person], Request]:
    return lambda person: Request(reverse(f"admin:{name}", args=[person.pk]), data)


def edit(person: Person) -> Request:
    data = {
        "given_name": "Changed",
        "family_name": person.family_name,
        "email": person.email,
        "role": person.role,
        "seen": person.changed_at.isoformat(),
    }
    return Request(reverse("admin:people_person_edit", args=[person.pk]), data)


def chosen(action: str) -> Callable[[Person], Request]:
    data = {"action": action, "confirmed": "yes"}
    return lambda person: Request("/people/", data | {ACTION: str(person.pk)})


def schedule(person: Person) -> None:
    Tenant.objects.filter(pk=person.tenant_id).update(auto_terminate_days=45)
    deactivate_person(person, actor=OKTA)


def departing(name: str, **data: Any) -> Callable[[Person], Request]:
    def ask(person: Person) -> Request:
        schedule(person)
        return of_person(name, **data)(person)

    return ask


def resend_confirmation(person: Person) -> Request:
    Person.objects.filter(pk=person.pk).update(pending_email="new@example.com")
    return of_person("people_person_resend_confirmation")(person)


def reset_second_factor(person: Person) -> Request:
    rank_cases.set_up_second_factor(person)
    return of_person("people_person_reset_second_factor")(person)


def grant(person: Person) -> Request:
    return of_person("people_person_grant", role=rank_cases.role(is_elevated=False).pk)(person)


def withdraw(person: Person) -> Request:
    given = rank_cases.give(person, rank_cases.role(is_elevated=False))
    return Request(reverse("admin:people_person_withdraw", args=[person.pk, given.pk]), {})


def of_invite(name: str, data: dict[str, Any] | None) -> Callable[[Person], Request]:
    def ask(person: Person) -> Request:
        invite = lifecycle.issue_invite(person, actor=TESTS)
        return Request(reverse(f"admin:{name}", args=[invite.pk]), data)

    return ask


def resend_ticked(person: Person) -> Request:
    invite = lifecycle.issue_invite(person, actor=TESTS)
    return Request(reverse("admin:invites_resend"), {"invite": str(invite.pk)})


def mail_link(person: Person) -> Request:
    return Request(reverse("admin:mail_internal_user", args=[person.tenant.slug, person.pk]), {})


def member(data: dict[str, Any]) -> Callable[[Person], Request]:
    def ask(person: Person) -> Request:
        identity: Identity = sign_in_flow.identity(sign_in_flow.provider(), person)
        path = reverse("admin:provisioned_member", args=[person.tenant.slug, identity.pk])
        return Request(path, data)

    return ask


def confirm_same(person: Person) -> Request:
    """Have a provider refuse a sign-in with the address of the person."""
    with suppress(SignInRefused):
        sign_in(sign_in_flow.provider(), sign_in_flow.claims("new", email=person.email))
    attempt = SignInAttempt.objects.get(person=person)
    return Request(reverse("admin:confirm_same_person", args=[person.tenant.slug, attempt.pk]), {})


def lift_fresh_sign_in(person: Person) -> Request:
    provider = sign_in_flow.provider(settings=sign_in_flow.OIDC)
    fresh_sign_in.require(person, provider, since=timezone.now(), because="account disabled")
    of = [person.tenant.slug, provider.pk, person.pk]
    return Request(reverse("admin:shared_signals_lift", args=of), {})


def invite_anyway(person: Person) -> Request:
    error = refused(person)
    SyncError.objects.filter(pk=error.pk).update(person=person)
    lifecycle.issue_invite(person, actor=TESTS)
    person.invites.update(hold_reason="Waits.")
    return Request(reverse("admin:sync_error_invite_anyway", args=[error.pk]), {})


def take_for_different(person: Person) -> Request:
    """Have the provider that deleted the person create a user who may be the same person."""
    scim = Provider(scim_connection())
    new, deleted = (ScimUser.objects.get(scim_id=scim.add(name)) for name in ("zoe", "eve"))
    deleted.person, deleted.deleted_at = person, timezone.now()
    deleted.save()
    question = SamePersonQuestion.objects.create(
        tenant_id=person.tenant_id,
        connection=scim.connection,
        user=new,
        earlier=person,
        earlier_user=deleted,
        asked_at=timezone.now(),
    )
    return Request(reverse("admin:same_person", args=[question.pk]), {"answer": "different"})


def decline_role(person: Person) -> Request:
    Person.objects.filter(pk=person.pk).update(withheld_roles={IT_ADMIN: ASKED})
    data = {"role": IT_ADMIN, "answer": "decline"}
    return Request(reverse("admin:withheld_role", args=[person.pk]), data)


def link(person: Person) -> Request:
    return Request(reverse("admin:sync_error_link", args=[refused(person).pk]), {})


def refused(person: Person) -> SyncError:
    """Have Okta create a user with the address of the person, which is refused."""
    scim = Provider(scim_connection("okta", email_link="ask"))
    answer = scim("POST", "/Users", someone("zoe", emails=[mail(person.email)]))
    assert answer.status == 400, answer.content
    error: SyncError = SyncError.objects.open().get()
    return error


def choose(person: Person) -> Request:
    scim = Provider(scim_connection("entra", activated_at=None))
    scim.add("zoe", emails=[mail(person.email)])
    data = {"user": ScimUser.objects.get().pk, "choice": "link", "confirmed": "on", "back": ""}
    return Request(reverse("admin:setup_choose", args=["entra"]), data)


def by_api(action: str, **body: Any) -> Callable[[Person], Request]:
    return lambda person: Request(f"people/{person.pk}/{action}", body, is_api=True)


INVITED = {"state": Person.State.INVITED}
INACTIVE = {"state": Person.State.INACTIVE, "deactivated_by": "command:tests"}

CHANGES: dict[str, Change] = {
    "shared_signals_lift": Change(lift_fresh_sign_in),
    "people_person_edit": Change(edit),
    "people_person_deactivate": Change(of_person("people_person_deactivate")),
    "people_person_reactivate": Change(of_person("people_person_reactivate"), INACTIVE),
    "people_person_terminate": Change(of_person("people_person_terminate")),
    "people_person_resend_confirmation": Change(resend_confirmation),
    "people_person_invite_again": Change(of_person("people_person_invite_again"), INVITED),
    "people_person_reset_second_factor": Change(reset_second_factor),
    "people_person_end_sessions": Change(of_person("people_person_end_sessions")),
    "people_person_grant": Change(grant),
    "people_person_withdraw": Change(withdraw),
    "people_person_away": Change(of_person("people_person_away", end="yes")),
    "guest": Change(
        of_person("guest", remove="yes"),
        {"role": Person.Role.GUEST},
        (ELEVATED, Person.Role.CARDHOLDER),
    ),
    "scheduled_termination": Change(departing("scheduled_termination", deed="forget plan")),
    "scheduled_termination_plan": Change(departing("scheduled_termination_plan")),
    "mail_internal_user": Change(mail_link),
    "provisioned_member": Change(member({"status": "inactive"})),
    "provisioned_member role": Change(member({"base_role": Person.Role.BOOKKEEPER})),
    "confirm_same_person": Change(confirm_same),
    "invite_resend": Change(of_invite("invite_resend", {}), INVITED),
    "invite_revoke": Change(of_invite("invite_revoke", {}), INVITED),
    "invite_link": Change(of_invite("invite_link", None), INVITED),
    "same_person": Change(take_for_different, INACTIVE),
    "withheld_role": Change(decline_role),
    "invites_resend": Change(resend_ticked, INVITED),
    "sync_error_invite_anyway": Change(invite_anyway, INVITED),
    "sync_error_link": Change(link),
    "setup_choose": Change(choose),
    "people_person_changelist": Change(chosen("deactivate_selected")),
    "people_person_changelist reactivate": Change(chosen("reactivate_selected"), INACTIVE),
    "api/v1/people/<uuid:person_id>/deactivate": Change(by_api("deactivate", reason="Left.")),
    "api/v1/people/<uuid:person_id>/reactivate": Change(by_api("reactivate"), INACTIVE),
}

# URLs that grant a role; tested below for each role.
GRANTING = {
    "bulk_edit",
    *("people_person_add", "people_person_edit", "add_internal_user", "scim_settings"),
    "provisioned_member",
    *("mappings", "mapping_remove", "mappings_apply", "scim_group", "scim_group_unmap"),
    "withheld_role",
}

# URLs that change no person, or only the visitor.
OTHERS = {
    # Pages that only show or search something.
    *("overview", "setup_checklist", "self_test", "dry_run"),
    *("org_chart", "org_chart_person", "org_chart_reports"),
    # For Owners only, see tests/people/views/test_personal_data_pages.py.
    *("personal_data_export", "personal_data_erase"),
    # Columns and saved views of the visitor.
    *("people_columns", "saved_views", "saved_view_add", "saved_view_delete"),
    *(
        "search",
        "index",
        "home",
        "jsi18n",
        "autocomplete",
        "people_person_change",
        "people_person_export",
    ),
    *(
        "scheduled_terminations",
        "terminated",
        "bulk_changes",
        "bulk_change",
        "why",
        "request",
        "team_updates",
    ),
    *("audit_log", "audit_log_export", "audit_event"),
    *(
        "team_updates_invites",
        "team_updates_errors",
        "team_updates_inactive",
        "team_updates_members",
        "team_updates_review",
        "sync_error",
        "provider_log",
        "spend",
    ),
    *("internal_users", "provisioned_members", "directory", "directory_groups"),
    *("directory_person", "directory_group", "scim_groups", "scim_requests", "scim_request"),
    *("scim", "scim_what_if", "integrations", "integration", "api_schema"),
    "api_reference",
    # Signing in, and pages of one's own account.
    *("login", "sign_in", "sign_in_with", "oidc_callback", "oidc_backchannel_logout", "logout"),
    # A signed request of a provider; ranks do not apply to providers.
    "global_token_revocation",
    *(
        "change_password",
        "link_provider",
        "confirm_identity",
        "confirm_with_provider",
        "accept_invite",
    ),
    *("sign_in_second_factor", "sign_in_set_up_second_factor"),
    *("second_factor_set_up", "second_factor_remove", "recovery_codes"),
    *("sign_in_passkey", "passkey_add", "passkey_remove"),
    *("account", "account_resend_confirmation", "account_sign_out_everywhere"),
    *("account_preferences", "account_away"),
    # The digest of the person who got the link by email.
    "unsubscribe",
    # Rank does not matter for approvals, see docs/ranks.md.
    "approval",
    "account_session_end",
    *("forgot_password", "reset_password", "confirm_address"),
    # Tokens are one's own, and every administrator may stop a leaked one.
    *("api_tokens", "api_token_revoke"),
    # Webhooks send what every administrator reads in the audit log.
    *("webhooks", "webhook", "webhook_add", "webhook_edit", "webhook_test", "webhook_pause"),
    *("webhook_resume", "webhook_rotate", "webhook_retire", "webhook_delete"),
    *("webhook_delivery", "webhook_send_again"),
    # Signal streams send a part of that.
    *("signal_streams", "signal_stream", "signal_stream_add", "signal_stream_edit"),
    *("signal_stream_verify", "signal_stream_pause", "signal_stream_enable"),
    *("signal_stream_disable", "signal_stream_delete", "signal_key_rotate"),
    *("signal_delivery", "signal_send_again"),
    *("signal_configuration", "signal_resource", "signal_jwks", "signal_api_stream"),
    *("signal_api_status", "signal_api_verify", "signal_api_poll"),
    # Settings of the company, of providers and of connections.
    *(
        "tenant_settings",
        "tenant_suspend",
        "tenant_resume",
        "tenant_close",
        "auth_settings",
        "auth_providers",
        "auth_provider_add",
    ),
    *("auth_provider", "auth_provider_test", "auth_provider_remove", "mappings_discard"),
    *("auth_provider_test_sign_in", "auth_provider_test_universal_logout"),
    # Signals have the rank of the administrator who set them up, see
    # tests/provisioning/shared_signals.
    *("shared_signals", "shared_signals_policies", "shared_signals_verify"),
    *("shared_signals_remove", "signal_push"),
    *("alarm_settings", "invite_settings", "setup", "setup_token", "setup_steps"),
    *("setup_first_request", "setup_review", "setup_activate", "setup_abandon", "setup_link"),
    *("setup_it_link", "setup_it_link_mail", "setup_it_link_revoke"),
    *("scim_mapping", "scim_field_add", "scim_field_delete", "scim_tokens"),
    *(
        "scim_token_revoke",
        "scim_self_test",
        "scim_self_test_report",
        "scim_offboarding",
        "scim_disconnect",
    ),
    # Withheld invites are sent by resending, which checks the rank.
    "scim_certification",
    # Confirming a changed provider checks the rank, see test_moving_a_provider.py.
    "auth_provider_move",
    # No person above the rank is moved, see test_confirming_people.py.
    "auth_provider_transfer",
    # A retry has the rank of the connection; dismissing changes no person.
    *("sync_error_retry", "sync_error_dismiss"),
    # Bulk edits check the rank for each person, see tests/people/operations/test_bulk_edit.py.
    "bulk_edit_preview",
    # Undoing checks the rank for each person, see tests/people/operations/test_ranks.py.
    *("bulk_change_confirm", "bulk_change_undo"),
    # Lists are applied by a job, which checks each person and role, see
    # tests/people/comparison/test_applying_a_list.py.
    *("compare", "comparison", "comparison_columns", "comparison_apply", "comparison_discard"),
    "comparison_unreadable",
    # Spending is exempt.
    *("card_end", "fund_end"),
}
# Lists and forms of other rows, a line of the admin site each; roles are tested as operations.
MODELS = (
    *("department", "location", "entity", "role", "card", "fund", "outstandingitem"),
    *("workflow", "tenant"),
)
OTHERS |= {
    f"people_{model}_{page}"
    for model in MODELS
    for page in ("changelist", "add", "change", "delete")
}
# Reading, and authorizing purchases.
OTHERS |= {
    *("healthz", "readyz", "metrics", r"api/v1/^[\s\S]*$", "api/v1/people"),
    *("api/v1/people/<uuid:person_id>", "api/v1/team-updates", "api/v1/cards"),
    "api/v1/attention",
    "api/v1/audit-events",
    "api/v1/events",
    *("api/v1/cards/<uuid:card_id>", "api/v1/funds", "api/v1/funds/<uuid:fund_id>"),
    *("api/v1/authorizations", "api/v1/authorizations/<uuid:authorization_id>"),
}


def addresses(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    """Yield the name of every URL pattern, or its path if it has no name; without SCIM."""
    for pattern in (resolver or get_resolver()).url_patterns:
        path = f"{prefix}{pattern.pattern}"
        if path.startswith("scim/"):
            continue
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, path)
        elif pattern.name or not path.endswith("<path:object_id>/"):
            # The API has each URL with and without a trailing slash.
            yield pattern.name or path.rstrip("/")


@pytest.fixture(autouse=True)
def company(db: None) -> Iterator[Tenant]:
    """Activate a tenant with an Owner, so that no other person is the last Owner."""
    tenant = core.tenant()
    with tenancy.use(tenant):
        core.owner()
        yield tenant


@pytest.fixture
def people(company: Tenant) -> dict[str, Person]:
    return {role: core.person(role=role) for role in ACTORS}


@pytest.mark.parametrize("name", sorted(set(addresses())))
def test_every_url_is_classified(name: str) -> None:
    assert name in {*CHANGES, *GRANTING, *OTHERS}, (
        f"The address “{name}” is new. If it changes a person, add it to CHANGES in "
        "tests/test_ranks_on_pages.py (to GRANTING if it gives a role); otherwise add it to OTHERS."
    )


def test_every_classified_url_exists() -> None:
    known = {name.partition(" ")[0] for name in CHANGES} | GRANTING | OTHERS
    assert known <= set(addresses())


@pytest.mark.parametrize("name", CHANGES)
def test_changing_a_person_needs_a_sufficient_rank(
    name: str, people: dict[str, Person], caplog: pytest.LogCaptureFixture
) -> None:
    """All pairs of ranks: 403 with the reason and a line in the log, or no 403."""
    change, breaches = CHANGES[name], []
    for target in change.targets:
        with taken_back():
            person = made(change, target)
            asked, before = change.ask(person), stored(person)
            for role, actor in people.items():
                with taken_back():
                    answer = send(asked, actor)
                    is_refused = answer.status_code == 403
                    if is_refused == rank_cases.may_change(role, target):
                        breaches.append(f"{role} on {target}: {answer.status_code}")
                    elif is_refused:
                        assert "can change this account" in text_of(answer)
                        assert f"Refused to {actor.actor}" in caplog.text
                        assert stored(person) == before
                    else:
                        assert answer.status_code in (200, 302), answer.status_code
    assert breaches == []


def made(change: Change, target: str) -> Person:
    fields = dict(change.fields or {})
    if target == Person.Role.CARDHOLDER and "role" in fields:
        return core.person(**fields)
    person: Person = Person.objects.select_related("tenant").get(pk=somebody(target, **fields).pk)
    return person


def send(asked: Request, actor: Person) -> Any:
    if asked.is_api:
        return Api(actor).post(asked.path, asked.data)
    client = signed_in(actor)
    return client.get(asked.path) if asked.data is None else client.post(asked.path, asked.data)


class TestGrantingRolesNeedsRank:
    """All pairs of a rank and a role, for each URL that grants a role."""

    def breaches(self, people: dict[str, Person], ask: Callable[[Person, str], Any]) -> list[str]:
        found = []
        for actor, given in ((one, role) for one in people for role in rank_cases.GRANTED):
            with taken_back():
                answer = ask(people[actor], given)
                is_refused = answer.status_code == 403
                if is_refused == rank_cases.may_grant(actor, given):
                    found.append(f"{actor} gives {given}: {answer.status_code}")
                elif is_refused:
                    assert "a role above your own" in text_of(answer)
        return found

    @pytest.mark.parametrize("name", ["people_person_add", "add_internal_user"])
    def test_role_of_a_new_person(
        self, people: dict[str, Person], company: Tenant, name: str
    ) -> None:
        path = reverse(f"admin:{name}", args=[company.slug] if "internal" in name else [])
        bob = {"given_name": "Bob", "family_name": "Babbage", "email": "bob@example.com"}

        def ask(actor: Person, role: str) -> Any:
            answer = signed_in(actor).post(path, bob | {"role": role})
            is_there = Person.objects.filter(email="bob@example.com").exists()
            assert is_there == (answer.status_code == 302)
            return answer

        assert self.breaches(people, ask) == []

    def test_role_of_an_existing_person(self, people: dict[str, Person]) -> None:
        guest = core.person(role=Person.Role.GUEST)

        def ask(actor: Person, role: str) -> Any:
            asked = edit(guest)
            assert asked.data
            return signed_in(actor).post(asked.path, asked.data | {"role": role})

        assert self.breaches(people, ask) == []

    def test_role_in_a_bulk_edit(self, people: dict[str, Person]) -> None:
        guest = core.person(role=Person.Role.GUEST)

        def ask(actor: Person, role: str) -> Any:
            draft = draft_edit([guest.pk], actor=actor.actor)
            return signed_in(actor).post(
                reverse("admin:bulk_edit", args=[draft.pk]), {"role": role}
            )

        assert self.breaches(people, ask) == []

    def test_role_of_a_provisioned_member(self, people: dict[str, Person]) -> None:
        guest = core.person(role=Person.Role.GUEST)
        path = member({})(guest).path

        def ask(actor: Person, role: str) -> Any:
            return signed_in(actor).post(path, {"base_role": role})

        assert self.breaches(people, ask) == []

    def test_withheld_role_given_back(self, people: dict[str, Person]) -> None:
        ada = core.person()
        path = reverse("admin:withheld_role", args=[ada.pk])

        def ask(actor: Person, role: str) -> Any:
            Person.objects.filter(pk=ada.pk).update(withheld_roles={role: ASKED})
            return signed_in(actor).post(path, {"role": role, "answer": "give"})

        assert self.breaches(people, ask) == []

    def test_adding_a_group_mapping(self, people: dict[str, Person], company: Tenant) -> None:
        sign_in_flow.provider()
        path = reverse("admin:mappings", args=[company.slug])

        def ask(actor: Person, role: str) -> Any:
            values = {"group": "Board", "role": role, "is_owner_confirmed": "on"}
            answer = signed_in(actor).post(path, values)
            assert GroupMapping.objects.exists() == (answer.status_code == 302)
            return answer

        assert self.breaches(people, ask) == []

    @pytest.mark.parametrize("name", ["mapping_remove", "mappings_apply"])
    def test_removing_a_group_mapping(
        self, people: dict[str, Person], company: Tenant, name: str
    ) -> None:
        provider = sign_in_flow.provider()

        def ask(actor: Person, role: str) -> Any:
            mapping = sign_in_flow.mapping(provider, "Board", Person.Role(role))
            key: Any = mapping.pk
            if name == "mappings_apply":
                GroupMapping.objects.update(draft=GroupMapping.Draft.REMOVED)
                key = provider.pk
            answer = signed_in(actor).post(reverse(f"admin:{name}", args=[company.slug, key]))
            assert GroupMapping.objects.count() == 1
            return answer

        assert self.breaches(people, ask) == []

    def test_adding_a_mapping_of_a_pushed_group(self, people: dict[str, Person]) -> None:
        scim = Provider(scim_connection())
        scim.add_group("Board")
        group = ScimGroup.objects.get()
        path = reverse("admin:scim_group", args=[scim.connection.pk, group.pk])

        def ask(actor: Person, role: str) -> Any:
            return signed_in(actor).post(path, {"role": role, "is_owner_confirmed": "on"})

        assert self.breaches(people, ask) == []

    def test_removing_a_mapping_of_a_pushed_group(self, people: dict[str, Person]) -> None:
        scim = Provider(scim_connection())
        scim.add_group("Board")

        def ask(actor: Person, role: str) -> Any:
            mapping = ScimMapping.objects.create(
                tenant_id=actor.tenant_id,
                connection=scim.connection,
                group=ScimGroup.objects.get(),
                base_role=role,
            )
            path = reverse("admin:scim_group_unmap", args=[scim.connection.pk, mapping.pk])
            return signed_in(actor).post(path)

        assert self.breaches(people, ask) == []


@pytest.mark.parametrize("role", ACTORS)
def test_only_an_owner_allows_a_connection_to_assign_owners(
    people: dict[str, Person], role: str
) -> None:
    connection = scim_connection()
    path = reverse("admin:scim_settings", args=[connection.pk])
    values = {
        "incomplete_policy": "refuse",
        "unknown_manager": "hold",
        "role_source": "provider",
        "email_link": "adopt",
        "mails_invites": "on",
    }

    answer = signed_in(people[role]).post(path, values | {"may_assign_owner": "on"})

    connection.refresh_from_db()
    assert (answer.status_code, connection.may_assign_owner) == (
        (302, True) if role == OWNER else (403, False)
    )


@pytest.mark.parametrize("role", [ADMIN, IT_ADMIN])
def test_other_connection_settings_need_no_owner(people: dict[str, Person], role: str) -> None:
    """If an Owner has allowed it, an Admin can save other settings."""
    connection = scim_connection(may_assign_owner=True)
    path = reverse("admin:scim_settings", args=[connection.pk])
    values = {
        "incomplete_policy": "refuse",
        "unknown_manager": "reject",
        "role_source": "provider",
        "email_link": "adopt",
        "mails_invites": "on",
    }

    answer = signed_in(people[role]).post(path, values)

    connection.refresh_from_db()
    assert answer.status_code == 302
    assert (connection.unknown_manager, connection.may_assign_owner) == ("reject", True)


@pytest.mark.parametrize(
    ("role", "hidden"),
    [(OWNER, set()), (ADMIN, {"Owner"}), (IT_ADMIN, {"Owner", "Admin"})],
)
def test_forms_offer_only_roles_up_to_the_rank(
    people: dict[str, Person], role: str, hidden: set[str]
) -> None:
    page = text_of(signed_in(people[role]).get("/people/add/"))

    offered = {one.label for one in Person.Role if f'value="{one.value}"' in page}
    assert offered == {one.label for one in Person.Role} - hidden
    assert ("Roles above your own are not listed" in page) == bool(hidden)


@pytest.mark.parametrize("role", ACTORS)
def test_page_of_an_owner_explains_who_can_change_it(people: dict[str, Person], role: str) -> None:
    olga = core.owner(given_name="Olga", family_name="Brandt")

    page = text_of(signed_in(people[role]).get(f"/people/{olga.pk}/"))

    is_refused = "Olga Brandt is an Owner, so only an Owner can change this account." in page
    assert is_refused == (role != OWNER)
    for name in ("edit", "deactivate", "terminate"):
        assert (f"/people/{olga.pk}/{name}/" in page) == (role == OWNER)


class TestApi:
    def test_refusal_has_the_code_person_above_rank(self, people: dict[str, Person]) -> None:
        answer = Api(people[ADMIN]).post(f"people/{people[OWNER].pk}/deactivate")

        assert answer.status_code == 403
        assert answer.json()["code"] == "person-above-rank"


class TestBulkDeactivation:
    def choose(self, client: Client, *chosen: Person, **more: str) -> Any:
        data = {"action": "deactivate_selected", ACTION: [str(one.pk) for one in chosen]}
        return client.post("/people/", data | more)

    def test_confirmation_leaves_out_people_above_the_rank(self, people: dict[str, Person]) -> None:
        ada = core.person(given_name="Ada")

        page = self.choose(signed_in(people[ADMIN]), ada, people[OWNER])

        assert "Deactivate 1 person?" in text_of(page)
        assert "is an Owner, so only an Owner can change this account." in text_of(page)
        assert str(people[OWNER].pk) not in text_of(page)

    def test_no_person_is_changed_if_one_is_above_the_rank(self, people: dict[str, Person]) -> None:
        ada = core.person()

        answer = self.choose(signed_in(people[ADMIN]), ada, people[OWNER], confirmed="yes")

        assert answer.status_code == 403
        assert Person.objects.get(pk=ada.pk).is_active

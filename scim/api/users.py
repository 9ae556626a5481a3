"""/Users: RFC 7644 sections 3.3 to 3.6; each write is applied to the person."""

from contextlib import nullcontext

from django.http import HttpResponse
from django.utils import timezone
from scim2_models import NotFoundException

from people import tenancy
from people.db import prepared_statements, unit_of_work
from people.db.models import changed_fields, field_values
from people.operations import locks, people
from scim.api import etags, fast_queries, responses
from scim.api.adapters import UserAdapter
from scim.api.request import ScimRequest, scim_response
from scim.models import ScimMembership, ScimUser, ScimUserElement
from scim.rfc import activity, patch, patch_operations
from scim.rfc.attributes import ACTIVE
from scim.rfc.ids import scim_uuid
from scim.rfc.normalize import normalize, replacement
from scim.rfc.resource_types import USER
from scim.rfc.strict_json import Json
from scim.sync import group_roles, managers, provision, rehires, sync_errors
from scim.sync.attribute_mapping import profile_of
from scim.sync.match_evidence import Traits
from scim.sync.provision import ProvisioningTask

# The columns that a write may update; all others are set only on creation.
UPDATABLE = (
    *("document", "rendered", "version", "modified_at", "deleted_at"),
    *("scim_username", "user_name_key", "scim_external_id", "email_key", "active"),
    *("person", "problem", "has_errors", "waiting_manager"),
)


def read(request: ScimRequest, scim_id: str) -> HttpResponse:
    """RFC 7644 section 3.4.1."""
    if prepared_statements.available():
        shown = next(iter(fast_queries.find_users(request, "id", scim_id)), None)
        projection = responses.requested_projection(request, USER)
        if shown and projection:
            shown = responses.apply_projection(shown, projection)
    else:
        with tenancy.use(request.connection.tenant_id):
            shown = responses.find(request, USER, scim_id)
    if shown is None:
        raise not_found_error(scim_id)
    return responses.respond(request, USER, shown)


def create(request: ScimRequest) -> HttpResponse:
    """RFC 7644 section 3.3; a deleted user who returns keeps their id, see `sync.rehires`."""
    request.consume_rate_limit()
    document = request.parsed_body or normalize(request.document, USER)
    request.subject.user_name = document["userName"]
    user, similar = _new_or_returning_user(request, document)
    store(request, user, document, before=None)
    rehires.create_questions(user, similar)
    # Okta needs the full user in the response; an empty body is an error for it.
    return responses.respond_stored(request, USER, user, 201)


def replace(request: ScimRequest, scim_id: str) -> HttpResponse:
    """RFC 7644 section 3.5.1; deactivations do not count against the rate limit."""
    user = lock(request, scim_id)
    document = replacement(request.document, user.document, USER)
    # `normalize` reads true from {"active": true, "<URN of the core schema>": {"active": false}},
    # but false counts.
    if activity.says_inactive(request.method, request.document):
        document[ACTIVE.name] = False
    if document.get("active", True):
        request.consume_rate_limit()
    return _change(request, user, document)


def modify(request: ScimRequest, scim_id: str) -> HttpResponse:
    """RFC 7644 section 3.5.2; deactivations do not count against the rate limit."""
    changes = request.parsed_body or patch_operations.read_operations(request.document, USER)
    user = lock(request, scim_id)
    document = patch.apply(user.document, changes, USER)
    # `patch.apply` reads true from {"active": false, "Active": true}, and nothing from an operation
    # that sets false followed by one that removes `active`. In both, false counts.
    if activity.says_inactive(request.method, request.document):
        document[ACTIVE.name] = False
    if document.get("active", True):
        request.consume_rate_limit()
    return _change(request, user, document)


def delete(request: ScimRequest, scim_id: str) -> HttpResponse:
    """RFC 7644 section 3.6: deactivate the person, and hide the resource from the connection."""
    user = lock(request, scim_id)
    if user.person:
        with locks.assume_locked(user.person) if request.lock_query_ran else nullcontext():
            people.detach_person(user.person, actor=request.connection.actor)
    if user.has_errors:
        sync_errors.resolve(user)
    unit_of_work.delete(ScimMembership, user=user.pk)
    group_roles.schedule()
    unit_of_work.delete(ScimUserElement, user=user.pk)
    # The row stays, so that the same person keeps the id if the provider creates them again.
    user.deleted_at, user.active, user.has_errors = timezone.now(), False, False
    user.save(update_fields=["deleted_at", "active", "has_errors"])
    return scim_response(status=204)


def not_found_error(scim_id: str) -> NotFoundException:
    return NotFoundException(detail=f"There is no user {scim_id[:100]}.")


def lock(request: ScimRequest, scim_id: str) -> ScimUser:
    """Lock the resource to be changed and check the If-Match header.

    :raises NotFoundException: if the connection has no such user.
    :raises PreconditionFailedException: if the resource has another version.
    """
    user = request.locked_user
    if user is None and not request.lock_query_ran:
        users = ScimUser.objects.known_to(request.connection)
        users = users.filter(scim_id=scim_uuid(scim_id))
        user = users.select_for_update().first()
    if user is None:
        raise not_found_error(scim_id)
    user.connection = request.connection
    request.subject.user, request.subject.user_name = user, user.scim_username
    etags.check_match(request, user.version)
    return user


def _new_or_returning_user(
    request: ScimRequest, document: Json
) -> tuple[ScimUser, list[rehires.SimilarResource]]:
    """Return a new resource or the deleted one that returns, not yet filled from the document.

    With a new one, also return the deleted resources that have one of its identifiers.
    """
    user = ScimUser(
        tenant_id=request.connection.tenant_id,
        connection=request.connection,
        created_at=request.received_at,
        version=0,
        has_errors=True,
    )
    similar: list[rehires.SimilarResource] = []
    may_be_back = True
    if prepared_statements.available():
        user.pk, may_be_back, user.has_errors = fast_queries.reserve_new_user(request, document)
    if may_be_back or not unit_of_work.is_open():
        named = ScimUser(
            scim_username=document["userName"], scim_external_id=document.get("externalId", "")
        )
        traits = Traits.of(named, profile_of(document, request.connection.mapping))
        similar = rehires.find_similar(request.connection, traits)
        returning = rehires.choose_returning(similar)
        if returning is not None:
            user, similar = returning, []
    user.related = []
    return user, similar


def _change(request: ScimRequest, user: ScimUser, document: Json) -> HttpResponse:
    # A retry, and a successful write after a refused one, are applied even if the resource does
    # not change: the earlier request may have failed because of something else.
    if document != user.document or request.retried_by or user.has_errors:
        store(request, user, document, before=user.document)
    return responses.respond_stored(request, USER, user)


def store(request: ScimRequest, user: ScimUser, document: Json, *, before: Json | None) -> None:
    """Save the resource, and apply it to its person; `before` is None if it is new or returns.

    :raises PeopleError: if the rules or the connection's policies refuse it.
    :raises IntegrityError: if another resource of the connection has the userName.
    """
    was_active = None if before is None else user.active
    # The columns are compared at the end, so that only the changed ones are written.
    stored = field_values(user, UPDATABLE)
    if before is None:
        user.deleted_at, user.active = None, True
    is_back = before is None and not user._state.adding
    earlier_names = set() if user._state.adding else managers.names_of(user)
    adapter = UserAdapter(user)
    adapter.from_dict(document)
    if document != before or request.retried_by:
        user.version += 1
        user.modified_at = request.received_at
    if user._state.adding:
        # Inserted first, so that only one of several concurrent requests for the same user goes on.
        user.save(force_insert=True)
    task = ProvisioningTask(
        user,
        request.subject,
        request.request_id,
        person_is_locked=request.lock_query_ran,
        is_whole=request.method != "PATCH" and not request.retried_by,
        may_link=request.may_link,
    )
    task.mapped = adapter.mapped
    provision.provision(task, before, was_active=was_active)
    managers.record_name_changes(user, earlier_names, is_back=is_back)
    adapter.render()
    if changed := changed_fields(user, stored):
        user.save(update_fields=changed)
    adapter.index(before)
    request.subject.user = user

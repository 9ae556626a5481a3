"""SCIM resources as rows, the way the endpoints leave them."""

from typing import Any

from django.utils import timezone

from people import tenancy
from scim.connections.presets import PRESETS
from scim.models import Connection, ScimGroup, ScimUser, ScimUserElement
from scim.rfc.multi_valued import elements_of, key
from scim.rfc.normalize import normalize
from scim.rfc.resource_types import GROUP, USER
from scim.rfc.serialize import json_text


def scim_connection(provider: str = "okta", **fields: Any) -> Connection:
    usual = {
        "tenant_id": tenancy.current_id(),
        "provider": provider,
        "incomplete_policy": PRESETS[provider].incomplete,
        "activated_at": timezone.now(),
    }
    return Connection.objects.create(**usual | fields)


def scim_user(connection: Connection, user_name: str, **sent: Any) -> ScimUser:
    document = normalize({"userName": user_name, "active": True, **sent}, USER)
    now = timezone.now()
    user = ScimUser.objects.create(
        tenant_id=connection.tenant_id,
        connection=connection,
        document=document,
        rendered=json_text(document),
        scim_username=user_name,
        user_name_key=key(user_name),
        scim_external_id=document.get("externalId", ""),
        active=document["active"],
        created_at=now,
        modified_at=now,
    )
    ScimUserElement.objects.bulk_create(
        ScimUserElement(
            user=user, attribute=one.attribute, element=one.element, value_key=one.value_key
        )
        for one in elements_of(document)
    )
    return user


def scim_group(connection: Connection, name: str, *members: ScimUser) -> ScimGroup:
    document = normalize({"displayName": name}, GROUP)
    now = timezone.now()
    group = ScimGroup.objects.create(
        tenant_id=connection.tenant_id,
        connection=connection,
        document=document,
        rendered=json_text(document),
        scim_display_name=name,
        display_name_key=key(name),
        created_at=now,
        modified_at=now,
    )
    group.members.set(members)
    return group

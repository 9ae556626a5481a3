"""Adapters of django-scim2: from a canonical document to the columns of its row."""

from django.conf import settings
from django.http import HttpRequest
from django_scim.adapters import SCIMGroup, SCIMUser

from people.db import unit_of_work
from people.values import normalize_key
from scim.models import ScimGroup, ScimUser, ScimUserElement
from scim.rfc.multi_valued import elements_of, have_same
from scim.rfc.serialize import json_text
from scim.rfc.strict_json import Json
from scim.sync.attribute_mapping import profile_of


class UserAdapter(SCIMUser):
    obj: ScimUser

    def from_dict(self, document: Json) -> None:
        """Set the columns from the document; `render` follows when the document is final.

        A document without `active` leaves the column as it is, because the provider did not send
        it.
        """
        user = self.obj
        user.document = document
        user.scim_username = document["userName"]
        user.user_name_key = normalize_key(user.scim_username)
        user.scim_external_id = document.get("externalId", "")
        self.mapped = profile_of(document, user.connection.mapping)
        user.email_key = normalize_key(self.mapped.profile.email)
        user.active = document.get("active", user.active)

    def render(self) -> None:
        """Store the document as the text that responses use."""
        self.obj.rendered = json_text(self.obj.document)

    def index(self, before: Json | None) -> None:
        """Replace the rows that filters search, if the multi-valued attributes have changed."""
        user = self.obj
        if have_same(before or {}, user.document):
            return
        old, new = list(elements_of(before or {})), list(elements_of(user.document))
        if old:
            unit_of_work.delete(ScimUserElement, user=user.pk)
        unit_of_work.bulk_create([ScimUserElement(user=user, **vars(one)) for one in new])


class GroupAdapter(SCIMGroup):
    obj: ScimGroup

    def from_dict(self, document: Json) -> None:
        """Set the columns from the document; members are separate rows."""
        group = self.obj
        group.document, group.rendered = document, json_text(document)
        group.scim_display_name = document["displayName"]
        group.display_name_key = normalize_key(group.scim_display_name)
        group.scim_external_id = document.get("externalId", "")


def base_location(request: HttpRequest | None = None) -> str:
    """Return the base URL of resources, which a client cannot influence by its Host header."""
    return str(settings.PUBLIC_BASE_URL)

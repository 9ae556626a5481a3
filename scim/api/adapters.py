"""Rows and resources, one to the other, as django-scim2's adapters."""

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
        """Take over a canonical document, to be rendered when it has come to its last form.

        A resource without `active` keeps the activity it had: the provider did not mention it.
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
        """Keep the document as the text that answers will be made of."""
        self.obj.rendered = json_text(self.obj.document)

    def index(self, before: Json | None) -> None:
        """Bring the rows of the elements, which filters search, to what the document holds."""
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
        """Take over a canonical document; members are rows of their own."""
        group = self.obj
        group.document, group.rendered = document, json_text(document)
        group.scim_display_name = document["displayName"]
        group.display_name_key = normalize_key(group.scim_display_name)
        group.scim_external_id = document.get("externalId", "")


def base_location(request: HttpRequest | None = None) -> str:
    """Return the base URL of resources, which never depends on the request's Host header."""
    return str(settings.PUBLIC_BASE_URL)

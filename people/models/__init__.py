"""The rows: tenants, who works there, and what happened to them."""

from people.models.custom_fields import CustomField
from people.models.events import Event
from people.models.invites import Invite
from people.models.mail import Mail
from people.models.organisation import Department, Entity, Location
from people.models.person import Person
from people.models.roles import Grant, Role
from people.models.tenant import Tenant

__all__ = [
    "CustomField",
    "Department",
    "Entity",
    "Event",
    "Grant",
    "Invite",
    "Location",
    "Mail",
    "Person",
    "Role",
    "Tenant",
]

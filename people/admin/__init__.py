"""Lists and forms of the administrators' site. Each change is made by an operation."""

from people.admin import organisation, people, roles, tenants

__all__ = ["organisation", "people", "roles", "tenants"]

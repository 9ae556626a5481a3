"""Lists and forms of the administrators' site. Each change is made by an operation."""

from people.admin import organization, people, roles, spend, tenants, workflows

__all__ = ["organization", "people", "roles", "spend", "tenants", "workflows"]

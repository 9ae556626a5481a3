"""Lists and forms of the administrators' site. Each change is made by an operation."""

from people.admin import organization, outstanding_items, people, roles, spend, tenants, workflows

__all__ = ["organization", "outstanding_items", "people", "roles", "spend", "tenants", "workflows"]

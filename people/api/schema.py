"""Adds the required scopes to the OpenAPI schema."""

from drf_spectacular.openapi import AutoSchema

from people.api.authentication import scopes_of


class Schema(AutoSchema):
    def get_description(self) -> str:  # type: ignore[override]
        """Return the description of the operation with its scopes."""
        described: str = super().get_description()
        scopes = " or ".join(f"`{scope}`" for scope in scopes_of(self.view, self.method))
        return f"{described}\n\nScope: {scopes}." if scopes else described

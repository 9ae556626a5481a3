"""What the OpenAPI schema says besides what the views declare."""

from drf_spectacular.openapi import AutoSchema

from people.api.authentication import scopes_of


class Schema(AutoSchema):
    def get_description(self) -> str:  # type: ignore[override]
        """Return what the operation does, and the scopes of which its token needs one."""
        described: str = super().get_description()
        scopes = " or ".join(f"`{scope}`" for scope in scopes_of(self.view, self.method))
        return f"{described}\n\nScope: {scopes}." if scopes else described

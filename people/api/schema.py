"""Adds a summary and the required scopes to each operation of the OpenAPI schema."""

from drf_spectacular.openapi import AutoSchema

from people.api.authentication import scopes_of


class Schema(AutoSchema):
    def get_summary(self) -> str:
        """Return the first sentence of the docstring."""
        described: str = super().get_description()
        return described.partition(".")[0]

    def get_tags(self) -> list[str]:
        """Return the first part of the path as words, such as “Audit events”."""
        [name, *_] = super().get_tags()
        return [name.replace("-", " ").capitalize()]

    def get_description(self) -> str:  # type: ignore[override]
        """Return the docstring with the scopes."""
        described: str = super().get_description()
        scopes = " or ".join(f"`{scope}`" for scope in scopes_of(self.view, self.method))
        return f"{described}\n\nScope: {scopes}." if scopes else described

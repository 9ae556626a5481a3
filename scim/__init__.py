"""SCIM 2.0: identity providers push people and groups."""

# Imported first, because pydantic searches all frames and all modules for the source of each of
# its classes: among the imports of views this takes twice as long, in every process that starts.
import scim2_models  # noqa: F401

from django.apps import AppConfig


class ScimConfig(AppConfig):
    name = "scim"
    verbose_name = "SCIM"

    def ready(self) -> None:
        from people import hooks  # noqa: PLC0415  models come first
        from scim.hooks import HOOKS  # noqa: PLC0415

        hooks.register(HOOKS)

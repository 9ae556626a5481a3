from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    name = "provisioning"
    verbose_name = "Sign-in"

    def ready(self) -> None:
        from people import hooks  # noqa: PLC0415  models come first
        from provisioning.hooks import HOOKS  # noqa: PLC0415

        hooks.register(HOOKS)

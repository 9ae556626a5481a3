from django.apps import AppConfig
from django.contrib.admin import apps as admin


class RampConfig(AppConfig):
    name = "ramp"

    def ready(self) -> None:
        from ramp import checks  # noqa: F401, PLC0415  registers them


class AdminConfig(admin.AdminConfig):
    default_site = "ramp.site.RampSite"

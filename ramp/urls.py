from django.apps import apps
from django.contrib import admin
from django.urls import include, path

from people.api.signals.metadata import signal_configuration, signal_resource
from ramp import health, metrics

handler400 = "ramp.error_pages.bad_request"
handler403 = "ramp.error_pages.forbidden"
handler404 = "ramp.error_pages.not_found"
handler500 = "ramp.error_pages.failed"

urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("metrics", metrics.metrics),
    path("api/v1/", include("people.api.urls")),
    # The path of the issuer follows the well-known one (SSF 1.0 section 7.2).
    path(
        ".well-known/ssf-configuration/signals/<slug:slug>",
        signal_configuration,
        name="signal_configuration",
    ),
    # RFC 9728 section 3.1.
    path(
        ".well-known/oauth-protected-resource/signals/<slug:slug>",
        signal_resource,
        name="signal_resource",
    ),
    path("signals/<slug:slug>/", include("people.api.signals.urls")),
    path("", admin.site.urls),
]
if apps.is_installed("scim"):
    urlpatterns.insert(0, path("scim/v2/", include("scim.api.urls")))

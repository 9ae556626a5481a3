import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from ramp.web_heartbeat import Application, HeartbeatWriter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ramp.settings")

application: Application = get_wsgi_application()
# Only the supervisor reads the heartbeats.
if settings.SIGNS_DIR:
    application = HeartbeatWriter(application)

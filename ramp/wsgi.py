import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from ramp.web_heartbeat import Application, Pulse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ramp.settings")

application: Application = get_wsgi_application()
# Only a supervisor looks at the pulse.
if settings.SIGNS_DIR:
    application = Pulse(application)

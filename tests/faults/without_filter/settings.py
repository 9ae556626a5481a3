from ramp.settings import *  # noqa: F403
from ramp.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.without_filter.WithoutFilterConfig"]

import os
from datetime import timedelta
from importlib import import_module
from typing import Any, cast

from celery import Celery, Task
from celery.beat import Scheduler
from celery.signals import setup_logging, worker_init
from kombu.transport import TRANSPORT_ALIASES

from ramp import heartbeats

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ramp.settings")

TRANSPORT_ALIASES["folder"] = "ramp.queue_in_folder:Transport"


class Job(Task):
    Request = "ramp.worker:Request"


app = Celery("ramp", task_cls=Job)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# The current app is known by thread, and granian answers requests in threads of its own.
app.set_default()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Listen, for Celery replaces the LOGGING of the settings unless somebody does."""


@worker_init.connect
def leave_signs(**_: Any) -> None:
    """Load what only a worker needs."""
    import_module("ramp.worker")


# No job of the schedule waits longer.
LONGEST_PAUSE = timedelta(days=1)


class Schedule(Scheduler):
    """The schedule of the settings, with nothing kept in a file: every job may run too often."""

    def setup_schedule(self) -> None:
        self.merge_inplace(self.app.conf.beat_schedule)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """If the clock was set back, run all jobs now; none would run until it has caught up."""
        for entry in self.schedule.values():
            now = entry.default_now()
            if entry.last_run_at > now:
                entry.last_run_at = now - LONGEST_PAUSE
                self._heap = None
        pause = cast("float", super().tick(*args, **kwargs))
        heartbeats.leave(heartbeats.BEAT)
        return pause

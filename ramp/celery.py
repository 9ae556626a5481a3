import os
import time
from datetime import timedelta
from importlib import import_module
from typing import Any, cast

from celery import Celery, Task
from celery.beat import ScheduleEntry, Scheduler
from celery.signals import setup_logging, worker_init
from django.apps import apps
from django.core.cache import cache
from kombu.transport import TRANSPORT_ALIASES

from ramp import heartbeats

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ramp.settings")

TRANSPORT_ALIASES["folder"] = "ramp.queue_in_folder:Transport"


class Job(Task):
    Request = "ramp.worker:Request"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the job, unless the installation is held after a restore.

        Nothing is lost: what a job works on is a row, and beat finds it after the release.
        """
        if apps.get_model("people", "Installation").current().held_since:
            return None
        return super().__call__(*args, **kwargs)


app = Celery("ramp", task_cls=Job)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery's current app is thread-local, and granian serves requests in its own threads.
app.set_default()


@setup_logging.connect
def keep_django_logging(**_: Any) -> None:
    """Do nothing. With a receiver of this signal, Celery keeps the LOGGING of the settings."""


@worker_init.connect
def leave_signs(**_: Any) -> None:
    """Load what only a worker needs."""
    import_module("ramp.worker")


# Longer than the longest interval in the schedule.
MAX_PAUSE = timedelta(days=1)


class Schedule(Scheduler):
    """The schedule in the settings. It stores no state in a file: an extra run does no harm."""

    def setup_schedule(self) -> None:
        self.merge_inplace(self.app.conf.beat_schedule)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run all jobs now if the clock was set back; none would run until it has caught up."""
        for entry in self.schedule.values():
            now = entry.default_now()
            if entry.last_run_at > now:
                entry.last_run_at = now - MAX_PAUSE
                self._heap = None
        pause = cast("float", super().tick(*args, **kwargs))
        heartbeats.leave(heartbeats.BEAT)
        return pause

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send the job, unless the beat of another host has sent it for the same time.

        Each beat would otherwise find the queue full of jobs that have nothing left to do. Without
        Redis, no beat knows of the others, and no job depends on that.
        """
        seconds = getattr(entry.schedule, "run_every", timedelta(minutes=1)).total_seconds()
        # By the clock and not by the last run, so that a clock that was set back delays nothing.
        key = f"beat:{entry.name}:{int(time.time() // seconds)}"
        if cache.add(key, 1, timeout=2 * seconds):
            super().apply_entry(entry, producer=producer)

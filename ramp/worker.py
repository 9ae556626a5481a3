"""Additions to the Celery worker: it writes heartbeats, and ends when it has lost the broker.

A Celery worker that has lost its broker may stop taking jobs: a failed acknowledgement occupies a
prefetch slot forever, so the worker requests no more messages and never notices that its connection
is gone. Therefore it does not reconnect. It ends, and the supervisor starts another one. That is
safe, because every job may run twice.
"""

import logging
import os
from typing import Any, Final

import celery.apps.worker
import structlog
from celery.signals import task_postrun, task_prerun, worker_ready
from celery.worker import request, state
from django.conf import settings
from kombu.asynchronous import get_event_loop

from ramp import heartbeats
from ramp.logs import line_formatter

# How often the event loop writes its heartbeat.
LOOP_SECONDS: Final = 2.0
STDERR: Final = 2


def say(message: str, *_: Any) -> None:
    """Write what Celery says in its signal handlers, where a logger could be interrupted."""
    record = logging.LogRecord(__name__, logging.INFO, __file__, 0, message, None, None)
    line = line_formatter(as_json=settings.LOG_IS_JSON).format(record)
    os.write(STDERR, f"{line}\n".encode())


vars(celery.apps.worker)["safe_say"] = say


class Request(request.Request):
    """A job that a worker took from the queue."""

    def acknowledge(self) -> None:
        """Acknowledge the job, and end the worker if the broker did not receive it."""
        super().acknowledge()
        loop = get_event_loop()
        if loop:
            # With Redis, the acknowledgement is sent in the next iteration of the loop. Check one
            # iteration later, because callbacks within an iteration have no order.
            loop.call_soon(self._check_in_next_round)
        else:
            self._end_worker_unless_acknowledged()

    def _check_in_next_round(self) -> None:
        get_event_loop().call_soon(self._end_worker_unless_acknowledged)

    def _end_worker_unless_acknowledged(self) -> None:
        if not self.message.acknowledged:
            state.should_stop = 1


@worker_ready.connect
def record_start(sender: Any, **_: Any) -> None:
    """Write the first heartbeats, and start those of the event loop."""
    heartbeats.leave(heartbeats.WORKER)
    heartbeats.leave(heartbeats.LOOP)
    sender.timer.call_repeatedly(LOOP_SECONDS, heartbeats.leave, (heartbeats.LOOP,))


@task_prerun.connect
def record_job(task: Any, task_id: str, **_: Any) -> None:
    structlog.contextvars.bind_contextvars(job=task.name, job_id=task_id)
    heartbeats.leave(heartbeats.of_process(heartbeats.BUSY))
    heartbeats.leave(heartbeats.WORKER)


@task_postrun.connect
def record_end_of_job(**_: Any) -> None:
    structlog.contextvars.unbind_contextvars("job", "job_id")
    heartbeats.remove(heartbeats.of_process(heartbeats.BUSY))
    heartbeats.leave(heartbeats.WORKER)

"""What a worker adds to Celery: it leaves signs of life, and ends when it lost the broker.

A Celery worker that lost its broker may come back deaf: an acknowledgement that fails leaves
its place among the prefetched messages taken for ever, the worker asks for no more messages,
and so never notices that its connection is gone. So a worker does not connect again: it ends,
and the supervisor starts another one. Every job may run twice, and the rows say what to do.
"""

from typing import Any, Final

from celery.signals import task_postrun, task_prerun, worker_ready
from celery.worker import request, state
from kombu.asynchronous import get_event_loop

from ramp import heartbeats

# How often the event loop leaves its sign.
LOOP_SECONDS: Final = 2.0


class Request(request.Request):
    """A job that a worker took from the queue."""

    def acknowledge(self) -> None:
        """Acknowledge the job, and end the worker if the broker did not take it."""
        super().acknowledge()
        loop = get_event_loop()
        if loop:
            # With Redis the acknowledgement is sent in the loop's next round, so look in the
            # round after that: a round has no order.
            loop.call_soon(self._look_in_next_round)
        else:
            self._end_worker_unless_acknowledged()

    def _look_in_next_round(self) -> None:
        get_event_loop().call_soon(self._end_worker_unless_acknowledged)

    def _end_worker_unless_acknowledged(self) -> None:
        if not self.message.acknowledged:
            state.should_stop = 1


@worker_ready.connect
def note_start(sender: Any, **_: Any) -> None:
    """Leave signs from now on: of the start, and of the event loop while it runs."""
    heartbeats.leave(heartbeats.WORKER)
    heartbeats.leave(heartbeats.LOOP)
    sender.timer.call_repeatedly(LOOP_SECONDS, heartbeats.leave, (heartbeats.LOOP,))


@task_prerun.connect
def note_job(**_: Any) -> None:
    heartbeats.leave(heartbeats.of_process(heartbeats.BUSY))
    heartbeats.leave(heartbeats.WORKER)


@task_postrun.connect
def note_end_of_job(**_: Any) -> None:
    heartbeats.remove(heartbeats.of_process(heartbeats.BUSY))
    heartbeats.leave(heartbeats.WORKER)

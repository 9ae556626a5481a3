"""A Celery transport that stores jobs as files in a folder, for installations without Redis."""

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:
        """Write the job to a draft and rename it, so that a worker never reads half of a job."""
        path = Path(self.data_folder_out) / f"{time.time_ns()}-{uuid4()}.{queue}.msg"
        draft = path.with_name(f"{path.name}.draft")
        draft.write_text(dumps(payload))
        draft.rename(path)


class Transport(filesystem.Transport):
    Channel = Channel

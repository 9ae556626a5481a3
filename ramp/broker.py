"""How Celery reaches its broker: Redis, or folders in the embedded default."""

from pathlib import Path
from typing import Any


def transport_options(redis_url: str, var_dir: Path) -> dict[str, Any]:
    """Return CELERY_BROKER_TRANSPORT_OPTIONS, and create the folders that they name."""
    # Publishing without a broker fails at once. Nothing is lost: beat finds the row later.
    options: dict[str, Any] = {"max_retries": 0}
    if redis_url:
        return options | {
            "socket_timeout": 1,
            "socket_connect_timeout": 1,
            # The jobs of a killed worker are redelivered after this time, so no job may take
            # longer.
            "visibility_timeout": 120,
            "unacked_restore_interval": 2,
            "unacked_restore_throttle": 1,
        }
    queue = var_dir / "queue"
    queue.mkdir(parents=True, exist_ok=True)
    return options | {
        "data_folder_in": str(queue),
        "data_folder_out": str(queue),
        "control_folder": str(var_dir / "queue-control"),
        "polling_interval": 0.05,
    }

"""The folder that replaces a broker."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection

import ramp.celery  # noqa: F401  knows the folder


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Connection]:
    folders = {"data_folder_in": tmp_path, "data_folder_out": tmp_path, "control_folder": tmp_path}
    with Connection("folder://localhost", transport_options=folders) as connection:
        yield connection


def test_jobs_are_read_in_order(queue: Connection) -> None:
    with queue.SimpleBuffer("in-order") as jobs:
        for number in range(20):
            jobs.put({"number": number})

        came = [jobs.get_nowait().payload["number"] for _ in range(20)]

    assert came == list(range(20))


def test_partly_written_job_is_never_read(
    queue: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    rename = os.rename

    def watched(source: Path, target: Path) -> None:
        names.extend(path.name for path in target.parent.glob("*.msg"))
        rename(source, target)

    with queue.SimpleBuffer("whole") as jobs:
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", watched)
            jobs.put({"number": 1})
        assert jobs.get_nowait().payload == {"number": 1}

    assert names == []

"""Pictures of the pages …"""

from pathlib import Path

import pytest

from tests.browser import pictures


def test_are_taken_in_the_wanted_widths_and_composed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ("--pages", "^(tenants|people|internal server error)$", "--width", "390", "--sheets")
    monkeypatch.setattr("sys.argv", ["pictures", "--out", str(tmp_path), *wanted])

    pictures.main()

    assert {folder.name for folder in tmp_path.iterdir()} == {"390-light", "390-dark"}
    for folder in tmp_path.iterdir():
        taken = sorted(file.name for file in folder.glob("*.png"))
        assert taken == ["001 tenants.png", "002 people.png", "003 internal-server-error.png"]
        assert list((folder / "sheets").glob("*.png"))

"""Screenshots of the pages."""

from pathlib import Path

import pytest

from tests.browser import pictures


def test_screenshots_and_contact_sheets_are_written_for_the_chosen_width(
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

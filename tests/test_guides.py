"""The guides for administrators …"""

import re
from pathlib import Path

import pytest

from provisioning.providers.presets import PRESETS
from scim.connections.presets import PRESETS as SCIM_PRESETS
from tests.guides.blocks import BLOCK, FOLDER, updated

GUIDES = sorted(FOLDER.glob("*.md"))
TEXTS = {guide.name: guide.read_text() for guide in GUIDES}
LINK = re.compile(r"\]\((?!https://)([^)#]+)")


@pytest.mark.parametrize("guide", TEXTS)
def test_repeat_exactly_what_the_pages_say(guide: str) -> None:
    assert updated(TEXTS[guide]) == TEXTS[guide], "run .venv/bin/python -m tests.guides"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_link_only_to_files_that_exist(guide: Path) -> None:
    links = LINK.findall(guide.read_text())
    assert links
    assert [link for link in links if not (guide.parent / link).exists()] == []


def test_show_each_picture() -> None:
    shown = {link for text in TEXTS.values() for link in LINK.findall(text)}
    pictures = {f"pictures/{file.name}" for file in (FOLDER / "pictures").iterdir()}
    assert {link for link in shown if link.startswith("pictures/")} == pictures


def test_lead_through_each_provider_that_has_a_preset() -> None:
    blocks = {(kind, name) for text in TEXTS.values() for _, kind, name, _ in BLOCK.findall(text)}
    for provider in set(SCIM_PRESETS) - {"generic"}:
        assert {("scim steps", provider), ("scim attributes", provider)} <= blocks
    for preset in ("okta", "entra", "google", "keycloak", "active-directory", "windows"):
        assert preset in PRESETS
        assert ("sign-in steps", preset) in blocks

"""The parts of docs/guides that repeat what the pages of Ramp say, so that both always agree.

Such a part stands between `<!-- scim steps of okta -->` and `<!-- end -->`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from provisioning.providers.presets import PRESETS
from scim.connections.presets import PRESETS as SCIM_PRESETS

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "guides"
BLOCK: Final = re.compile(r"(<!-- ([\w -]+) of ([\w-]+) -->\n\n).*?(<!-- end -->)", re.DOTALL)


def updated(guide: str) -> str:
    """Return the text of the guide with its repeated parts as the pages have them now.

    :raises KeyError: if a part is of a kind or of a provider that does not exist.
    """
    return BLOCK.sub(lambda found: f"{found[1]}{KINDS[found[2]](found[3])}\n\n{found[4]}", guide)


def _scim_steps(provider: str) -> str:
    return _numbered(SCIM_PRESETS[provider].guide.steps)


def _scim_attributes(provider: str) -> str:
    guide = SCIM_PRESETS[provider].guide
    has_namespace = any(row.namespace for row in guide.mappings)
    head = ["In Ramp", guide.theirs, guide.ours, *(["External namespace"] if has_namespace else [])]
    rows = [
        [
            row.field + ("" if row.is_required else " (optional)"),
            f"`{row.theirs}`" if row.is_literal else row.theirs,
            f"`{row.ours}`",
            *([f"`{row.namespace}`"] if has_namespace else []),
        ]
        for row in guide.mappings
    ]
    return "\n".join(map(_table_row, [head, ["---"] * len(head), *rows]))


def _scim_template(provider: str) -> str:
    return f"```json\n{SCIM_PRESETS[provider].guide.template.strip()}\n```"


def _sign_in_steps(preset: str) -> str:
    return _numbered(PRESETS[preset].steps)


def _numbered(steps: Iterable[str]) -> str:
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))


def _table_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


KINDS: Final[Mapping[str, Callable[[str], str]]] = {
    "scim steps": _scim_steps,
    "scim attributes": _scim_attributes,
    "scim roles": lambda provider: SCIM_PRESETS[provider].guide.roles,
    "scim template": _scim_template,
    "scim end": lambda provider: SCIM_PRESETS[provider].guide.ending,
    "sign-in steps": _sign_in_steps,
    "pairing": lambda preset: f"The usual pairing: {PRESETS[preset].pairing}",
}

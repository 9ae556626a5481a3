"""Templates of mails."""

from pathlib import Path

import pytest
from django.conf import settings

from people.models import Mail


@pytest.mark.parametrize("kind", Mail.Kind.values)
@pytest.mark.parametrize("part", ["-subject.txt", ".txt", ".html"])
def test_every_kind_of_mail_has_a_template_of_each_part(kind: str, part: str) -> None:
    assert (Path(settings.TEMPLATES_DIR) / "mail" / f"{kind}{part}").is_file()

"""Every kind of mail …"""

import pytest
from django.template.loader import get_template

from people.models import Mail


@pytest.mark.parametrize("kind", Mail.Kind.values)
@pytest.mark.parametrize("part", ["-subject.txt", ".txt", ".html"])
def test_has_a_template_of_each_part(kind: str, part: str) -> None:
    path = f"mail/{kind}{part}"

    assert get_template(path).origin.template_name == path

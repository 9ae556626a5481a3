"""Where a browser may break a long value."""

import re

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()
# Between these, a reader expects the parts of an address, of a URN or of a URL.
AFTER = re.compile(r"(?<=[@:/?&=])(?<!//)(?!/)")


@register.filter
def breakable(value: object) -> SafeString:
    """Let addresses, URNs and URLs break between their parts, before inside a word."""
    parts = AFTER.split(str(value))
    return format_html_join(SafeString("<wbr>"), "{}", ((part,) for part in parts))

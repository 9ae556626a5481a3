"""Loading the templates of other packages."""

import re
from typing import Final

from django.template import Origin
from django.template.loaders import app_directories

# The start of an element that shows an icon, unless the template says how it is read out.
ICON: Final = re.compile(
    r"<span(?=[^>]*\bmaterial-symbols-outlined\b)(?![^>]*(?:aria-hidden|aria-label)=)"
)


class PackageLoader(app_directories.Loader):
    """Loads templates of packages, and hides their icons from assistive technology.

    An icon of Material Symbols is a ligature: its text is its name, such as “filter_list”, and
    would become part of the accessible name of its button (WCAG 2.2, success criterion 1.1.1).
    Our own templates hide their icons themselves.
    """

    def get_contents(self, origin: Origin) -> str:
        """Return the text of the template.

        :raises TemplateDoesNotExist: the file does not exist
        """
        return ICON.sub('<span aria-hidden="true"', super().get_contents(origin))

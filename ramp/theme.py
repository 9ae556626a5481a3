"""The settings of unfold, which renders the admin site."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Ramp",
    "SITE_HEADER": "Ramp",
    "SITE_SUBHEADER": "ramp.site.company",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "ramp.site.favicon"}],
    "STYLES": ["ramp.site.theme", "ramp.site.stylesheet"],
    "SCRIPTS": ["ramp.site.script", "ramp.site.dialog_script", "ramp.site.search_script"],
    "ACCOUNT": {"navigation": "ramp.site.account_links"},
}

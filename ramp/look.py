"""How the administrators' site looks; settings hand this to unfold."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Ramp",
    "SITE_HEADER": "Ramp",
    "SITE_SUBHEADER": "ramp.site.company",
    "SITE_SYMBOL": "groups",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "ramp.site.favicon"}],
    "STYLES": ["ramp.site.stylesheet"],
    "SCRIPTS": ["ramp.site.script", "ramp.site.dialog_script"],
    "ACCOUNT": {"navigation": "ramp.site.account_links"},
    "BORDER_RADIUS": "6px",
    # White on the 600 and the 500 on the darkest base both keep a contrast of 4.5.
    "COLORS": {
        "primary": {
            "50": "oklch(98.4% .014 180.72)",
            "100": "oklch(95.3% .051 180.801)",
            "200": "oklch(91% .096 180.426)",
            "300": "oklch(85.5% .138 181.071)",
            "400": "oklch(77.7% .152 181.912)",
            "500": "oklch(70.4% .14 182.503)",
            "600": "oklch(51.1% .096 186.391)",
            "700": "oklch(43.7% .078 188.216)",
            "800": "oklch(38.6% .063 188.416)",
            "900": "oklch(32% .052 189)",
            "950": "oklch(27.7% .046 192.524)",
        },
    },
}

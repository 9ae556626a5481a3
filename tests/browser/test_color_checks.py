"""The checks of colors, with which tests look at every page."""

import pytest
from playwright.sync_api import Page

from tests.browser.accessibility import axe_violations, color_violations

GOOD, PALE = "color: #333; background: #fff", "color: #bbb; background: #fff"


def show(page: Page, *texts: str) -> None:
    head = "<html lang=en><title>Colors</title>"
    page.set_content(f"{head}<main><h1>Colors</h1>{''.join(texts)}</main></html>")


def cells(style: str, count: int) -> str:
    return f"<p style='{style}'>Text</p>" * count


@pytest.mark.parametrize("place", [0, 5, 9])
def test_pale_text_is_found_among_texts_of_enough_contrast(page: Page, place: int) -> None:
    show(page, cells(GOOD, place), cells(PALE, 1), cells(GOOD, 9 - place))

    assert [one.partition(":")[0] for one in axe_violations(page)] == ["color-contrast"]


def test_text_color_is_judged_before_each_background(page: Page) -> None:
    show(page, cells("color: #888; background: #111", 1))
    assert color_violations(page) == []

    show(page, f"<div style='background: #ddd'>{cells('color: #888', 1)}</div>")

    assert len(color_violations(page)) == 1


def test_hidden_or_disabled_text_does_not_stand_for_others(page: Page) -> None:
    disabled = f"<button disabled style='{PALE}'>Text</button>"
    show(page, disabled, f"<button style='{PALE}'>Text</button>", disabled)

    assert len(color_violations(page)) == 1


def test_fault_is_found_on_every_page_that_has_it(page: Page) -> None:
    for _ in range(2):
        show(page, cells(PALE, 1))

        assert len(color_violations(page)) == 1


def test_link_that_looks_like_the_text_around_it_is_found(page: Page) -> None:
    link = "<a href='/' style='color: #444; text-decoration: none'>there</a>"
    show(page, f"<p style='{GOOD}'>Look for it {link} and return.</p>")

    found = color_violations(page)

    assert [one.partition(":")[0] for one in found] == ["link-in-text-block"]

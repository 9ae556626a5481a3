"""The pages of people, as an administrator uses them."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo


def open_people(page: Page, demo: Demo) -> None:
    demo.sign_in(page)
    page.locator("#nav-sidebar-apps").get_by_role("link", name="People").click()


def test_list_shows_50_people(page: Page, demo: Demo) -> None:
    open_people(page, demo)

    expect(page.get_by_role("heading", level=1)).to_have_text("People")
    assert page.locator("#result_list .data-row").count() == 50


def test_search_opens_the_page_of_a_person(page: Page, demo: Demo) -> None:
    open_people(page, demo)
    name = page.locator(".ramp-person-name bdi").nth(3).inner_text()

    page.get_by_role("searchbox").or_(page.locator("#searchbar")).first.fill(name)
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/?*q=*")
    page.locator("#result_list").get_by_role("link", name=name).first.click()

    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()


def test_list_is_filtered_by_two_departments(page: Page, demo: Demo) -> None:
    open_people(page, demo)
    everybody = page.get_by_label("Pages").inner_text()

    page.get_by_role("button", name="Filters").click()
    for option in (0, 1):
        page.locator("#changelist-filter .select2-selection").first.click()
        page.locator(".select2-results__option").nth(option).click()
    page.get_by_role("button", name="Apply Filters").click()

    filters = page.get_by_role("list", name="Active filters").get_by_role("link")
    expect(filters).to_have_count(2)
    both = page.get_by_label("Pages").inner_text()
    assert both != everybody
    filters.first.click()
    expect(filters).to_have_count(1)
    assert page.get_by_label("Pages").inner_text() != both


def test_bulk_edit_of_two_people_is_undone(page: Page, demo: Demo) -> None:
    demo.sign_in(page)
    page.goto(f"{demo.url}/people/?state=active&role__exact=BUSINESS_USER")
    for row in (0, 1):
        page.locator("input.action-select").nth(row).check()
    page.get_by_label("Select action to run").select_option(label="Edit")
    page.get_by_role("button", name="Run").click()

    page.get_by_label("Role").select_option(label="Bookkeeper")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Cardholder → Bookkeeper")).to_have_count(2)
    page.get_by_role("button", name="Change 2 people").click()

    expect(page.get_by_text("2 people were changed.")).to_be_visible()
    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The change was undone for 2 people.")).to_be_visible()


def test_organization_chart_opens_by_keyboard(page: Page, demo: Demo) -> None:
    open_people(page, demo)
    page.get_by_role("link", name="Organization chart").click()
    people = page.locator(".ramp-tree-person")
    top = people.count()

    page.locator("#main summary").first.focus()
    page.keyboard.press("Enter")

    expect(page.locator(".ramp-tree .ramp-tree")).to_be_visible()
    assert people.count() > top
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_manager_is_chosen_by_autocomplete(page: Page, demo: Demo) -> None:
    open_people(page, demo)
    page.locator("#result_list .field-name a").first.click()
    page.get_by_role("link", name="Edit", exact=True).click()

    page.locator("#select2-id_manager-container").click()
    page.locator(".select2-search__field").fill("a")
    page.locator(".select2-results__option[aria-selected], .select2-results__option").first.click()

    expect(page.locator("#select2-id_manager-container")).not_to_have_text("No manager")


def test_two_people_are_deactivated_and_reactivated(page: Page, demo: Demo) -> None:
    demo.sign_in(page)
    page.goto(f"{demo.url}/people/?state=active&role__exact=BUSINESS_USER")

    for action, value in (("Deactivate", "deactivated"), ("Reactivate", "reactivated")):
        for row in (0, 1):
            page.locator("input.action-select").nth(row).check()
        page.get_by_label("Select action to run").select_option(label=action)
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"{action} 2 people?")
        page.get_by_role("button", name=action).click()
        expect(page.get_by_text(f"2 people were {value}.")).to_be_visible()
        page.goto(f"{demo.url}/people/?state=inactive&o=1")


def test_signing_out_by_keyboard(page: Page, demo: Demo) -> None:
    demo.sign_in(page)

    page.get_by_role("button", name=demo.email).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_text("You have signed out.")).to_be_visible()


def test_signing_in_without_javascript(page: Page, demo: Demo) -> None:
    assert page.context.browser
    plain = page.context.browser.new_context(java_script_enabled=False).new_page()

    plain.goto(f"{demo.url}/sign-in/")
    expect(plain.get_by_label("Password")).to_be_visible()
    demo.sign_in(plain)

    plain.close()

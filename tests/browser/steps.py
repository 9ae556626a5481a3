"""The steps that a visitor takes in a browser: clicks, and fields that are filled in or chosen."""

from playwright.sync_api import Locator, Page


class Steps:
    """Takes steps on a page, and remembers them: `assert steps.count <= 5, steps`.

    A key that opens or sends something, such as Control+k or Enter, is a step like a click. Moving
    the focus to the next element is none.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.taken: list[str] = []

    def __repr__(self) -> str:
        return "\n".join(f"{number}. {step}" for number, step in enumerate(self.taken, 1))

    @property
    def count(self) -> int:
        return len(self.taken)

    def click(self, target: Locator) -> None:
        target.click()
        self._note(f"click {target}")

    def fill(self, field: Locator, text: str) -> None:
        field.fill(text)
        self._note(f"fill {field}")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self._note(f"press {key}")

    def type(self, text: str) -> None:
        """Type into the field that has the focus."""
        self.page.keyboard.type(text)
        self._note(f"type {text}")

    def _note(self, step: str) -> None:
        self.taken.append(step)

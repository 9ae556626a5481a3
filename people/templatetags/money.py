from django import template

from people import money
from people.models import OutstandingItem

register = template.Library()


@register.filter
def amount(item: OutstandingItem) -> str:
    """Return the amount of the item with its currency, such as “12.50 EUR”."""
    return money.format_amount(item.amount, item.currency)

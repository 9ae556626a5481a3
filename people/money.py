"""Converts and formats amounts of money, which are stored in the currency's smallest unit."""

from decimal import Decimal

# Currencies that do not have two decimal places (ISO 4217).
DIGITS = (
    dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0)
    | dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0)
    | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
    | dict.fromkeys(("CLF", "UYW"), 4)
)


def digits(currency: str) -> int:
    return DIGITS.get(currency, 2)


def format_amount(amount: int, currency: str) -> str:
    """Format the amount for pages: “1,250.00 EUR”, or “1,250 JPY”."""
    return f"{as_decimal(amount, currency):,f} {currency}"


def as_decimal(amount: int, currency: str) -> Decimal:
    """Return 12.50 for 1250 cents."""
    return Decimal(amount).scaleb(-digits(currency))


def in_smallest_unit(amount: Decimal, currency: str) -> int:
    """Return 1250 for 12.50 EUR.

    :raises ValueError: if the amount has more decimal places than the currency.
    """
    units = amount.scaleb(digits(currency))
    if units != units.to_integral_value():
        raise ValueError(currency)
    return int(units)

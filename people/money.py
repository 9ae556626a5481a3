"""Amounts of money: whole numbers of the currency's smallest unit, and how they are written."""

from decimal import Decimal

# How many digits ISO 4217 gives the fraction, where it is not two.
DIGITS = (
    dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0)
    | dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0)
    | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
    | dict.fromkeys(("CLF", "UYW"), 4)
)


def digits(currency: str) -> int:
    return DIGITS.get(currency, 2)


def written(amount: int, currency: str) -> str:
    """Return the amount for people to read: “1,250.00 EUR”, or “1,250 JPY”."""
    return f"{as_decimal(amount, currency):,f} {currency}"


def as_decimal(amount: int, currency: str) -> Decimal:
    """Return 12.50 for 1250 cents."""
    return Decimal(amount).scaleb(-digits(currency))


def in_smallest_unit(amount: Decimal, currency: str) -> int:
    """Return 1250 for 12.50 EUR.

    :raises ValueError: if the currency has no unit as small as that.
    """
    units = amount.scaleb(digits(currency))
    if units != units.to_integral_value():
        raise ValueError(currency)
    return int(units)

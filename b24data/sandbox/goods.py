"""What is sold: the products, and the rows of them in each record, which add up to its amount."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from b24data.sandbox.columns import Ints
from b24data.sandbox.moments import season

# Name, price in roubles, how often it is sold.
PRODUCTS = (
    ("CRM licence, 10 seats", 14_900, 9), ("Годовая поддержка", 48_000, 7), ("Внедрение CRM", 120_000, 4),
    ("Training day", 35_000, 5), ("Warehouse rack", 18_600, 6), ("Сервер начального уровня", 96_500, 2),
    ("Barcode scanner", 7_450, 8), ("Ноутбук 14\"", 71_200, 4), ("Integration, hour", 3_900, 9),
    ("Доставка и монтаж", 12_300, 8), ("展会搭建", 210_000, 1), ("Annual audit", 88_000, 2),
    ("Телефонная гарнитура", 5_250, 9), ("Website redesign", 164_000, 2), ("Рекламная кампания 🎯", 75_000, 3),
    ("设备采购", 132_000, 2),
)  # fmt: skip
_SOLD = 48  # products that are in use; the catalogue has more
_GAP = 0.3
# A unit of each of the sandbox's currencies in roubles, and how many rows a record has.
_ROUBLES = np.array([1.0, 82.5, 95.1, 11.4])
_ROWS = ((0, 0.03), (1, 0.25), (2, 0.29), (3, 0.2), (4, 0.14), (5, 0.09))


@dataclass(frozen=True, slots=True)
class Basket:
    """Rows of products: the ``record`` of each (its position), the ``product``, ``price`` (cents) and ``quantity``."""

    record: Ints
    product: Ints
    price: Ints
    quantity: Ints

    def amounts(self, count: int) -> Ints:
        """The sum of each of ``count`` records, in cents."""
        return np.bincount(self.record, self.price * self.quantity, count).astype(np.int64)


def basket(rng: np.random.Generator, moments: Ints, currency: Ints) -> Basket:
    """The products of records that were made at ``moments``; ``currency`` is the place in the list of currencies.

    >>> made = basket(np.random.default_rng(7), np.full(50, 1_760_000_000), np.zeros(50, np.int64))
    >>> int(made.amounts(50).sum()) == int((made.price * made.quantity).sum())
    True
    """
    sizes, shares = (np.array(part) for part in zip(*_ROWS, strict=True))
    edges = np.cumsum(shares)[:-1]
    count = sizes[np.searchsorted(edges, rng.random(len(moments)), side="right")].astype(np.int64)
    record = np.repeat(np.arange(len(moments)), count)
    weight = np.array([PRODUCTS[at % len(PRODUCTS)][2] for at in range(_SOLD)], float)
    product = np.searchsorted(np.cumsum(weight / weight.sum())[:-1], rng.random(len(record)), side="right")
    roubles = np.array([product_price(at) for at in range(_SOLD)], float)[product]
    price = np.round(roubles / _ROUBLES[currency[record]] * rng.choice([1, 1, 1, 0.95, 0.9], len(record)), 2)
    quantity = 1 + rng.poisson(1.4 * season(moments)[record])
    return Basket(record, product, np.round(price * 100).astype(np.int64), quantity.astype(np.int64))


def product_name(at: int) -> str:
    """The name of the product at a place in the catalogue."""
    name = PRODUCTS[at % len(PRODUCTS)][0]
    return f"{name}, {at // len(PRODUCTS) + 1}" if at >= len(PRODUCTS) else name


def product_price(at: int) -> int:
    """Its price in roubles."""
    return round(PRODUCTS[at % len(PRODUCTS)][1] * (1 + 0.12 * (at // len(PRODUCTS))))


def product_ids(seed: int, count: int = _SOLD) -> Ints:
    """The ids of the first products of the catalogue: the same as in ``catalog.product.list``."""
    rng = np.random.default_rng([seed, zlib.crc32(b"catalog.product.list")])
    return np.cumsum(rng.geometric(1 - _GAP, count)).astype(np.int64)


def catalogue(seed: int, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of ``crm.product.list`` as the products that are sold: their ids, names and prices."""
    ids = product_ids(seed, len(rows)).tolist()
    return [
        {**row, "ID": str(number), "NAME": product_name(at), "PRICE": f"{product_price(at)}.00"}
        for at, (row, number) in enumerate(zip(rows, ids, strict=True))
    ]

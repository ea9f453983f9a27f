"""The picture of ``b24data demo``: where the open deals stand, and what the closed ones brought month by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_OPEN, _WON, _INK, _FAINT = "#2f6db5", "#3f9b6c", "#1f2933", "#66727f"
_MONTHS = 12


def draw(deals: pd.DataFrame, stages: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the first pipeline in its main currency into a PNG file.

    ``stages`` are rows of ``crm.status.list`` in order; amounts of different currencies are not added up.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    pipeline = deals[deals["CATEGORY_ID"] == 0]
    currency = pipeline["CURRENCY_ID"].value_counts().index[0]
    mine = pipeline[pipeline["CURRENCY_ID"] == currency]

    figure = Figure(figsize=(12, 5.4), dpi=150, layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.12, wspace=0.06))
    funnel, months = figure.subplots(1, 2, width_ratios=[1.15, 1])
    _draw_funnel(funnel, mine, stages, currency)
    _draw_months(months, mine, stages, currency)
    figure.suptitle("Sales funnel, general pipeline", x=0.012, ha="left", fontsize=17, fontweight="bold", color=_INK)
    figure.supxlabel(
        f"{len(mine):,} of {len(deals):,} deals: this pipeline, in {currency}. crm.deal.list of the sandbox portal.",
        x=0.012, ha="left", fontsize=9, color=_FAINT,
    )  # fmt: skip
    figure.savefig(path, metadata={"Software": None})


def _draw_funnel(axes: Axes, deals: pd.DataFrame, stages: Sequence[Mapping[str, Any]], currency: str) -> None:
    names = {stage["STATUS_ID"]: stage["NAME"] for stage in stages if stage["SEMANTICS"] is None}
    by_stage = deals.groupby("STAGE_ID")["OPPORTUNITY"].agg(["size", "sum"]).reindex(list(names), fill_value=0)
    millions = by_stage["sum"].astype(float) / 1e6
    bars = axes.barh(list(names.values()), millions, color=_OPEN, height=0.72)
    largest = max(millions.max(), 1e-9)
    for bar, amount, count in zip(bars, millions, by_stage["size"], strict=True):
        middle = bar.get_y() + bar.get_height() / 2
        axes.text(amount + largest * 0.015, middle, f"{amount:,.1f} M", va="bottom", fontweight="bold", color=_INK)
        axes.text(amount + largest * 0.015, middle, f"{count:,} deals", va="top", color=_FAINT, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, largest * 1.2)
    axes.tick_params(axis="y", length=0, labelsize=11, labelcolor=_INK)
    axes.xaxis.set_visible(False)
    axes.spines[:].set_visible(False)
    total = f"{millions.sum():,.0f} million {currency} in {by_stage['size'].sum():,} open deals"
    axes.set_title(f"Open now: {total}", loc="left", fontsize=11, color=_FAINT, pad=10)


def _draw_months(axes: Axes, deals: pd.DataFrame, stages: Sequence[Mapping[str, Any]], currency: str) -> None:
    import pandas as pd

    won_stage = next(stage["STATUS_ID"] for stage in stages if stage["SEMANTICS"] == "S")
    closed = deals[deals["CLOSED"] & deals["CLOSEDATE"].notna()]
    month = pd.PeriodIndex(pd.to_datetime(closed["CLOSEDATE"]), freq="M")
    won = (closed["STAGE_ID"] == won_stage).astype(bool)
    facts = pd.DataFrame({"won": won.to_numpy(), "amount": closed["OPPORTUNITY"].where(won, 0).to_numpy(float)})
    by_month = facts.groupby(month).agg(share=("won", "mean"), amount=("amount", "sum")).tail(_MONTHS)

    millions = by_month["amount"] / 1e6
    names = pd.PeriodIndex(by_month.index).strftime("%b")
    labels = [f"{name}\n{share:.0%}" for name, share in zip(names, by_month["share"], strict=True)]
    bars = axes.bar(range(len(by_month)), millions, color=_WON, width=0.76, tick_label=labels)
    axes.bar_label(
        bars, [f"{amount:,.0f}" for amount in millions], padding=2, fontweight="bold", color=_INK, fontsize=9
    )
    axes.set_xlabel("share of the closed deals that were won", color=_FAINT, fontsize=9, loc="left")
    axes.tick_params(axis="x", length=0, labelcolor=_INK)
    axes.yaxis.set_visible(False)
    axes.spines[:].set_visible(False)
    first, last = by_month.index.min().strftime("%b %Y"), by_month.index.max().strftime("%b %Y")
    axes.set_title(f"Won, {first} to {last}: million {currency} a month", loc="left", fontsize=11, color=_FAINT, pad=10)

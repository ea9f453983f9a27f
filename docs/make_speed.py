"""Draws docs/images/speed.svg from the measured tables of docs/performance.md: ``python docs/make_speed.py``."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).with_name("performance.md")
CHART = PAGE.parent / "images" / "speed.svg"

SHOWN = {"wide": "any number of requests at a time", "narrow": "four requests at a time"}
WIDTH, LEFT, BAR, ROW, HEAD = 720, 130, 22, 32, 46
OURS, THEIRS = "#2f6db5", "#9aa5b1"


def seconds_of(text: str, case: str) -> dict[str, float]:
    """The wall time of each client, off the table under ``**case**``."""
    table = text.partition(f"**{case}**:")[2].partition("\n\n**")[0]
    return {name: float(wall) for name, wall in re.findall(r"^\| (\w+) \| ([\d.]+) s \|", table, flags=re.MULTILINE)}


def chart(text: str) -> str:
    """The picture: a bar for each client, one group for each case, all to one scale."""
    cases = {case: seconds_of(text, case) for case in SHOWN}
    longest = max(max(seconds.values()) for seconds in cases.values())
    scale = (WIDTH - LEFT - 90) / longest
    parts, y = [], 0
    for case, seconds in cases.items():
        parts.append(_text(0, y + 24, f"A portal that works on {SHOWN[case]}", weight=600))
        y += HEAD
        for name, wall in seconds.items():
            parts += _bar(y, name, wall, scale)
            y += ROW
        y += 10
    title = f"Seconds to read 100,000 deals: {'; '.join(_told(case, cases[case]) for case in cases)}"
    return _svg(y, title, parts)


def _told(case: str, seconds: dict[str, float]) -> str:
    return f"{case}: " + ", ".join(f"{name} {wall:g}" for name, wall in seconds.items())


def _bar(y: float, name: str, wall: float, scale: float) -> list[str]:
    ours = name == "b24data"
    width = wall * scale
    return [
        _text(LEFT - 10, y + 16, name, anchor="end", weight=600 if ours else 400),
        f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" fill="{OURS if ours else THEIRS}"/>',
        _text(LEFT + width + 8, y + 16, f"{wall:g} s", weight=600 if ours else 400),
    ]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: int = 400) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{text}</text>'


def _svg(height: float, title: str, parts: list[str]) -> str:
    box = f'viewBox="-16 -10 {WIDTH + 32} {height + 20:g}"'
    font = 'font-family="system-ui, Segoe UI, Helvetica, Arial, sans-serif" font-size="15" fill="#1f2933"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} {font} role="img">',
        f"<title>{title}</title>",
        f'<rect x="-16" y="-10" width="{WIDTH + 32}" height="{height + 20:g}" rx="6" fill="#ffffff"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    CHART.write_text(chart(PAGE.read_text("utf-8")), "utf-8")

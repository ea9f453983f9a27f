"""The other side: a sandbox portal that knows nothing of the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from b24data.sandbox.options import CostModel
    from b24data.sandbox.sandbox import SandboxPortal
    from b24data.sandbox.stats import Stats, Truth

__all__ = ["CostModel", "SandboxPortal", "Stats", "Truth"]

_HOMES = {
    "CostModel": "options",
    "SandboxPortal": "sandbox",
    "Stats": "stats",
    "Truth": "stats",
}


def __getattr__(name: str) -> Any:
    """Import a part when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

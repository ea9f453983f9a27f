"""Whole Bitrix24 lists as typed pandas DataFrames and Parquet files.

>>> from b24data import Sandbox
>>> with Sandbox(deals=120) as portal:
...     deals = portal.connect().tools.fetch_all("crm.deal.list", select=["ID", "TITLE", "OPPORTUNITY"])
>>> len(deals), deals.attrs["b24data"]["complete"]
(120, True)

Everything public is in ``__all__``. What needs httpx, pandas or a server is imported when it is first used,
so that ``import b24data`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from b24data.errors import (
    AccessDeniedError,
    AjaxError,
    AuthorizationRequiredError,
    BadReplyError,
    BatchError,
    ConfigError,
    ExportError,
    IncompleteFetchError,
    MethodNotFoundError,
    MissingExtraError,
    OperatingLimitError,
    PortalsError,
    ProtocolViolationError,
    RateLimitedError,
    RefreshTokenError,
    RequestTimeoutError,
    SchemaError,
    SdkError,
    ServerError,
    TransportError,
)
from b24data.params import AdaptiveConfig, ApiVersion, OperatingLimitConfig, RateLimitConfig, RestrictionParams
from b24data.report import ConditionReport, EarlierRuns, FetchReport
from b24data.tokens import AuthData, B24OAuthParams, B24OAuthSecret, EnumAppStatus
from b24data.version import __version__

if TYPE_CHECKING:
    from b24data.actions.results import AjaxResult, Result
    from b24data.auth.postgres import PostgresTokenStore
    from b24data.auth.store import FileTokenStore, KeyringTokenStore, StoredTokens, TokenStore
    from b24data.client.client import B24Hook, B24OAuth
    from b24data.client.connect import connect
    from b24data.crm.open import open_crm
    from b24data.crm.report import CrmReport, TableReport
    from b24data.engines import dask, dlt
    from b24data.frames.explode import explode, first
    from b24data.portals.connect import connect_all
    from b24data.portals.outcome import PortalOutcome
    from b24data.portals.portals import Portals
    from b24data.portals.profiles import profiles
    from b24data.signin.login import login
    from b24data.signin.panel import AuthPanel
    from b24data.sync.report import SyncReport
    from b24data.testing.sandbox import Sandbox

__all__ = [
    "AccessDeniedError",
    "AdaptiveConfig",
    "AjaxError",
    "AjaxResult",
    "ApiVersion",
    "AuthData",
    "AuthPanel",
    "AuthorizationRequiredError",
    "B24Hook",
    "B24OAuth",
    "B24OAuthParams",
    "B24OAuthSecret",
    "BadReplyError",
    "BatchError",
    "ConditionReport",
    "ConfigError",
    "CrmReport",
    "EarlierRuns",
    "EnumAppStatus",
    "ExportError",
    "FetchReport",
    "FileTokenStore",
    "IncompleteFetchError",
    "KeyringTokenStore",
    "MethodNotFoundError",
    "MissingExtraError",
    "OperatingLimitConfig",
    "OperatingLimitError",
    "PortalOutcome",
    "Portals",
    "PortalsError",
    "PostgresTokenStore",
    "ProtocolViolationError",
    "RateLimitConfig",
    "RateLimitedError",
    "RefreshTokenError",
    "RequestTimeoutError",
    "RestrictionParams",
    "Result",
    "Sandbox",
    "SchemaError",
    "SdkError",
    "ServerError",
    "StoredTokens",
    "SyncReport",
    "TableReport",
    "TokenStore",
    "TransportError",
    "__version__",
    "connect",
    "connect_all",
    "dask",
    "dlt",
    "explode",
    "first",
    "login",
    "open_crm",
    "profiles",
]

_LAZY_MODULES = {"dask": "b24data.engines.dask", "dlt": "b24data.engines.dlt"}
_LAZY = {
    "FileTokenStore": "b24data.auth.store",
    "KeyringTokenStore": "b24data.auth.store",
    "PostgresTokenStore": "b24data.auth.postgres",
    "StoredTokens": "b24data.auth.store",
    "TokenStore": "b24data.auth.store",
    "B24Hook": "b24data.client.client",
    "B24OAuth": "b24data.client.client",
    "AuthPanel": "b24data.signin.panel",
    "SyncReport": "b24data.sync.report",
    "PortalOutcome": "b24data.portals.outcome",
    "Portals": "b24data.portals.portals",
    "connect": "b24data.client.connect",
    "connect_all": "b24data.portals.connect",
    "profiles": "b24data.portals.profiles",
    "CrmReport": "b24data.crm.report",
    "TableReport": "b24data.crm.report",
    "open_crm": "b24data.crm.open",
    "explode": "b24data.frames.explode",
    "first": "b24data.frames.explode",
    "login": "b24data.signin.login",
    "AjaxResult": "b24data.actions.results",
    "Result": "b24data.actions.results",
    "Sandbox": "b24data.testing.sandbox",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY_MODULES:
        value: Any = importlib.import_module(_LAZY_MODULES[name])
    elif name in _LAZY:
        value = getattr(importlib.import_module(_LAZY[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext b24data``: bring ``%b24`` into a notebook."""
    importlib.import_module("b24data.jupyter.magics").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext b24data``."""
    importlib.import_module("b24data.jupyter.magics").unload(shell)

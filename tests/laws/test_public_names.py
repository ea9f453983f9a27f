import pytest

import b24data

PUBLIC = [
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


def test_public_names__are_exactly_the_ones_written_here():
    assert sorted(b24data.__all__) == sorted(PUBLIC)


def test_public_names__all_resolve_and_say_what_they_are():
    for name in set(PUBLIC) - {"__version__"}:
        assert getattr(b24data, name).__doc__, name


def test_public_names__dir_and_star_import_show_the_same_list():
    namespace: dict[str, object] = {}
    exec("from b24data import *", namespace)
    assert dir(b24data) == sorted(PUBLIC)
    assert set(PUBLIC) <= set(namespace)


def test_public_names__every_error_of_the_tree_is_among_them():
    from b24data import errors

    assert set(errors.__all__) <= set(PUBLIC)


def test_public_names__a_wrong_name_is_an_attribute_error_that_repeats_it():
    with pytest.raises(AttributeError, match="B24Oauth"):
        b24data.B24Oauth  # noqa: B018

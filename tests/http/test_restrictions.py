"""Limits and patience as people write them: both spellings, and a wrong word named before anything is sent."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from b24data import B24Hook, B24OAuth, ConfigError, connect
from b24data.http.restrictions import restrictions_of
from b24data.params import AdaptiveConfig, OperatingLimitConfig, RateLimitConfig, RestrictionParams

HOOK = "https://your-portal.bitrix24.com/rest/1/a-code/"
PAIR = {"accessToken": "a", "refreshToken": "r", "domain": "your-portal.bitrix24.com"}
SECRET = {"clientId": "c", "clientSecret": "s"}

JS = {
    "rateLimit": {"burstLimit": 30, "drainRate": 1, "adaptiveEnabled": False},
    "operatingLimit": {"windowMs": 600_000, "limitMs": 420_000, "heavyPercent": 50},
    "adaptiveConfig": {"enabled": False, "thresholdPercent": 60, "coefficient": 0.02, "maxDelay": 2_500},
    "maxRetries": 5,
    "retryDelay": 250,
    "retryOnNetworkError": False,
    "hardErrorCodes": ["A"],
    "softErrorCodes": ["B", "C"],
}
OURS = RestrictionParams(
    rate_limit=RateLimitConfig(burst_limit=30, drain_rate=1, adaptive_enabled=False),
    operating_limit=OperatingLimitConfig(window_s=600, limit_s=420, heavy_percent=50),
    adaptive_config=AdaptiveConfig(enabled=False, threshold_percent=60, coefficient=0.02, max_delay_s=2.5),
    max_retries=5,
    retry_delay_s=0.25,
    retry_on_network_error=False,
    hard_error_codes=("A",),
    soft_error_codes=("B", "C"),
)


@pytest.mark.parametrize(
    "given",
    [
        JS,
        asdict(OURS),
        OURS,
        {"restrictionParams": JS},
        {"restriction_params": OURS},
        {**asdict(OURS), "rate_limit": OURS.rate_limit},
        {**asdict(OURS), "adaptive_config": JS["adaptiveConfig"]},
    ],
)
def test_restrictions_of__takes_every_spelling(given: Any) -> None:
    assert restrictions_of(given) == OURS


@pytest.mark.parametrize("given", [None, {}, {"restrictionParams": None}, {"maxRetries": None}, RestrictionParams()])
def test_restrictions_of__what_is_left_out_is_the_default(given: Any) -> None:
    assert restrictions_of(given) == RestrictionParams()


@pytest.mark.parametrize("preset", ["default", "enterprise", "batch_processing", "realtime"])
def test_restrictions_of__presets_are_as_they_are(preset: str) -> None:
    params = getattr(RestrictionParams, preset)()
    assert restrictions_of(params) == params == restrictions_of(asdict(params))


def test_restrictions_of__numbers_of_numpy_are_numbers() -> None:
    params = restrictions_of({"max_retries": np.int64(4), "rate_limit": {"drain_rate": np.float32(0.5)}})
    assert (params.max_retries, type(params.max_retries), params.rate_limit.drain_rate) == (4, int, 0.5)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"maxRetry": 5}, "has no 'maxRetry'. Hint: did you mean maxRetries?"),
        ({"max_retry": 5}, "has no 'max_retry'. Hint: did you mean max_retries?"),
        ({"retry_delay": 1}, "did you mean retry_delay_s?"),
        ({"retryDelai": 1}, "did you mean retryDelay?"),
        ({"zzz": 1}, "it takes"),
        ({5: 1}, "has no 5"),
        ({"rateLimit": {"burst": 5}}, "restriction_params.rate_limit has no 'burst'"),
        ({"rate_limit": {"burst_limits": 5}}, "did you mean burst_limit?"),
        ({"operatingLimit": {"windowS": "x"}}, "restriction_params.operating_limit.window_s is 'x'"),
        ({"operatingLimit": {"limitMs": "420000"}}, "limitMs"),
        ({"rateLimit": 5}, "restriction_params.rate_limit is 5"),
        ({"rate_limit": AdaptiveConfig()}, "restriction_params.rate_limit is a AdaptiveConfig"),
        ({"adaptiveConfig": [1]}, "restriction_params.adaptive_config is a list"),
        ({"maxRetries": "5"}, "restriction_params.max_retries is '5', which is not a whole number"),
        ({"max_retries": 2.5}, "max_retries is 2.5"),
        ({"max_retries": True}, "max_retries is True"),
        ({"max_retries": -1}, "max_retries is -1. Hint: give 0 or more"),
        ({"retry_delay_s": float("nan")}, "retry_delay_s is nan"),
        ({"retry_delay_s": -0.5}, "retry_delay_s is -0.5"),
        ({"rate_limit": {"drain_rate": 0}}, "drain_rate is 0. Hint: give more than 0"),
        ({"rate_limit": {"burst_limit": 0}}, "burst_limit is 0"),
        ({"retryOnNetworkError": "no"}, "retry_on_network_error is 'no'. Hint: give True or False"),
        ({"hardErrorCodes": "ERROR"}, "hard_error_codes is 'ERROR'. Hint: give a list"),
        ({"soft_error_codes": ["A", 5]}, "soft_error_codes has 5"),
        ({"maxRetries": 5, "max_retries": 5}, "has max_retries twice"),
        ({"retryDelay": 5, "retry_delay_s": 5}, "has retry_delay_s twice"),
        ("fast", "restriction_params is 'fast'"),
        (5, "restriction_params is 5"),
        ([JS], "restriction_params is a list"),
        (RestrictionParams(max_retries="5"), "max_retries is '5'"),  # type: ignore[arg-type]
        (RestrictionParams(rate_limit={"burst": 5}), "has no 'burst'"),  # type: ignore[arg-type]
        (RestrictionParams(rate_limit=RateLimitConfig(drain_rate=-2)), "rate_limit.drain_rate is -2"),
    ],
)
def test_the_clients__name_a_wrong_word_when_they_are_made(given: Any, says: str) -> None:
    for make in (lambda: B24Hook(HOOK, given), lambda: B24OAuth(PAIR, SECRET, given)):
        with pytest.raises(ConfigError) as caught:
            make()
        assert says in str(caught.value)
    with pytest.raises(ConfigError):
        B24Hook(HOOK).set_restriction_manager_params(given)


def test_the_clients__take_a_mapping() -> None:
    for client in (B24Hook(HOOK, JS), B24OAuth(PAIR, SECRET, {"restrictionParams": JS})):
        assert client.session.params == OURS
        client.set_restriction_manager_params({"maxRetries": 1})
        assert client.session.params.max_retries == 1


def test_connect__takes_a_mapping_and_names_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B24_WEBHOOK", HOOK)
    assert connect(restriction_params={"maxRetries": 1}).session.params.max_retries == 1
    with pytest.raises(ConfigError, match=r"^restriction_params has no 'maxRetry'"):
        connect(restriction_params={"maxRetry": 1})


def test_restrictions_of__a_secret_in_the_wrong_place_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        B24Hook(HOOK, "https://your-portal.bitrix24.com/rest/1/s3cr3t-code/")  # type: ignore[arg-type]
    assert "s3cr3t" not in str(caught.value)

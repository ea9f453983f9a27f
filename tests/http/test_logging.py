"""Handlers of the user's own: whatever they do, a call that was made is a call that is answered."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator

import pytest

from b24data import B24Hook, Sandbox
from b24data.errors import SdkError
from b24data.http import log_filter
from b24data.http.log_filter import ContainingFilter, tell
from tests.raw_portal import RawPortal, http


class Shipper(logging.Handler):
    """A log shipper whose server is away. ``only``: what has to be in a line that it fails with."""

    def __init__(self, only: str = "", error: type[Exception] = ConnectionError) -> None:
        super().__init__()
        self.only, self.error = only, error

    def emit(self, record: logging.LogRecord) -> None:
        if self.only in record.getMessage():
            raise self.error("the log server is away")


@pytest.fixture
def mine() -> Iterator[logging.Logger]:
    log_filter._warn.cache_clear()
    logger = logging.getLogger("mine")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield logger
    logger.handlers.clear()
    logger.filters.clear()
    log_filter._warn.cache_clear()


@pytest.mark.parametrize("only", ["", " in "])
@pytest.mark.parametrize("error", [ConnectionError, ValueError, RuntimeError, SdkError, TimeoutError])
def test_a_handler_that_raises__ends_no_call_and_is_warned_of_once(
    mine: logging.Logger, only: str, error: type[Exception]
) -> None:
    mine.addHandler(Shipper(only, error))
    with RawPortal(lambda _: http({"result": 77})) as portal:
        b24 = B24Hook(portal.hook)
        b24.set_logger(mine)
        with pytest.warns(UserWarning, match="a handler of the logger 'mine' raises") as warned:
            answers = [b24.actions.v2.call.make(method="crm.deal.add", params={"fields": {}}).result for _ in range(3)]
        assert answers == [77, 77, 77]
        assert len(portal.seen) == 3
        assert len(warned) == 1


def test_a_filter_that_raises__ends_no_call(mine: logging.Logger) -> None:
    mine.addFilter(lambda _: 1 / 0)  # type: ignore[arg-type]
    with Sandbox(deals=3) as portal:
        b24 = portal.connect()
        b24.set_logger(mine)
        with pytest.warns(UserWarning, match="ZeroDivisionError"):
            assert len(b24.tools.fetch_all("crm.deal.list", ["ID"], progress=False)) == 3


@pytest.mark.parametrize("name", ["httpx", "httpcore", "b24data", "root"])
def test_a_handler_of_any_logger_on_the_way__ends_no_call(mine: logging.Logger, name: str) -> None:
    handler, logger = Shipper(), logging.getLogger() if name == "root" else logging.getLogger(name)
    logger.addHandler(handler)
    try:
        with RawPortal(lambda _: http({"result": 77})) as portal, pytest.warns(UserWarning, match="raises Connection"):
            assert B24Hook(portal.hook).actions.v2.call.make(method="crm.deal.add").result == 77
    finally:
        logger.removeHandler(handler)


def test_a_warning_that_is_an_error__ends_no_call_either(mine: logging.Logger) -> None:
    mine.addHandler(Shipper())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tell(mine, logging.INFO, "sent")


def test_a_handler_that_works__gets_every_record_once(mine: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("b24data.test")
    logger.addFilter(ContainingFilter())
    with caplog.at_level(logging.INFO, logger="b24data.test"):
        logger.info("token=%s \x1b", "s3cr3t")
        tell(logger, logging.WARNING, "%d rows", 3)
    assert [record.getMessage() for record in caplog.records] == ["token=*** \\u001b", "3 rows"]
    assert caplog.records[1].funcName == "test_a_handler_that_works__gets_every_record_once"


def test_a_display_of_progress_that_raises__ends_no_fetch(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(deals=3) as portal:
        frame = portal.connect().tools.fetch_all("crm.deal.list", ["ID"], progress=lambda _: 1 / 0)
    assert len(frame) == 3
    assert caplog.text.count("the progress display failed") == 1

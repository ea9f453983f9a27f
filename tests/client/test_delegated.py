from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import pytest

from b24data import AccessDeniedError, B24Hook, B24OAuth, ConfigError, Sandbox
from b24data.auth.store import FileTokenStore


class Recorded:
    """Answers every list with the same rows, uncounted or counted."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.called: list[str] = []

    def call(self, method: str, params: Any = None, *, request_id: str | None = None) -> Any:
        self.called.append(method)
        return self.answer


def hook(answer: Any) -> tuple[B24Hook, Recorded]:
    b24, caller = B24Hook("https://your-portal.bitrix24.com/rest/1/a-code/"), Recorded(answer)
    b24.set_http_client("v2", caller)
    return b24, caller


def test_set_http_client__calls_and_lists_go_through_anything_that_can_call() -> None:
    rows = [{"id": 1, "name": "General"}, {"id": 2, "name": "Partners"}]
    b24, caller = hook({"result": {"categories": rows}, "total": 2})
    found = b24.actions.v2.call.make(method="crm.category.list", params={"entityTypeId": 2})
    frame = b24.tools.fetch_all("crm.category.list", params={"entityTypeId": 2}, check_fields=False, progress=False)
    assert found.result == {"categories": rows}
    assert frame["name"].to_list() == ["General", "Partners"]
    assert caller.called.count("crm.category.list") == 2
    assert frame.attrs["b24data"]["requests"] == len(caller.called) - 1  # the call before it was not the list's


@pytest.mark.parametrize("code", ["", 0, None, "ERROR_CORE"])
def test_set_http_client__an_error_of_the_portal_is_one(code: Any) -> None:
    b24, _ = hook({"error": code, "error_description": "Access denied."})
    result = b24.actions.v2.call.make(method="crm.deal.get", params={"id": 5})
    assert [type(error) for error in result.get_errors()] == [AccessDeniedError]


@pytest.mark.parametrize("answer", [None, [], "text", {"rows": []}])
def test_set_http_client__an_answer_that_is_none_is_refused(answer: Any) -> None:
    b24, _ = hook(answer)
    with pytest.raises(ConfigError, match="the custom http client answered profile"):
        b24.actions.v2.call.make(method="profile")


def test_set_http_client__labels_are_asked_for_through_it_after_the_tools_were_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Sandbox(deals=60) as portal:
        b24, other = portal.hook(), portal.hook().session
        called: list[str] = []
        call = other.call
        monkeypatch.setattr(other, "call", lambda method, *a, **more: called.append(method) or call(method, *a, **more))
        b24.tools.fetch_all("crm.deal.list", ["ID"], progress=False)
        b24.set_http_client("v2", other)
        frame = b24.tools.fetch_all("crm.deal.list", ["ID", "STAGE_ID"], labels="add", progress=False)
    assert "STAGE_ID_LABEL" in frame
    assert called.count("batch") == 2  # the pages, and the stages


def test_set_logger__refreshes_log_to_it_too(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(**_: Any) -> None:
        raise ValueError("the disk is away")

    with Sandbox(deals=1) as portal, portal.connect() as b24:
        b24.set_logger(logging.getLogger("my.app"))
        b24.set_callback_refresh_auth(refuse)
        with caplog.at_level(logging.ERROR, "my.app"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            b24.auth.refresh_auth()
    assert [record.name for record in caplog.records if "callback" in record.message] == ["my.app"]


def test_set_logger__tokens_that_could_not_be_written_are_logged_to_it_too(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileTokenStore(tmp_path / "pair.json")
    with Sandbox(deals=1) as portal:
        b24 = B24OAuth(portal.oauth_params(), portal.oauth_secret(), store=store)
        b24.set_logger(logging.getLogger("my.app"))
        save = store.save
        monkeypatch.setattr(store, "save", lambda new: save(new) if new.refreshing else refuse_disk())
        with caplog.at_level(logging.ERROR), pytest.warns(UserWarning, match="could not be saved"):
            b24.auth.refresh_auth()
        b24.destroy()
    written = [record for record in caplog.records if "could not be written" in record.message]
    assert [record.name for record in written] == ["my.app"]
    assert written[0].exc_info


def refuse_disk() -> None:
    raise OSError(28, "No space left on device")

"""The batch method, reference by reference."""

from __future__ import annotations

import pytest

from b24data.sandbox.answers import Answer
from b24data.sandbox.batch import run_batch
from b24data.sandbox.errors import PortalError

PAGE = "crm.deal.list?select[]=ID&order[ID]=ASC&start=-1"


def batch(call, portal, cmd, **params):
    return call(portal, "batch", {"cmd": cmd, **params})["result"]


def test_chain__references_walk_the_whole_list(portal, call):
    cmd = {"c0": PAGE}
    cmd |= {f"c{at}": f"{PAGE}&filter[>ID]=$result[c{at - 1}][49][ID]" for at in range(1, 5)}
    result = batch(call, portal, cmd)["result"]
    assert [int(row["ID"]) for key in cmd for row in result[key]] == portal.truth().ids


def test_chain__items_are_referenced_below_their_key(portal, call):
    page = "crm.item.list?entityTypeId=2&select[]=id&order[id]=ASC&start=-1"
    cmd = {"a": page, "b": f"{page}&filter[%3Eid]=%24result%5Ba%5D%5Bitems%5D%5B49%5D%5Bid%5D"}
    result = batch(call, portal, cmd)["result"]
    ids = [row["id"] for key in cmd for row in result[key]["items"]]
    assert ids == portal.truth().ids[:100]


@pytest.mark.parametrize("unresolved", ["empty", "literal"])
def test_unresolved_reference__matches_everything(start, call, unresolved):
    portal = start(deals=60, unresolved=unresolved)
    cmd = {"a": f"{PAGE}&filter[>ID]=999999999", "b": f"{PAGE}&filter[>ID]=$result[a][49][ID]"}
    result = batch(call, portal, cmd)["result"]
    assert result["a"] == []
    assert [int(row["ID"]) for row in result["b"]] == portal.truth().ids[:50]


def test_maps__keys_from_zero_are_a_list_and_empty_ones_too(portal, call):
    listed = batch(call, portal, ["user.current", "nope", "server.time"])
    assert set(listed["result"]) == {"0", "2"}
    assert listed["result_error"] == {
        "1": {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}
    }
    named = batch(call, portal, {"a": "server.time"})
    assert set(named["result"]) == {"a"}
    assert named["result_error"] == named["result_total"] == named["result_next"] == []
    failed = batch(call, portal, ["nope"])
    assert failed["result"] == failed["result_time"] == []
    assert isinstance(failed["result_error"], list)


def test_halt__stops_at_the_first_error(portal, call):
    cmd = {"a": "server.time", "b": "nope", "c": "server.time"}
    assert set(batch(call, portal, cmd, halt=1)["result"]) == {"a"}
    assert set(batch(call, portal, cmd, halt=0)["result"]) == {"a", "c"}


def test_length__commands_beyond_fifty_fail_each(portal, call):
    found = batch(call, portal, {f"c{at}": "server.time" for at in range(53)})
    assert len(found["result"]) == 50
    assert {error["error"] for error in found["result_error"].values()} == {"ERROR_BATCH_LENGTH_EXCEEDED"}
    assert set(found["result_error"]) == {"c50", "c51", "c52"}


def test_nesting__is_refused(portal, call):
    found = batch(call, portal, {"a": "batch?cmd[0]=server.time"})
    assert found["result_error"]["a"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


def test_form_body__doubly_encoded_commands(portal, http):
    data = {"cmd[first]": "crm.deal.list?filter%5B%3CID%5D=20&select[]=ID", "halt": "0"}
    result = http.post(portal.webhook_url + "batch", data=data).json()["result"]
    assert [int(row["ID"]) for row in result["result"]["first"]] == [n for n in portal.truth().ids if n < 20]
    assert result["result_total"]["first"] == len(result["result"]["first"])


def test_batch__is_one_request_and_each_command_counts_for_itself(portal, call):
    batch(call, portal, [PAGE] * 10)
    assert portal.stats.requests == 1
    assert portal.stats.commands == {"crm.deal.list": 10}


def test_time__each_command_has_its_own(start, call):
    portal = start(cost=0.02, time_scale=1000)
    found = batch(call, portal, [PAGE, PAGE])
    first, second = found["result_time"]
    assert second["operating"] == pytest.approx(2 * first["operating"])
    assert second["start"] == pytest.approx(first["finish"])


def answer_of(text):
    return Answer([text.encode()])


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("$result[a][list][1]", "5"),
        ("$result[a][flag]", "1"),
        ("$result[a][off]", ""),
        ("x$result[a][list][0]y", "x4y"),
        ("$result[a][none]", ""),
        ("$result[zzz][0]", ""),
        ("$result[a][list]", {"0": 4, "1": 5}),
    ],
)
def test_reference__becomes_what_php_makes_of_it(reference, expected):
    seen = {}

    def run(at, method, params):
        seen[method] = params
        return answer_of('{"list":[4,5],"flag":true,"off":false,"none":null}'), b"{}"

    run_batch({"cmd": {"a": "one", "b": f"two?x={reference}"}}, run, unresolved="empty")
    found = seen["two"]["x"]
    assert (dict(enumerate(found)) if isinstance(found, list) else found) == (
        {int(key): value for key, value in expected.items()} if isinstance(expected, dict) else expected
    )


def test_error__of_a_command_leaves_the_others():
    def run(at, method, params):
        if method == "bad":
            raise PortalError(400, "BROKEN", "it is broken")
        return answer_of("1"), b"{}"

    body = b"".join(run_batch({"cmd": {"a": "bad", "b": "good"}}, run, unresolved="empty").pieces)
    assert b'"result":{"b":1}' in body
    assert b'"result_error":{"a":{"error":"BROKEN"' in body

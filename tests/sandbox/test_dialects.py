"""The documented list methods beside the big ones: each in its own dialect."""

from __future__ import annotations

import pytest

from b24data.sandbox.documented import HIDDEN_ID, documented, made_rows, row_id

V2 = documented("v2")
REQUIRED = {
    "select.id": ("select", ["id", "iblockId", "name"]),
    "select.iblockId": ("select", ["id", "iblockId", "name"]),
    "select": ("select", ["documentId"]),
}


def asked(name):
    """Parameters that a method can't do without."""
    known, params = V2[name], {}
    row = known.rows[0] if known.rows else {}
    for wanted in known.required:
        one = wanted.split("|")[0]
        head, _, inner = one.partition(".")
        if one in REQUIRED:
            params[REQUIRED[one][0]] = REQUIRED[one][1]
        elif head == "filter" and inner:
            params.setdefault(known.filter, {})[inner] = row.get(inner.lstrip("="), 1)
        else:
            params[one] = 1
    return params


def rows_in(known, result):
    for step in known.at.split(".") if known.at else []:
        result = result[step] if isinstance(result, dict) else []
    return list(result.values()) if isinstance(result, dict) else result


@pytest.fixture
def rows(portal, call):
    def rows(name, params=None):
        answer = call(portal, name, {**asked(name.lower()), **(params or {})})
        assert "result" in answer, answer
        return rows_in(V2[name.lower()], answer["result"])

    return rows


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_samples__every_method_has_rows_or_a_result(version):
    known = {name: one for name, one in documented(version).items() if not one.seen}
    assert len(known) == {"v2": 315, "v3": 40}[version]
    assert [name for name, one in known.items() if not one.is_list and one.result is None] == []


def test_made_rows__ids_are_distinct_and_of_the_samples_type():
    for known in [*V2.values(), *documented("v3").values()]:
        if known.is_list:
            made = made_rows(known, seed=3, count=60)
            ids = [row_id(row, known) for row in made]
            assert len(set(map(str, ids))) == 60, known.method
            if known.id in known.rows[0]:
                assert {type(row[known.id]) for row in made} == {type(row[known.id]) for row in known.rows}
            assert made == made_rows(known, seed=3, count=60)


def test_every_documented_method__answers_in_its_documented_place(portal, http):
    for name, known in V2.items():
        params = asked(name)
        body = list(params.values()) if known.positional else params
        answer = http.post(portal.webhook_url + name, json=body).json()
        assert "result" in answer, (name, answer)
        if known.is_list and known.id:
            assert all(isinstance(row, dict) for row in rows_in(known, answer["result"])), name


def test_every_list_with_start__brings_each_row_once(portal, call):
    odd = ("disk.file.search", "mobile.intranet.departments.get")  # a `next` that leads nowhere
    for name, known in V2.items():
        if known.paging in ("start", "start_no_count") and name not in odd:
            ids, start = [], 0
            while start is not None:
                answer = call(portal, name, {**asked(name), known.params[0]: start})
                ids += [row_id(row, known) for row in rows_in(known, answer["result"])]
                start = None if answer.get("next") == -1 else answer.get("next")
            truth = portal.truth(name, params=asked(name))
            if known.id in known.rows[0]:
                assert ids == truth.ids, name
            else:
                assert len(ids) == truth.count, name


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("catalog.product.list", {}, "select.id"),
        ("catalog.product.list", {"select": ["id", "iblockId"]}, "filter.iblockId"),
        ("crm.timeline.comment.list", {"filter": {"ENTITY_ID": 1}}, "filter.ENTITY_TYPE"),
        ("crm.item.productrow.list", {"filter": {"ownerType": "D", "=ownerId": 1}}, "filter.=ownerType"),
        ("userfieldconfig.list", {}, "moduleId"),
        ("lists.element.get", {"IBLOCK_TYPE_ID": "lists"}, "IBLOCK_ID|IBLOCK_CODE"),
    ],
)
def test_required__a_missing_parameter_is_named(portal, http, method, params, message):
    reply = http.post(portal.webhook_url + method, json=params)
    assert (reply.status_code, reply.json()["error"]) == (400, "ERROR_ARGUMENT")
    assert f"'{message}'" in reply.json()["error_description"]


def test_ids__only_in_the_documented_spelling(rows):
    assert [row["id"] for row in rows("catalog.store.list", {"filter": {">id": 100}})] != []
    everything = rows("catalog.store.list")
    assert rows("catalog.store.list", {"filter": {">ID": 100}}) == everything
    assert min(row["id"] for row in rows("catalog.store.list", {"filter": {">id": 100}})) > 100


def test_ids__a_range_that_is_not_promised_is_ignored(rows):
    params = {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 1}
    found = rows("lists.element.get", {**params, "FILTER": {">ID": 100}})
    assert found == rows("lists.element.get", params)
    assert isinstance(found[0]["PROPERTY_951"], dict)
    down = rows("lists.element.get", {**params, "ELEMENT_ORDER": {"ID": "DESC"}})
    assert int(down[0]["ID"]) > int(found[0]["ID"])


def test_workgroups__upper_case_in_camel_case_out_and_short_pages(portal, call, rows):
    assert rows("socialnetwork.api.workgroup.list")[0].keys() == {"id"}
    found = rows("socialnetwork.api.workgroup.list", {"select": ["ID", "NAME"], "order": {"ID": "DESC"}})
    assert set(found[0]) == {"id", "name"}
    assert len(found) < 50
    answer = call(portal, "socialnetwork.api.workgroup.list", {"start": 0})
    assert answer["next"] == 50
    assert answer["total"] > portal.truth("socialnetwork.api.workgroup.list").count


def test_elapsed_time__counts_by_position(portal, http):
    url = portal.webhook_url + "task.elapseditem.getlist"

    def found(*given):
        return [int(row["ID"]) for row in http.post(url, json=list(given)).json()["result"]]

    rows = portal.rows("task.elapseditem.getlist")
    tasks = [row["TASK_ID"] for row in rows]
    task = max(tasks, key=tasks.count)
    one = found(task, {"ID": "ASC"}, {}, ["*"], {"NAV_PARAMS": {"nPageSize": 50, "iNumPage": 1}})
    assert one == portal.truth("task.elapseditem.getlist", params={"TASKID": task}).ids
    assert one == [int(row["ID"]) for row in rows if row["TASK_ID"] == task]
    assert len(one) > 1
    every = portal.truth("task.elapseditem.getlist").ids
    assert found({"ID": "ASC"}, {">ID": every[9]}) == every[10:60]
    assert found(task, {">ID": one[0]}) == one  # the filter in the place of the order
    size, last = len(one) - 1, one[-1:]
    assert found(task, {}, {}, [], {"NAV_PARAMS": {"nPageSize": size, "iNumPage": 2}}) == last
    assert found(task, {}, {}, [], {"NAV_PARAMS": {"nPageSize": size, "iNumPage": 9}}) == last
    batch = http.post(portal.webhook_url + "batch", json={"cmd": ["task.elapseditem.getlist?0=691"]}).json()
    assert batch["result"]["result_error"][0]["error"] == "ERROR_CORE"


def test_requisite_links__stop_early_in_a_batch(portal, call):
    commands = {f"p{start}": f"crm.requisite.link.list?start={start}" for start in range(0, 600, 50)}
    found = call(portal, "batch", {"cmd": commands})["result"]["result"]
    assert [len(page) for page in found.values()] == [50] * 8 + [0] * 4
    assert len(call(portal, "crm.requisite.link.list", {"start": 550})["result"]) == 32


def test_files__the_offset_is_capped_and_no_total_tells(portal, call):
    first, beyond = (call(portal, "disk.file.search", {"QUERY": "a", "start": start}) for start in (1000, 5000))
    assert first["result"] == beyond["result"]
    assert "total" not in first


def test_offline_events__are_gone_once_they_were_read(start, call):
    portal = start(lists={"event.offline.get": 3})
    assert len(call(portal, "event.offline.get", {"clear": 0})["result"]["events"]) == 3
    assert len(call(portal, "event.offline.get")["result"]["events"]) == 3
    assert call(portal, "event.offline.get")["result"]["events"] == []


def test_order_entities__minus_one_is_everything(rows):
    assert len(rows("crm.orderentity.list", {"start": -1})) == 130


def test_templates__are_an_object_by_id(portal, call):
    result = call(portal, "crm.documentgenerator.template.list", {"filter": {">id": 100}})["result"]["templates"]
    assert {key: row["id"] for key, row in result.items()} == {key: key for key in result}


def test_old_tasks__by_id_until_an_empty_list(portal, call):
    pages = [call(portal, "task.getlist", {"start": start}) for start in (0, 50, 100, 150)]
    assert all("total" not in page for page in pages)
    assert [len(page["result"]) for page in pages] == [50, 50, 30, 0]
    assert isinstance(pages[0]["result"], dict)
    assert pages[3]["result"] == []


def test_next__minus_one_or_the_length_of_the_page(portal, call):
    assert call(portal, "mobile.disk.folder.getchildren", {"start": 100})["next"] == -1
    assert call(portal, "mobile.intranet.departments.get", {"start": 50})["next"] == 50
    totals = [call(portal, "socialnetwork.usertogroup.list", {"start": start})["total"] for start in (0, 50)]
    assert totals == [130, 131]


def test_sip_lines__are_filtered_by_an_id_that_is_never_shown(rows):
    everything = rows("voximplant.sip.get")
    assert len(rows("voximplant.sip.get", {"FILTER": {">ID": 150}})) < len(everything)
    assert not any(HIDDEN_ID in row or "ID" in row for row in everything)


def test_calls__flat_sort_in_upper_case(rows):
    down = rows("voximplant.statistic.get", {"SORT": "ID", "ORDER": "DESC"})
    up = rows("voximplant.statistic.get")
    assert int(down[0]["ID"]) > int(up[-1]["ID"])


def test_pages_by_number__end_with_an_empty_one(rows):
    assert [len(rows("biconnector.source.list", {"page": page})) for page in (1, 2, 3, 4)] == [50, 50, 30, 0]


def test_landing__everything_inside_params_and_no_page_unless_asked(rows):
    assert len(rows("landing.repo.getList")) == 130
    params = {"params": {"limit": 40, "offset": 120, "order": {"ID": "DESC"}, "select": ["ID"]}}
    found = rows("landing.repo.getList", params)
    assert len(found) == 10
    assert set(found[0]) == {"ID"}
    assert len(rows("landing.repo.getList", {"limit": 40})) == 130


def test_messages__back_from_the_newest_and_forward(rows):
    newest = rows("im.dialog.messages.get")
    assert len(newest) == 20
    older = rows("im.dialog.messages.get", {"LAST_ID": newest[-1]["id"], "LIMIT": 99})
    assert len(older) == 50
    assert older[0]["id"] < newest[-1]["id"]
    assert rows("im.dialog.messages.get", {"FIRST_ID": 0})[0]["id"] < older[-1]["id"]


def test_recent_chats__say_that_there_are_more_and_no_total(portal, call):
    answer = call(portal, "im.recent.list", {"OFFSET": 100, "LIMIT": 20})
    assert answer["result"]["hasMore"] is True
    assert call(portal, "im.recent.list", {"OFFSET": 120})["result"]["hasMore"] is False


def test_event_queue__goes_on_where_it_is_told(portal, call):
    first = call(portal, "im.v2.Event.get")["result"]
    assert (len(first["events"]), first["hasMore"]) == (100, True)
    second = call(portal, "im.v2.Event.get", {"offset": first["nextOffset"], "limit": 1000})["result"]
    assert (len(second["events"]), second["hasMore"]) == (130, False)


def test_log_messages__ten_to_a_page(portal, call):
    answer = call(portal, "crm.timeline.logmessage.list", {"entityTypeId": 2, "entityId": 1})
    assert (len(answer["result"]), answer["next"]) == (10, 10)


@pytest.mark.parametrize("ignored", [">id", "<=id"])
def test_ignores__a_bound(start, call, ignored):
    portal = start(ignores=[ignored])
    ids = portal.truth().ids
    bound = {">ID": ids[99]} if ignored == ">id" else {"<=ID": ids[9]}
    found = call(portal, "crm.deal.list", {"filter": bound, "select": ["ID"], "start": -1})["result"]
    assert [int(row["ID"]) for row in found] == ids[:50]


def test_ignores__the_order_and_the_offset(start, call):
    portal = start(ignores=["order", "start"])
    ids = portal.truth().ids
    for start_at in (0, 50):
        found = call(portal, "crm.deal.list", {"order": {"ID": "ASC"}, "start": start_at})["result"]
        assert [int(row["ID"]) for row in found] == ids[:-51:-1]


def test_lies__about_totals_pages_and_bounds(start, call):
    def first(*lies, **params):
        portal = start(lies=lies)
        return portal, call(portal, "crm.deal.list", {"select": ["ID"], **params})

    assert first("total")[1]["total"] == 232
    assert first("zero_total")[1]["total"] == 0
    assert first("changing_total", start=100)[1]["total"] == 232
    assert first("minus_one", start=200)[1]["next"] == -1
    portal, beyond = first("last_page", start=1000)
    assert (beyond["next"], len(beyond["result"])) == (1050, 30)
    ids = portal.truth().ids
    portal, page = first("bounds", start=-1, filter={">ID": ids[99]})
    assert int(page["result"][0]["ID"]) == ids[99]


def test_quirks__a_misspelt_one_is_refused():
    with pytest.raises(ValueError, match="no quirk 'oder'"):
        from b24data.sandbox.quirks import Quirks

        Quirks(ignores=["oder"])

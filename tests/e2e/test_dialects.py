"""fetch_all over real HTTP: every dialect of the list methods against its truth, and portals that break their word."""

from __future__ import annotations

import pytest

from b24data import AjaxError, B24Hook, IncompleteFetchError, Sandbox, SdkError
from b24data.sandbox.quirks import IGNORABLE, LIES
from tests.clocks import ScaledClock

SCALE = 100.0

# (method, select, filter, parameters): what each can't be asked without.
DIALECTS = [
    ("biconnector.source.list", None, None, {}),
    ("bizproc.task.list", None, None, {}),
    ("catalog.product.list", ["id", "iblockId", "name"], {"iblockId": 23}, {}),
    ("catalog.product.sku.list", ["id", "iblockId"], {"iblockId": 23}, {}),
    ("catalog.store.list", ["title"], {">id": 40}, {}),
    ("catalog.userfield.document.list", ["documentId"], {"documentType": "A"}, {}),
    ("crm.address.list", None, None, {}),
    ("crm.documentgenerator.template.list", None, {">id": 90}, {}),
    ("crm.item.productrow.list", None, {"=ownerType": "D", "=ownerId": [*range(1, 30)]}, {}),
    ("crm.orderentity.list", None, None, {}),
    ("crm.requisite.link.list", None, None, {}),
    ("crm.requisite.list", ["ID", "NAME"], None, {}),
    ("crm.stagehistory.list", None, None, {"entityTypeId": 2}),
    ("crm.timeline.comment.list", None, {"ENTITY_ID": 2, "ENTITY_TYPE": "deal"}, {}),
    ("crm.timeline.logmessage.list", None, None, {"entityTypeId": 2, "entityId": 1}),
    ("crm.type.list", None, None, {}),
    ("department.get", None, None, {}),
    ("disk.folder.getChildren", None, None, {"id": 1}),
    ("im.department.colleagues.list", None, None, {}),
    ("im.dialog.messages.get", None, None, {"DIALOG_ID": "chat1"}),
    ("im.dialog.users.list", None, None, {"DIALOG_ID": "chat1"}),
    ("im.recent.list", None, None, {}),
    ("im.search.user.list", None, None, {"FIND": "a"}),
    ("imopenlines.config.list.get", None, None, {}),
    ("landing.repo.getList", None, None, {}),
    ("lists.element.get", None, None, {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 1}),
    ("log.blogcomment.user.get", None, None, {}),
    ("mobile.disk.folder.getchildren", None, None, {}),
    ("mobile.intranet.departments.get", None, None, {}),
    ("sale.basketitem.list", None, None, {}),
    ("sale.order.list", None, None, {}),
    ("sale.propertyRelation.list", None, None, {}),
    ("sign.b2e.mysafe.tail", None, None, {}),
    ("socialnetwork.api.workgroup.list", ["ID", "NAME"], None, {}),
    ("socialnetwork.usertogroup.list", None, None, {}),
    ("sonet_group.get", None, None, {}),
    ("task.elapseditem.getlist", None, None, {}),
    ("task.elapseditem.getlist", None, None, {"TASKID": 14}),
    ("tasks.task.list", ["ID", "TITLE"], None, {}),
    ("user.get", None, {"ACTIVE": True}, {}),
    ("user.search", None, None, {}),
    ("voximplant.sip.get", None, None, {}),
    ("voximplant.statistic.get", None, {">ID": 50}, {}),
]


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=10, users=130, cost=0.0, time_scale=SCALE) as portal:
        yield portal


# Rows that the user may not see are counted, so that no reading reaches the total.
COUNTS_WHAT_IT_HIDES = [("log.blogpost.get", {}), ("userfieldconfig.list", {"moduleId": "crm"})]


def fetch(portal, method, select=None, where=None, **options):
    with B24Hook(portal.webhook_url, clock=ScaledClock(SCALE)) as b24:
        return b24.tools.fetch_all(method, select, where, progress=False, **options)


@pytest.mark.parametrize(("method", "select", "where", "params"), DIALECTS)
def test_fetch_all__brings_every_row_of_each_dialect_once(portal, method, select, where, params):
    frame = fetch(portal, method, select, where, params=params)
    asked = {"filter": where} if method != "voximplant.statistic.get" else {"params": {"FILTER": where}}
    truth = portal.truth(method, **{"params": {**params, "select": select or []}, **asked})
    assert len(frame) == truth.count > 0
    key = next((name for name in ("ID", "id", "documentId") if name in frame), None)
    if key:
        assert sorted(map(str, frame[key])) == sorted(map(str, truth.ids))
    assert frame.attrs["b24data"]["complete"]


@pytest.mark.parametrize(("method", "params"), COUNTS_WHAT_IT_HIDES)
def test_fetch_all__a_total_that_is_not_reached_is_an_error_with_every_row_that_came(portal, method, params):
    truth = portal.truth(method, params=params)
    with pytest.raises(IncompleteFetchError, match="a second pass returned no more") as caught:
        fetch(portal, method, params=params)
    assert sorted(map(str, caught.value.rows.iloc[:, 0])) == sorted(map(str, truth.ids))
    assert not caught.value.report.complete
    frame = fetch(portal, method, params=params, partial=True)
    assert len(frame) == truth.count
    assert not frame.attrs["b24data"]["complete"]
    with B24Hook(portal.webhook_url, clock=ScaledClock(SCALE)) as b24, pytest.raises(IncompleteFetchError) as caught:
        b24.actions.v2.call_list.make(method=method, params=params)
    assert len(caught.value.rows) == truth.count


V3 = [
    ("call.followup.list", None, {"startDate": {"from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z"}}, {}),
    ("humanresources.node.list", None, None, {"type": "DEPARTMENT"}),
    ("mail.message.list", None, None, {}),
    ("main.eventlog.list", ["id", "severity"], None, {}),
    ("main.eventlog.list", None, {">id": 1000, "<=id": 2000}, {}),
    ("main.eventlog.tail", None, None, {}),
    ("note.collection.list", None, None, {}),
    ("tasks.task.list", ["id", "title"], {">id": 500}, {}),
    ("tasks.task.result.list", None, {"taskId": 51}, {}),
    ("timeman.record.list", None, {"userId": 1}, {}),
]
_CONDITIONS = {">id": ("id", ">"), "<=id": ("id", "<=")}


@pytest.fixture(scope="module")
def portal3():
    lists = {"main.eventlog.list": 2_600, "note.collection.list": 450}
    with Sandbox(deals=10, tasks=2_300, cost=0.0, time_scale=SCALE, lists=lists) as portal:
        yield portal


@pytest.mark.parametrize(("method", "select", "where", "params"), V3)
@pytest.mark.parametrize("sign_in", ["webhook", "application"])
def test_fetch_all__brings_every_row_of_each_list_of_rest_3_once(portal3, method, select, where, params, sign_in):
    client = portal3.hook if sign_in == "webhook" else portal3.connect
    asked = f"v3:{method}" if method.startswith("tasks.") else method
    with client(clock=ScaledClock(SCALE)) as b24:
        frame = b24.tools.fetch_all(asked, select, where, params=params, progress=False)
    conditions = where
    if where and method != "call.followup.list":
        conditions = [[*_CONDITIONS.get(key, (key, "=")), value] for key, value in where.items()]
    truth = portal3.truth(method, conditions, params=params, version="v3")
    assert len(frame) == truth.count > 0
    if "id" in frame:
        assert sorted(frame["id"]) == sorted(truth.ids)
    assert frame.attrs["b24data"]["complete"]


def test_fetch_all__an_error_inside_an_answer_with_status_200_is_an_error(portal):
    portal.fail("inside", after=1, code="ACCESS_DENIED", on="biconnector.source.list")
    with pytest.raises(AjaxError, match="ACCESS_DENIED"):
        fetch(portal, "biconnector.source.list")


KEYSET = {"method": "crm.item.list", "params": {"entityTypeId": 2}}
OFFSET = {"method": "lists.element.get", "params": {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 1}}
QUIRKS = [("ignores", name) for name in IGNORABLE] + [("lies", name) for name in LIES]


@pytest.mark.parametrize(("kind", "name"), QUIRKS)
@pytest.mark.parametrize("asked", [KEYSET, OFFSET], ids=["keyset", "offset"])
def test_fetch_all__a_portal_that_ignores_or_lies_gives_the_whole_list_or_an_error(asked, kind, name):
    with Sandbox(deals=1_700, lists={OFFSET["method"]: 330}, time_scale=SCALE, **{kind: [name]}) as portal:
        truth = portal.truth(asked["method"], params=asked["params"])
        try:
            frame = fetch(portal, **asked)
        except SdkError as error:
            assert (asked, name) in ((OFFSET, "start"), (OFFSET, "total")), error
            assert isinstance(error, IncompleteFetchError)
            return
    ids = list(map(int, frame["id" if asked is KEYSET else "ID"]))
    assert sorted(ids) == truth.ids
    if name != "order":
        assert ids == truth.ids


@pytest.mark.parametrize("pair", [(">id", "order"), (">id", "start"), ("<=id", ">=id"), ("<=id", "order")])
def test_fetch_all__two_things_ignored_at_once(pair):
    with Sandbox(deals=700, time_scale=SCALE, ignores=pair) as portal:
        truth = portal.truth("crm.item.list", params={"entityTypeId": 2})
        try:
            ids = list(map(int, fetch(portal, **KEYSET)["id"]))
        except SdkError:
            assert "start" in pair
        else:
            assert sorted(ids) == truth.ids


def test_fetch_all__files_beyond_the_capped_offset_are_an_error_and_not_a_short_list(portal):
    with pytest.raises(IncompleteFetchError) as caught:
        fetch(portal, "disk.file.search", params={"QUERY": "a"})
    assert "1,050" in str(caught.value)

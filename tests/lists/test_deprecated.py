"""A deprecated method is told of once a process."""

import logging

from b24data.lists import walks
from b24data.lists.walks import tell_deprecated


def test_a_deprecated_method__is_told_of_once_with_what_to_use(caplog, monkeypatch):
    monkeypatch.setattr(walks, "_told", set())
    caplog.set_level(logging.INFO)
    for _ in range(3):
        tell_deprecated("crm.deal.list", "crm.item.list", logging.getLogger("b24data"))
    tell_deprecated("crm.lead.list", "crm.item.list", logging.getLogger("b24data"))
    assert [one.getMessage() for one in caplog.records] == [
        "crm.deal.list is deprecated: use crm.item.list instead",
        "crm.lead.list is deprecated: use crm.item.list instead",
    ]


def test_an_unattended_run__gets_it_as_a_detail_and_a_person_as_a_warning(caplog, monkeypatch):
    monkeypatch.setattr(walks, "_told", set())
    caplog.set_level(logging.INFO)
    for name, modules in (("a.list", {}), ("b.list", {"ipykernel": object()})):
        monkeypatch.setattr(walks.sys, "modules", modules)
        tell_deprecated(name, "c.list", logging.getLogger("b24data"))
    assert [one.levelno for one in caplog.records] == [logging.INFO, logging.WARNING]


def test_no_report__repeats_it(tmp_path):
    from b24data import Sandbox

    with Sandbox(deals=3) as portal:
        report = portal.connect().tools.fetch_all("crm.deal.list", to=tmp_path / "deals.parquet")
    assert report.notes == ()

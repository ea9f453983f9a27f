"""Targets on an S3 server: whole or not at all, resumed here, and no secret shown."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import boto3
import fsspec
import pandas as pd
import pytest
from moto.server import ThreadedMotoServer

import b24data
from b24data import ConfigError, ExportError, IncompleteFetchError, Sandbox
from b24data.files.places import data_folder
from tests.engines.portals import config_in, signed_in

FIELDS = ["ID", "TITLE", "OPPORTUNITY", "DATE_CREATE"]

# Their own use of datetime.utcnow and of sockets that are closed by the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedMotoServer]:
    folder = tmp_path_factory.mktemp("s3")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("botocore", "boto3", "s3transfer", "aiobotocore", "fsspec", "s3fs", "werkzeug"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with config_in(folder) as patch:
        patch.setenv("B24DATA_STATE_DIR", str(folder / "state"))
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "anna")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "pass5ecret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket="lake")
        yield server
    server.stop()


def in_bucket() -> dict[str, bytes]:
    client = boto3.client("s3")
    keys = [one["Key"] for one in client.list_objects_v2(Bucket="lake").get("Contents", [])]
    return {key: client.get_object(Bucket="lake", Key=key)["Body"].read() for key in keys}


def left_here() -> list[Path]:
    return [path for path in data_folder("elsewhere").rglob("*") if path.is_file() and path.name != "lock"]


@pytest.mark.parametrize("name", ["deals.parquet", "2026/deals.csv"])
def test_a_list__is_at_the_address_when_it_is_whole(s3: ThreadedMotoServer, name: str) -> None:
    with Sandbox(deals=120) as portal, portal.connect() as b24:
        report = b24.tools.fetch_all("crm.deal.list", FIELDS, to=f"s3://lake/{name}", progress=False)
        content = io.BytesIO(in_bucket()[name])
        frame = pd.read_parquet(content) if name.endswith(".parquet") else pd.read_csv(content)
        assert frame["ID"].to_list() == portal.truth("crm.deal.list").ids
    assert (report.target, report.rows, report.complete) == (f"s3://lake/{name}", 120, True)
    assert left_here() == []


def test_a_list_that_breaks_off__leaves_the_old_file_and_resumes(s3: ThreadedMotoServer) -> None:
    to = "s3://lake/resumed.parquet"
    boto3.client("s3").put_object(Bucket="lake", Key="resumed.parquet", Body=b"the old one")
    with Sandbox(deals=6_000, rate_limit=None, cost=0.0) as portal, portal.connect() as b24:
        portal.fail("error", on="batch", at=3, times=99, code="OUT_OF_ORDER")
        with pytest.raises(IncompleteFetchError):
            b24.tools.fetch_all("crm.deal.list", FIELDS, to=to, progress=False, workers=1)
        assert in_bucket()["resumed.parquet"] == b"the old one"
        portal.clear_faults()
        report = b24.tools.fetch_all("crm.deal.list", FIELDS, to=to, progress=False)
        assert report.earlier is not None
        frame = pd.read_parquet(io.BytesIO(in_bucket()["resumed.parquet"]))
        assert frame["ID"].to_list() == portal.truth("crm.deal.list").ids


def test_an_upload_that_fails__leaves_the_whole_file_and_says_where(
    s3: ThreadedMotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("the network is down")

    monkeypatch.setattr(fsspec.filesystem("s3"), "put_file", broken)  # there is one of them
    with (
        Sandbox(deals=3) as portal,
        portal.connect() as b24,
        pytest.raises(
            ExportError, match=r"s3://lake/broken.parquet was not written: OSError: the network is down"
        ) as caught,
    ):
        b24.tools.fetch_all("crm.deal.list", ["ID"], to="s3://lake/broken.parquet", progress=False)
    (file,) = left_here()
    assert str(file) in caught.value.hint
    assert len(pd.read_parquet(file)) == 3
    file.unlink()


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("s3://nowhere/deals.parquet", "there is no such bucket"),
        ("s3://lake/deals.doc", "neither a .parquet"),
        ("s4://anna:pass5ecret@lake/deals.parquet?sig=pass5ecret", "s4://lake/deals.parquet can't be written"),
        ("gs://lake/deals.parquet", "gcsfs"),
    ],
)
def test_an_address_that_makes_no_sense__is_refused_before_anything_is_asked(
    s3: ThreadedMotoServer, to: str, said: str
) -> None:
    with Sandbox(deals=3) as portal, portal.connect() as b24:
        with pytest.raises(ConfigError, match=said) as caught:
            b24.tools.fetch_all("crm.deal.list", ["ID"], to=to, progress=False)
        assert portal.stats.requests == 0
    assert "5ecret" not in f"{caught.value} {vars(caught.value)}"


def test_other_file_systems__get_the_file_under_its_name_when_it_is_whole(
    s3: ThreadedMotoServer, tmp_path: Path
) -> None:
    with Sandbox(deals=3) as portal, portal.connect() as b24:
        b24.tools.fetch_by("crm.deal.list", "@ID", [1, 2, 3], ["ID"], to="memory://out/deals.parquet", progress=False)
        b24.tools.fetch_all("crm.deal.list", ["ID"], to=f"file://{tmp_path}/deals.parquet", progress=False)
        with pytest.raises(ConfigError, match="an address can't be the name"):
            b24.tools.sync("crm.deal.list", ["ID"], to="s3://lake/deals")
        with pytest.raises(ConfigError, match="an address can't be the name"):
            b24.tools.sync_crm("s3://lake/crm")
    assert fsspec.filesystem("memory").exists("/out/deals.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["deals.parquet"]


def test_many_portals__have_an_address_each(s3: ThreadedMotoServer) -> None:
    with signed_in(acme={"deals": 3}, beta={"deals": 4}), b24data.connect_all("*") as portals:
        portals.tools.fetch_all("crm.deal.list", ["ID"], to="s3://lake/{profile}/all.parquet", progress=False)
        rows = {name: len(pd.read_parquet(io.BytesIO(in_bucket()[f"{name}/all.parquet"]))) for name in portals}
    assert rows == {"acme": 3, "beta": 4}

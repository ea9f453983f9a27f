"""``b24data.dask`` on a cluster of processes: workers die, tokens die, and nothing secret is on the way."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client, LocalCluster

import b24data
from b24data import AuthorizationRequiredError, Sandbox
from b24data.auth.profiles import Profiles
from tests.conftest import SECRET
from tests.engines.portals import config_in, signed_in

FIELDS = ["ID", "TITLE", "OPPORTUNITY"]

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="kills workers"),
    # A worker that is killed leaves its sockets to the garbage collector of distributed.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def cluster_of(workers: int) -> LocalCluster:
    return LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with config_in(tmp_path_factory.mktemp("cluster")), cluster_of(2) as cluster, Client(cluster) as client:
        yield client


def ids_of(frame: pd.DataFrame, name: str) -> list[int]:
    return frame.loc[frame["PORTAL"] == name, "ID"].to_list()


def check_rows(portals: dict[str, Sandbox]) -> None:
    frame = b24data.dask.read("crm.deal.list", FIELDS, profiles=list(portals)).compute()
    for name, portal in portals.items():
        assert ids_of(frame, name) == portal.truth("crm.deal.list").ids
        assert portal.stats.reused_refresh_tokens == 0


def kill_the_worker_of(client: Client, portal: Sandbox, reading: Future[pd.DataFrame]) -> None:
    """Wait until an answer of ``portal`` stalls half-way, and kill whoever waits for it."""
    while not portal.stats.faults.get("stall"):
        assert not reading.done()
    pids = client.run(os.getpid)
    (busy,) = [worker for worker, keys in client.processing().items() if keys]
    portal.clear_faults()
    os.kill(pids[busy], signal.SIGKILL)


def check_a_killed_worker(client: Client) -> None:
    with signed_in(acme={"deals": 6_000}) as portals:
        deals = b24data.dask.read("crm.deal.list", FIELDS, profiles="acme")
        portals["acme"].fail("stall", on="batch", times=1)
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(deals.compute)
            kill_the_worker_of(client, portals["acme"], reading)
            frame = reading.result()
        assert ids_of(frame, "acme") == portals["acme"].truth("crm.deal.list").ids


def test_two_workers__bring_the_rows_of_each_portal_on_tokens_that_die(cluster: Client) -> None:
    with signed_in(acme={"deals": 6_000, "token_ttl_requests": 2}, beta={"deals": 120}) as portals:
        check_rows(portals)
        assert portals["acme"].stats.refreshes == portals["acme"].stats.deaths > 0


def test_a_worker_that_is_killed__its_portal_is_read_again_by_another(cluster: Client) -> None:
    check_a_killed_worker(cluster)


def test_nothing_secret__is_in_the_graph_the_logs_or_a_repr(cluster: Client) -> None:
    with signed_in(acme={"deals": 120}, gone={"deals": 120}) as portals:
        deals = b24data.dask.read("crm.deal.list", FIELDS)
        portals["gone"].revoke()
        portals["gone"].expire_tokens()
        with pytest.raises(AuthorizationRequiredError) as caught:
            deals.compute()
        assert caught.value.__notes__ == ["profile: gone"]
        graph = pickle.dumps(deals) + pickle.dumps(deals.optimize().__dask_graph__())
        logs = {**cluster.get_worker_logs(), "scheduler": cluster.get_scheduler_logs()}
        assert "the authorization server refused" in str(logs)  # a task that failed is told at length
        for shown in (
            graph.decode("latin-1"),
            repr(logs),
            repr(deals),
            str(deals.dask),
            repr(cluster.scheduler_info()),
        ):
            assert SECRET.search(shown) is None
            assert portals["acme"].oauth_secret()["client_secret"] not in shown
        files = b"".join(file.read_bytes() for file in (Profiles().folder or Path()).glob("*.json"))
        assert SECRET.search(files.decode())  # what is looked for is what a profile has


@pytest.mark.soak
def test_four_workers__twelve_portals_on_tokens_that_die_every_seven_requests(cluster: Client, tmp_path: Path) -> None:
    names = {f"portal-{number}": {"deals": 20_000, "token_ttl_requests": 7} for number in range(12)}
    with cluster_of(4) as four, Client(four) as client, signed_in(**names) as portals:
        check_rows(portals)
        assert all(portal.stats.refreshes == portal.stats.deaths > 0 for portal in portals.values())
        for _ in range(3):
            check_a_killed_worker(client)

"""Which thread reads answers, and how many of them are unpacked at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from b24data.http.reading import ReadingThread


@pytest.fixture
def reading():
    thread = ReadingThread()
    yield thread
    thread.close()


def test_reading__one_answer_at_a_time_is_unpacked_and_one_thread_reads_all(reading):
    unpacked, most, threads = [], [], set()

    def unpack(number: int) -> None:
        unpacked.append(number)
        most.append(len(unpacked))
        threads.add(threading.current_thread())

    def one(number: int) -> None:
        with reading.one_answer():
            reading.run(unpack, number)
            reading.run(unpacked.remove, number)

    with ThreadPoolExecutor(24) as asking:
        list(asking.map(one, range(500)))
    assert most == [1] * 500
    [thread] = threads
    assert thread.name.startswith("b24data-reading")


def test_reading__after_an_error_another_thread_has_the_turn(reading):
    def fail() -> None:
        with pytest.raises(ZeroDivisionError), reading.one_answer():
            reading.run(divmod, 1, 0)

    with ThreadPoolExecutor(1) as asking:
        asking.submit(fail).result()
        asking.submit(reading.give_back).result()  # of no use, and of no harm
    with reading.one_answer():
        assert reading.run(divmod, 7, 2) == (3, 1)


def test_reading__a_thread_that_reads_no_answer_of_the_walk_waits_for_no_turn(reading):
    """The one that asks for titles would wait for workers, and they for it."""
    with reading.one_answer(), ThreadPoolExecutor(1) as other:
        reading.run(divmod, 7, 2)  # has the turn now
        assert other.submit(reading.run, threading.current_thread).result(10).name.startswith("ThreadPoolExecutor")


def test_reading__whoever_asks_after_the_end_does_the_work(reading):
    reading.close()
    with reading.one_answer():
        assert reading.run(threading.current_thread) is threading.current_thread()

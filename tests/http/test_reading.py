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
        reading.run(unpack, number)
        reading.run(unpacked.remove, number)
        reading.give_back()

    with ThreadPoolExecutor(24) as asking:
        list(asking.map(one, range(500)))
    assert most == [1] * 500
    [thread] = threads
    assert thread.name.startswith("b24data-reading")


def test_reading__after_an_error_the_turn_is_given_back_and_another_thread_has_it(reading):
    def fail_and_leave() -> None:
        with pytest.raises(ZeroDivisionError):
            reading.run(divmod, 1, 0)
        reading.give_back()
        reading.give_back()  # of no use, and of no harm

    with ThreadPoolExecutor(1) as asking:
        asking.submit(fail_and_leave).result()
    assert reading.run(divmod, 7, 2) == (3, 1)


def test_reading__whoever_asks_after_the_end_does_the_work(reading):
    reading.close()
    assert reading.run(threading.current_thread) is threading.current_thread()

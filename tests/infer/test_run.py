"""The loop that methods share: chunks of about half a second, chains side by side, ctrl-C."""

import _thread
import threading
import time

import pytest

from pbnn.infer import run
from pbnn.infer.run import Pace, run_side_by_side, timed_chunks


@pytest.mark.parametrize("cost", [1e-7, 1e-3, 0.02, 3.0])
def test_chunks_come_to_about_half_a_second(cost):
    pace, done, lengths = Pace(largest=10**6), 0, []
    while done < 10_000:
        n = pace.next(10_000 - done)
        pace.took(n, n * cost)
        lengths.append(n)
        done += n
    assert done == 10_000
    assert lengths[0] == 1
    assert max(lengths) * cost <= max(0.5, cost)
    assert len(lengths) < 12 + 10_000 * max(cost, 1e-9) * 2.2


@pytest.mark.parametrize(("total", "largest"), [(1, 1), (7, 3), (300, 256), (1000, 7)])
def test_chunks_cover_every_step_once(total, largest):
    seen = []
    lengths = list(timed_chunks(total, largest, lambda first, n: seen.extend(range(first, first + n))))
    assert seen == list(range(total))
    assert sum(lengths) == total
    assert max(lengths) <= largest


def test_no_steps_no_chunks():
    assert list(timed_chunks(0, 5, lambda first, n: 1 / 0)) == []


def test_all_chains_run_to_their_end():
    counted = []
    assert run_side_by_side([iter([1, 2]), iter([]), iter([3])], counted.append) is False
    assert sorted(counted) == [1, 2, 3]


def test_more_chains_than_cores(monkeypatch):
    monkeypatch.setattr(run, "n_cores", lambda: 1)
    counted = []
    assert run_side_by_side([iter([i]) for i in range(5)], counted.append) is False
    assert counted == [0, 1, 2, 3, 4]


def endless(stopped):
    try:
        while True:
            time.sleep(0.01)
            yield 1
    finally:
        stopped.append(1)


def test_a_failing_chain_stops_the_others_and_raises_its_own_error():
    def failing():
        yield 1
        raise ZeroDivisionError("of the second chain")

    stopped = []
    with pytest.raises(ZeroDivisionError, match="of the second chain"):
        run_side_by_side([endless(stopped), failing()], lambda n: None)
    assert threading.active_count() < 50


@pytest.mark.parametrize("chains", [1, 2, 5])
def test_ctrl_c_stops_all_chains_after_their_chunk(chains):
    def pressing():
        time.sleep(0.3)
        _thread.interrupt_main()
        yield from endless([])

    counted = []
    start = time.perf_counter()
    assert run_side_by_side([pressing(), *(endless([]) for _ in range(chains - 1))], counted.append) is True
    assert time.perf_counter() - start < 5
    assert counted

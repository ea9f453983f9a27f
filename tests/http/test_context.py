from __future__ import annotations

from b24data.http.context import CallContext, Wait


def test_context__threads_that_wait_side_by_side_waited_once() -> None:
    context = CallContext()
    context.waits(Wait("rate limit", 10.0, 110.0, "m"))
    context.waits(Wait("rate limit", 9.0, 110.0, "m"))  # began a second later, ends with the first
    context.waits(Wait("rate limit", 5.0, 113.0, "m"))
    context.waits(Wait("retry", 2.0, 104.0, "m"))
    context.waits(Wait("rate limit", 1.0, 200.0, "m"))
    assert context.waited_s == {"rate limit": 10.0 + 3.0 + 1.0, "retry": 2.0}

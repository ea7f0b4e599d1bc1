from __future__ import annotations

from mmpipe_operator.metrics_adapter import repeats
from mmpipe_operator.metrics_adapter.repeats import Repeats


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_sentence_is_new_again_after_a_while_and_another_one_at_once() -> None:
    clock = Clock()
    said = Repeats(60, clock)
    assert said.is_new("nats: no answer")
    assert said.is_new("pod one: no answer")
    clock.now_s = 59.9
    assert not said.is_new("nats: no answer")
    clock.now_s = 60
    assert said.is_new("nats: no answer")
    assert not said.is_new("nats: no answer")


def test_only_so_many_are_remembered() -> None:
    clock = Clock()
    said = Repeats(60, clock)
    for number in range(3 * repeats._MOST):  # noqa: SLF001  # the bound is the point
        clock.now_s += 0.001
        assert said.is_new(str(number))
        assert len(said._said_at) <= repeats._MOST  # noqa: SLF001  # as above

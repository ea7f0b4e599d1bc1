from mmpipe_operator.neighbours.memory import UNASKED, Memory, remember
from mmpipe_operator.status import Probe

PATIENCE_S = 60.0
UP, AWAY = Probe("Reachable"), Probe("Unreachable", "found no route; expected an answer")


def test_a_neighbour_that_never_answered_is_away_at_once() -> None:
    assert remember(UNASKED, AWAY, None, 0.0, PATIENCE_S).probe == AWAY


def test_a_neighbour_that_answered_lately_is_taken_at_its_word_with_its_number() -> None:
    heard = remember(UNASKED, UP, 7, 0.0, PATIENCE_S)
    assert remember(heard, AWAY, None, 59.0, PATIENCE_S) == Memory(UP, 7, 0.0)


def test_a_neighbour_that_is_silent_for_too_long_is_away_and_its_number_unknown() -> None:
    heard = remember(UNASKED, UP, 7, 0.0, PATIENCE_S)
    known = remember(heard, AWAY, None, 60.0, PATIENCE_S)
    assert (known.probe, known.figure) == (AWAY, None)


def test_an_answer_in_between_starts_the_patience_anew() -> None:
    known = remember(UNASKED, UP, 7, 0.0, PATIENCE_S)
    known = remember(known, AWAY, None, 50.0, PATIENCE_S)
    known = remember(known, UP, 8, 55.0, PATIENCE_S)
    assert remember(known, AWAY, None, 100.0, PATIENCE_S).probe == UP


def test_a_no_counts_as_an_answer_and_holds_at_once() -> None:
    heard = remember(UNASKED, UP, 7, 0.0, PATIENCE_S)
    no = Probe("Refused", "wrong token")
    assert remember(heard, no, None, 1.0, PATIENCE_S) == Memory(no, None, 1.0)
    assert remember(Memory(no, None, 1.0), AWAY, None, 30.0, PATIENCE_S).probe == no


def test_what_is_said_of_one_that_is_away_stays_until_it_is_back() -> None:
    known = remember(UNASKED, AWAY, None, 0.0, PATIENCE_S)
    known = remember(known, Probe("Unreachable", "in other words"), None, 30.0, PATIENCE_S)
    assert known.probe == AWAY
    assert remember(known, UP, 0, 60.0, PATIENCE_S) == Memory(UP, 0, 60.0)

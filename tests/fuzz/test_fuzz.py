"""A few hundred spoilt inputs of every reader, always the same ones; `bin/fuzz` tries them by the hundred thousand."""

import pytest
from tests.fuzz.engine import Fuzzer
from tests.fuzz.targets import TARGETS

INPUTS = 60  # of each target, right ones included


@pytest.mark.django_db
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_input_does_more_than_be_refused_with_a_sentence(target):
    fuzzer = Fuzzer(seed=1572)
    for number in range(INPUTS):
        fuzzer.attempt(target, number)
    account = fuzzer.accounts[target.name]
    assert account.findings == []
    assert account.inputs == INPUTS
    assert account.taken or target.name == "noise"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_right_inputs_are_taken_and_the_same_seed_gives_the_same_inputs(target):
    first, second = Fuzzer(seed=3), Fuzzer(seed=3)
    assert [first.content(target, n)[0] for n in range(40)] == [second.content(target, n)[0] for n in range(40)]
    assert len({first.content(target, n)[0] for n in range(40, 80)}) > 20

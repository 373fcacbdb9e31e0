"""Whether a picture is blank, and which rule said so."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.frames.blank import (
    BURST,
    DETECTOR,
    FRAME,
    FUSED,
    INPUTS,
    Decision,
    Fusion,
    decide,
    inputs,
    levelled,
)
from pipeline.frames.evidence import Evidence, Levels

FUSION = Fusion(
    means=(0.0, -2.0, -3.0),
    spreads=(4.0, 1.0, 1.0),
    weights=(1.8, 2.0, -0.5),
    bias=0.0,
    alone_weight=0.4,
    alone_bias=0.0,
    threshold=0.8,
    sure=0.02,
)


def logits(*animal: float) -> np.ndarray:
    """One row per picture: log-odds of an animal, the opposite for blank."""
    return np.array([[odds, -6.0, -6.0, -odds] for odds in animal], np.float32)


def maps(*level: float, height: int = 5, width: int = 6) -> np.ndarray:
    return np.stack([np.full((height, width), value, np.float32) for value in level])


def test_without_a_background_the_frame_model_decides():
    decision = decide(logits(8, -8), maps(np.nan, np.nan), [0, 1], FUSION)
    assert list(decision.decided_by) == [FRAME, FRAME]
    assert decision.p_blank[0] < 0.05 < 0.95 < decision.p_blank[1]
    assert np.isnan(decision.novelty_peak).all()


def test_what_is_new_here_is_less_blank_than_what_was_always_here():
    decision = decide(logits(-1, -1), maps(0.01, 0.5), [0, 1], FUSION)
    assert decision.p_blank[0] > decision.p_blank[1]
    assert list(decision.decided_by) == [FUSED, FUSED]
    assert decision.novelty_peak[1] == pytest.approx(0.5, abs=0.01)


def test_low_novelty_alone_never_hides_an_animal_the_frame_model_is_sure_of():
    still = decide(logits(*[12] * 9), maps(*[0.001] * 9), [0] * 9, FUSION)
    assert (still.p_blank < FUSION.threshold).all()


def test_a_blank_beside_a_sure_animal_of_its_burst_is_kept_and_says_why():
    decision = decide(logits(-8, 12, -8, -8), maps(*[np.nan] * 4), [0] * 4, FUSION)
    assert list(decision.decided_by) == [BURST, FRAME, BURST, FRAME]
    assert (decision.p_blank[:3] < FUSION.threshold).all()
    assert decision.p_blank[3] >= FUSION.threshold


def test_a_blank_of_the_next_burst_stays_blank():
    decision = decide(logits(12, -8), maps(np.nan, np.nan), [0, 1], FUSION)
    assert decision.p_blank[1] >= FUSION.threshold


def test_a_threshold_of_ones_own_moves_the_rescue_with_it():
    burst = logits(12, -8), maps(np.nan, np.nan), [0, 0], FUSION
    assert decide(*burst, threshold=0.6).p_blank[1] < 0.6


def test_a_picture_at_the_threshold_itself_is_blank():
    doubtful = logits(-2, -3), maps(np.nan, np.nan), [0, 1], FUSION
    lower, higher = decide(*doubtful).p_blank
    assert decide(*doubtful, threshold=lower).blank.tolist() == [True, True]
    assert decide(*doubtful, threshold=np.nextafter(lower, 1)).blank.tolist() == [False, True]
    assert decide(*doubtful, threshold=np.nextafter(higher, 1)).blank.tolist() == [False, False]


def test_what_is_rescued_is_not_blank_whatever_the_threshold():
    burst = logits(12, -8), maps(np.nan, np.nan), [0, 0], FUSION
    for threshold in (0.8, 0.005, 0.0):
        rescued = decide(*burst, threshold=threshold)
        assert not rescued.blank.any() and rescued.p_blank[1] <= threshold


def test_a_picture_at_the_sure_bar_itself_is_surely_not_blank():
    still = logits(*[4] * 9), maps(*[0.001] * 9), list(range(9))
    alone = decide(logits(4), maps(np.nan), [0], FUSION).p_blank[0]
    assert decide(*still, replace(FUSION, sure=alone), 0.05).decided_by.tolist() == [FRAME] * 9
    below = replace(FUSION, sure=np.nextafter(alone, 0))
    assert decide(*still, below, 0.05).decided_by.tolist() == [FUSED] * 9


def test_who_stands_still_is_kept_by_the_frame_model_also_beside_a_sure_picture():
    walks_in = maps(0.9, *[0.001] * 8)
    decision = decide(logits(*[12] * 9), walks_in, [0] * 9, FUSION, 0.001)
    assert decision.decided_by.tolist() == [FUSED, *[FRAME] * 8]


def test_the_clock_in_the_first_row_is_no_news():
    clock, animal = maps(0.01, 0.01), maps(0.01, 0.01)
    clock[1, 0, :2] = 0.9
    animal[1, 2, :2] = 0.9
    by_clock, by_animal = (inputs(logits(0, 0), new)["novelty_peak"][1] for new in (clock, animal))
    assert by_clock < by_animal - 0.5


def test_several_kinds_may_be_there_at_once():
    both = np.array([[-9.0, 4.0, 4.0, -9.0]], np.float32)
    decision = decide(both, maps(np.nan), [0], FUSION)
    assert decision.p_human[0] > 0.9 and decision.p_vehicle[0] > 0.9


def test_the_fusion_survives_its_file():
    assert Fusion.from_json(json.loads(json.dumps(FUSION.to_json()))) == FUSION


numbers = st.floats(-20, 20, allow_nan=False, width=32)


@settings(max_examples=40, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=12), st.integers(0, 99))
def test_scores_are_probabilities_and_one_picture_s_order_is_its_own(animal, seed):
    rng = np.random.default_rng(seed)
    count = len(animal)
    novelty = rng.random((count, 5, 6)).astype(np.float32)
    alone = list(range(count))
    decision = decide(logits(*animal), novelty, alone, FUSION)
    for score in (decision.p_blank, decision.p_animal, decision.p_human, decision.p_vehicle):
        assert ((score >= 0) & (score <= 1)).all()
    turned = decide(logits(*animal)[::-1], novelty[::-1], alone, FUSION)
    assert turned.p_blank[::-1] == pytest.approx(decision.p_blank, abs=1e-12)
    assert set(inputs(logits(*animal), novelty)) == set(INPUTS)


@given(st.floats(0.01, 0.99), st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_a_level_becomes_one_half_and_the_order_of_pictures_stays(level, shares):
    moved = levelled(np.array([level, *shares]), level)
    assert moved[0] == pytest.approx(0.5)
    assert ((moved >= 0) & (moved <= 1)).all()
    assert (np.diff(moved[np.argsort([level, *shares])]) >= -1e-12).all()
    assert levelled(np.array([0.0, 1.0]), level).tolist() == [0.0, 1.0]


def test_a_person_or_a_vehicle_is_called_from_the_models_own_level_on():
    sees = np.array([[3.0, 1.0, 1.0, -6.0]], np.float32)
    nowhere = maps(np.nan)
    plain = decide(sees, nowhere, [0], FUSION)
    person = replace(FUSION, human_level=float(plain.p_human[0]))
    found = decide(sees, nowhere, [0], person)
    assert found.p_human[0] == pytest.approx(0.5) and found.p_vehicle[0] == plain.p_vehicle[0]
    vehicle = replace(FUSION, vehicle_level=float(plain.p_vehicle[0]))
    found = decide(sees, nowhere, [0], vehicle)
    assert found.p_vehicle[0] == pytest.approx(0.5) and found.p_human[0] == plain.p_human[0]
    assert (found.p_animal, found.p_blank) == (plain.p_animal, plain.p_blank)


def test_a_model_that_knows_no_level_says_what_it_said():
    facts = FUSION.to_json()
    for name in ("human_level", "vehicle_level"):
        facts.pop(name)
    known = Fusion.from_json(facts)
    sees = logits(3, -3)
    assert np.allclose(
        decide(sees, maps(np.nan, np.nan), [0, 1], known).p_human,
        decide(sees, maps(np.nan, np.nan), [0, 1], FUSION).p_human,
    )
    assert (known.human_level, known.vehicle_level) == (0.5, 0.5)


WORTH = Evidence(
    human=Levels(call=0.6, look=0.4),
    vehicle=Levels(call=0.7, look=0.3),
    animal=0.5,
    animal_usual=0.3,
    against_animal=0.25,
    blank_weight=0.5,
    blank_middle=0.3,
)


def with_detector(odds: float, *confidences: float) -> Decision:
    """One picture without background that the frame model gives these odds of an animal."""
    seen = np.array([confidences])
    return decide(logits(odds), maps(np.nan), [0], FUSION, None, seen, WORTH)


def test_a_detector_at_its_middle_changes_nothing_about_blanks():
    alone = decide(logits(-8, 2), maps(np.nan, np.nan), [0, 1], FUSION)
    both = np.full((2, 3), WORTH.blank_middle)
    beside = decide(logits(-8, 2), maps(np.nan, np.nan), [0, 1], FUSION, None, both, WORTH)
    np.testing.assert_allclose(alone.p_blank, beside.p_blank, atol=1e-9)


def test_a_sure_box_makes_a_picture_less_blank_and_none_makes_it_more():
    nothing, middle, animal = (with_detector(-2, sure, 0.01, 0.01) for sure in (0.02, 0.3, 0.9))
    assert nothing.p_blank > middle.p_blank > animal.p_blank


def test_people_and_vehicles_are_called_at_the_detector_s_levels():
    for human, vehicle in ((0.6, 0.3), (0.4, 0.7)):
        decision = with_detector(5, WORTH.animal_usual, human, vehicle)
        assert decision.p_human[0] == pytest.approx(0.5 if human == 0.6 else 0.2)
        assert decision.p_vehicle[0] == pytest.approx(0.5 if vehicle == 0.7 else 0.2)


def test_a_person_that_is_called_is_never_hidden():
    seen = np.array([[0.3, 0.65, 0.01], [0.3, 0.59, 0.01]])
    decision = decide(logits(-12, -12), maps(np.nan, np.nan), [0, 1], FUSION, None, seen, WORTH)
    assert decision.blank.tolist() == [False, True]
    assert decision.decided_by.tolist() == [DETECTOR, FRAME]
    assert decision.p_blank[0] < FUSION.threshold <= decision.p_blank[1]


def test_what_looks_like_an_animal_too_is_less_of_a_person():
    alone, beside = with_detector(5, 0.1, 0.6, 0.1), with_detector(5, 0.8, 0.6, 0.1)
    assert beside.p_human[0] < 0.5 < alone.p_human[0]


def test_a_person_in_the_first_and_third_frame_is_in_the_second():
    seen = np.array([[0.3, human, 0.1] for human in (0.7, 0.1, 0.8, 0.1, 0.9)])
    clear = logits(*[5] * 5), maps(*[np.nan] * 5)
    decision = decide(*clear, [0, 0, 0, 1, 1], FUSION, None, seen, WORTH)
    assert (decision.p_human >= 0.5).tolist() == [True, True, True, False, True]
    assert decision.p_human[1] == pytest.approx(min(decision.p_human[0], decision.p_human[2]))

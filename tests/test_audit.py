"""The audit of the blanks: the draw is fair and repeatable, and its intervals keep their word."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pipeline.settings import Audit
from pipeline.trust.audit import DOUBTFUL, Stratum, draw, estimate
from pipeline.trust.intervals import share_high, total_high, total_low

TABLES = Path(__file__).parents[2] / "shared" / "reference" / "guarantees"
FEW = Audit(pictures=60, per_stratum=5)


def rows_of(name: str) -> list[dict]:
    if not (TABLES / name).exists():
        pytest.skip(f"no reference tables: {TABLES / name} is missing")
    with (TABLES / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def blanks_of(cameras: dict[tuple[str, str], int]) -> list[tuple[str, float, str, str]]:
    rng = np.random.default_rng(3)
    return [
        (f"{camera}{light}{i:05}", float(rng.uniform(0.5, 1)), camera, light)
        for (camera, light), number in cameras.items()
        for i in range(number)
    ]


CARD = blanks_of({("A", "colour"): 400, ("A", "infrared"): 90, ("B", "colour"): 3})


def test_the_same_card_and_seed_draw_the_same_pictures_in_any_order():
    assert draw(CARD, FEW, 7) == draw(CARD[::-1], FEW, 7)
    assert {one.sha256 for one in draw(CARD, FEW, 7)} != {one.sha256 for one in draw(CARD, FEW, 8)}


def test_every_camera_and_light_gives_its_least_or_all_it_has_and_the_sum_is_as_asked():
    drawn = draw(CARD, FEW, 7)
    strata, cells = Counter(), Counter()
    for one in drawn:
        strata[one.stratum] += 1
        cells[one.stratum.rsplit(" | ", 1)[0]] += 1
    assert len(drawn) == 60
    assert all(cells[f"{c} | {light}"] >= n for c, light, n in
               (("A", "colour", 5), ("A", "infrared", 5), ("B", "colour", 3)))  # fmt: skip
    for one in drawn:
        assert one.drawn == strata[one.stratum]
        assert one.probability == one.drawn / one.stratum_size


def test_doubtful_blanks_are_drawn_harder_than_sure_ones():
    shares = {one.stratum: one.probability for one in draw(CARD, FEW, 7)}
    assert shares[f"A | colour | {DOUBTFUL}"] > 1.5 * shares["A | colour | sure"]


def test_every_blank_of_a_stratum_has_the_same_chance():
    card = blanks_of({("A", "colour"): 40})
    times = Counter(one.sha256 for seed in range(400) for one in draw(card, FEW, seed))
    assert len(draw(card, FEW, 1)) == 40  # fewer than asked for: all of them
    some = Audit(pictures=10, per_stratum=1)
    times = Counter(one.sha256 for seed in range(600) for one in draw(card, some, seed))
    shares = {one.sha256: one.probability for seed in range(40) for one in draw(card, some, seed)}
    for sha, share in shares.items():
        assert abs(times[sha] / 600 - share) < 5 * (share * (1 - share) / 600) ** 0.5


def test_a_later_draw_has_strata_of_its_own():
    first = draw(CARD, FEW, 7)
    second = draw(blanks_of({("A", "colour"): 50}), FEW, 8, first)
    third = draw(blanks_of({("A", "colour"): 50}), FEW, 8, [*first, *second])
    names = [{one.stratum for one in some} for some in (first, second, third)]
    assert not names[0] & names[1] and not (names[0] | names[1]) & names[2]
    assert "A | colour | round 2 | doubtful" in names[1]


def test_no_blanks_no_draw():
    assert draw([], FEW, 7) == []


def test_nobody_looked_is_no_estimate():
    assert estimate([Stratum("A", "A | colour | sure", 300, drawn=20)], 5, 5) is None


def test_one_stratum_has_the_exact_hypergeometric_interval():
    got = estimate([Stratum("A", "A | colour | sure", 1000, 150, 1, 149)], 40, 0, 0.90)
    assert (got.missed_low, got.missed_high) == (1, total_high(1000, 150, 1, 0.95)) == (1, 29)
    assert got.missed == pytest.approx(1000 / 150)
    assert got.recall(got.missed_high) == pytest.approx(40 / 69)


def test_a_heap_looked_through_completely_is_known():
    got = estimate([Stratum("A", "A | colour | sure", 30, 30, 4, 26)], 8, 0)
    assert (got.missed_low, got.missed, got.missed_high) == (4, 4, 4)


def test_what_nobody_looked_into_may_hold_anything():
    seen = Stratum("A", "A | colour | sure", 30, 30, 0, 30)
    unseen = Stratum("A", "A | infrared | sure", 50, 10)
    uncovered = Stratum("A", "", 7)
    got = estimate([seen, unseen, uncovered], 8, 0)
    assert (got.missed_low, got.missed_high) == (0, 57)


def test_pictures_nobody_could_decide_widen_the_interval_and_do_not_move_it_down():
    sure = estimate([Stratum("A", "A | colour | sure", 500, 50, 1, 49)], 8, 0)
    unsure = estimate([Stratum("A", "A | colour | sure", 500, 50, 1, 44, 5)], 8, 0)
    assert unsure.missed_high > sure.missed_high
    assert unsure.missed_low <= sure.missed_low


def test_many_strata_cost_little():
    many = [Stratum(str(i), f"{i} | colour | sure", 100, 10, 0, 10) for i in range(20)]
    one = [Stratum("0", "0 | colour | sure", 2000, 200, 0, 200)]
    assert estimate(many, 9, 0).missed_high < 1.1 * estimate(one, 9, 0).missed_high


SIZES = {(f"C{i}", light): n for i, day in enumerate((20, 90, 160, 230, 300, 380)) for light, n in
         (("colour", day), ("infrared", day // 5))}  # fmt: skip


@pytest.mark.parametrize("rate", (0.004, 0.03, "all where least is looked at"))
def test_intervals_cover_the_truth_in_a_thousand_audits_at_least_as_often_as_they_say(rate):
    rng = np.random.default_rng(11)
    drawn = draw(blanks_of(SIZES), Audit(), 5)
    strata = sorted({(one.stratum, one.stratum_size, one.drawn) for one in drawn})
    if rate == "all where least is looked at":
        least = min(n / size for _, size, n in strata)
        truth = [25 * (n / size == least) for _, size, n in strata]
    else:
        truth = [
            rng.binomial(size, rate * (4 if name.endswith(DOUBTFUL) else 0.5))
            for name, size, _ in strata
        ]
    seen = np.stack([rng.hypergeometric(k, size - k, n, 1000) for k, (_, size, n) in
                     zip(truth, strata, strict=True)], 1)  # fmt: skip
    kinds, times = np.unique(seen, axis=0, return_counts=True)
    held, middle = 0, 0.0
    for hits, number in zip(kinds, times, strict=True):
        got = estimate(
            [Stratum("C", name, size, n, int(k), int(n - k)) for (name, size, n), k in
             zip(strata, hits, strict=True)], 50, 0)  # fmt: skip
        held += number * (got.missed_low <= sum(truth) <= got.missed_high)
        middle += number * got.missed / 1000
    assert held >= 950
    assert middle == pytest.approx(sum(truth), rel=0.08)


def test_intervals_for_one_camera_cover_too():
    rng = np.random.default_rng(12)
    for size, looked, missed in ((60, 10, 3), (300, 25, 6), (40, 5, 0), (200, 60, 90)):
        hits = rng.hypergeometric(missed, size - missed, looked, 1000)
        bounds = {
            k: (total_low(size, looked, k, 0.975), total_high(size, looked, k, 0.975))
            for k in map(int, np.unique(hits))
        }
        assert np.mean([bounds[k][0] <= missed <= bounds[k][1] for k in map(int, hits)]) >= 0.95


def test_the_published_bounds_on_what_was_thrown_away_come_out():
    for row in rows_of("elusion_upper_bounds.csv"):
        size, looked, hits = int(row["N"]), int(row["n"]), int(row["found"])
        confidence = float(row["confidence"])
        assert total_high(size, looked, hits, confidence) == int(row["upper_missed"]), row
        if looked < size:
            assert size * share_high(hits, looked, confidence) == pytest.approx(
                float(row["binomial_upper"])
            )


def test_the_published_numbers_of_positives_needed_come_out():
    for row in rows_of("positives_needed_clopper_pearson.csv"):
        allowed, confidence = 1 - float(row["target_recall"]), float(row["confidence"])
        for misses in (0, 1, 2, 3, 5, 10, 20):
            needed = int(row[f"k{misses}"])
            assert share_high(misses, needed, confidence) <= allowed + 1e-12, row
            assert share_high(misses, needed - 1, confidence) > allowed, row


def test_an_interval_of_nothing_is_everything():
    assert share_high(0, 0, 0.975) == 1.0

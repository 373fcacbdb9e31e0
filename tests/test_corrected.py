"""Numbers corrected by a reviewed sample: totals, rates, mix, means, and cells verified."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PopulationError
from pipeline.population.correction.corrected import Stratum, total
from pipeline.population.correction.corrected_rates import LabelledStratum, mix, rate
from pipeline.population.correction.means import lang_reiczigel, ppi_mean, rogan_gladen
from pipeline.population.study.verify import Hit, queue


def stratum(name, size, machine, both, missed, false, neither):
    """A reviewed sample by its four counts."""
    y = np.repeat([1.0, 1, 0, 0], [both, missed, false, neither])
    f = np.repeat([1.0, 0, 1, 0], [both, missed, false, neither])
    return Stratum(name, size, machine, y, f)


def drawn(rng, y, f, bands, n):
    """Strata by band with n reviews each, and where the reviewed units lie."""
    strata, places = [], []
    for band in np.unique(bands):
        members = np.flatnonzero(bands == band)
        some = rng.choice(members, min(n, len(members)), replace=False)
        strata.append(Stratum(f"band {band}", len(members), f[members].sum(), y[some], f[some]))
        places.append(some)
    return strata, places


def test_a_perfect_machine_is_believed_and_a_useless_one_is_not():
    good = total([stratum("all", 1000, 300, 30, 0, 0, 70)])
    assert good.value == pytest.approx(300) and good.lambdas == (1.0,)
    bad = total([stratum("all", 1000, 500, 15, 15, 35, 35)])
    assert bad.lambdas == (0.0,) and bad.value == pytest.approx(300)
    liar = total([stratum("all", 1000, 500, 5, 45, 45, 5)])
    assert liar.lambdas == (0.0,), "a machine that is always wrong is not turned round"


def test_small_strata_share_one_lambda():
    strata = [stratum("a", 500, 100, 8, 2, 3, 27), stratum("b", 900, 300, 20, 9, 3, 68)]
    got = total(strata)
    assert got.lambdas[0] == got.lambdas[1]
    strata[0] = stratum("a", 500, 100, 12, 3, 3, 42)
    assert len(set(total(strata).lambdas)) == 2


def test_no_error_seen_is_not_no_error():
    got = total([stratum("sure", 10_000, 0, 0, 0, 0, 300)])
    assert got.value == 0 and got.low == 0 and got.method == "counted"
    assert 90 < got.high < 130, "97 at one-sided 95 %, more at two-sided"
    assert "no error seen in sure: there may still be a few" in got.note
    assert "only 0 errors among the reviews" in got.note


def test_counts_without_an_error_keep_an_interval_too():
    y = np.array([0.0, 2, 1, 3] * 20)
    got = total([Stratum("counts", 500, 740.0, y, y)])
    assert got.method == "normal" and got.low < got.value < got.high


def test_what_was_confirmed_is_never_denied():
    got = total([stratum("all", 40, 2, 1, 4, 1, 30)])
    assert got.low >= 5 and got.high <= 5 + 4


def test_everything_reviewed_leaves_nothing_to_guess():
    got = total([stratum("all", 12, 5, 4, 2, 1, 5)])
    assert (got.value, got.low, got.high, got.se) == (6, 6, 6, 0)
    assert got.more == {"all": 0}


def test_a_small_sample_says_so():
    note = total([stratum("night", 400, 60, 5, 2, 2, 12)]).note
    assert "too few reviews in night: 30 are needed in each stratum" in note


def test_a_stratum_nobody_looked_into_is_refused():
    empty = Stratum("day", 40, 3, np.array([]), np.array([]))
    with pytest.raises(PopulationError, match="stratum day: 0 of 40 units reviewed"):
        total([empty, stratum("night", 400, 60, 5, 2, 2, 12)])
    with pytest.raises(PopulationError, match="no units"):
        total([])


def test_so_many_more_reviews_halve_the_width():
    rng = np.random.default_rng(0)
    y = (rng.random(20_000) < 0.3) * 1.0
    f = np.where(rng.random(20_000) < 0.85, y, 1 - y)
    bands = (rng.random(20_000) < 0.2).astype(int)
    strata, _ = drawn(rng, y, f, bands, 150)
    before = total(strata)
    grown = []
    for s, band in zip(strata, (0, 1), strict=True):
        members = np.flatnonzero(bands == band)
        some = rng.choice(members, len(s.y) + before.more[s.name], replace=False)
        grown.append(Stratum(s.name, len(members), f[members].sum(), y[some], f[some]))
    after = total(grown)
    assert after.high - after.low == pytest.approx((before.high - before.low) / 2, rel=0.15)
    assert sum(before.more.values()) > 300


def test_the_mix_of_species_is_put_right():
    names = np.array(["deer", "fox", "blank"])
    confusion = np.array([[0.8, 0.15, 0.05], [0.3, 0.65, 0.05], [0.02, 0.02, 0.96]])
    rng, held = np.random.default_rng(1), []
    for _ in range(60):
        true = rng.choice(3, 4000, p=[0.1, 0.2, 0.7])
        said = (confusion.cumsum(1)[true] < rng.random(4000)[:, None]).sum(1)
        strata = []
        for call in range(3):
            members = np.flatnonzero(said == call)
            some = rng.choice(members, 60, replace=False)
            strata.append(
                LabelledStratum(
                    names[call], {names[call]: len(members)}, names[true[some]], names[said[some]]
                )
            )
        shares = mix(strata, ["deer", "fox"])
        share, low, high = shares["deer"]
        deer = (true == 0).sum() / (true < 2).sum()
        held.append(low <= deer <= high)
        assert low <= share <= high
        assert share + shares["fox"][0] == pytest.approx(1, abs=0.02)
        assert low == pytest.approx(1 - shares["fox"][2], abs=0.02)
    raw = (said == 0).sum() / (said < 2).sum()
    assert abs(raw - 1 / 3) > 0.05, "the machine alone is wrong here"
    assert np.mean(held) >= 0.88


def test_the_share_of_a_rare_species_reaches_as_far_as_its_counted_total():
    """One fox among 200 of 4 000 reviewed blanks may be four; a normal interval says two."""
    blank = LabelledStratum("blank", {"blank": 4000}, ["blank"] * 199 + ["fox"], ["blank"] * 200)
    fox = LabelledStratum("fox", {"fox": 80}, ["fox"] * 55 + ["deer"] * 5, ["fox"] * 60)
    deer = LabelledStratum("deer", {"deer": 800}, ["deer"] * 58 + ["fox"] * 2, ["deer"] * 60)
    strata = [blank, fox, deer]
    most = total([one.of("fox") for one in strata]).high
    every = total([one.of("fox", "deer") for one in strata]).value
    share, low, high = mix(strata, ["deer", "fox"])["fox"]
    assert low < share < high
    assert high == pytest.approx(most / (most + every * (1 - share)))
    assert high > 0.22


def reserve(rng, stations=25):
    """Units of a reserve: station, truth, machine, effort; the true rate is 30 per 100 days."""
    effort = rng.uniform(30, 100, stations)
    seen = rng.poisson(rng.gamma(2, 0.5, stations) * effort * 0.3)
    empty = rng.poisson(effort)
    station = np.repeat(np.arange(stations), seen + empty)
    y = np.concatenate([np.repeat([1.0, 0], pair) for pair in zip(seen, empty, strict=True)])
    f = (rng.random(len(y)) < np.where(y > 0, 0.6, 0.02)) * 1.0
    return station, y, f, effort


def test_a_corrected_rate_holds_the_truth_where_the_raw_one_does_not():
    rng, held, raw, values = np.random.default_rng(2), [], [], []
    for _ in range(100):
        station, y, f, effort = reserve(rng)
        strata, places = drawn(rng, y, f, f.astype(int), 100)
        sizes, machine = _by_station(station, f, len(effort))
        got = rate(strata, sizes, machine, [station[some] for some in places], effort)
        held.append(got.low <= 30 <= got.high)
        raw.append(got.raw)
        values.append(got.value)
    assert np.mean(raw) < 22 and np.mean(values) == pytest.approx(30, abs=1.5)
    assert np.mean(held) >= 0.88


def _by_station(station, f, stations):
    sizes, machine = np.zeros((stations, 2), int), np.zeros((stations, 2))
    np.add.at(sizes, (station, f.astype(int)), 1)
    np.add.at(machine, (station, f.astype(int)), f)
    return sizes, machine


def test_a_station_without_effort_leaves_with_its_units():
    rng = np.random.default_rng(3)
    station, y, f, effort = reserve(rng, 12)
    strata, places = drawn(rng, y, f, f.astype(int), 60)
    sizes, machine = _by_station(station, f, 12)
    effort[4] = 0
    got = rate(strata, sizes, machine, [station[some] for some in places], effort)
    assert got.stations == 11 and got.effort_days == pytest.approx(effort.sum())
    assert got.raw == pytest.approx(100 * f[station != 4].sum() / effort.sum())
    with pytest.raises(PopulationError, match="fewer than 2 stations"):
        rate(strata, sizes, machine, [station[some] for some in places], np.zeros(12))


def test_with_every_unit_reviewed_only_the_stations_differ():
    events, effort = np.array([3, 0, 5, 1]), np.array([40.0, 30, 60, 50])
    station = np.repeat(np.arange(4), events + 2)
    y = np.concatenate([np.repeat([1.0, 0], [n, 2]) for n in events])
    sizes, machine = (events + 2)[:, None], events[:, None].astype(float)
    got = rate([Stratum("all", len(y), y.sum(), y, y)], sizes, machine, [station], effort)
    by_hand = 100 * 9 / 180
    assert got.value == got.raw == pytest.approx(by_hand)
    spread = 4 / 3 * ((100 * events - by_hand * effort) ** 2).sum()
    assert got.se == pytest.approx(np.sqrt(spread) / 180)


def test_no_event_at_all_has_an_upper_limit():
    zero = np.zeros(200)
    sizes, machine = np.full((4, 1), 250), np.zeros((4, 1))
    at = [np.repeat(np.arange(4), 50)]
    got = rate([Stratum("all", 1000, 0.0, zero, zero)], sizes, machine, at, np.full(4, 100.0))
    assert (got.value, got.low) == (0, 0) and 2 < got.high < 6


def test_a_stratum_of_known_size_is_known_better_than_an_endless_one():
    rng = np.random.default_rng(6)
    y = (rng.random(400) < 0.4) * 1.0
    f = np.where(rng.random(400) < 0.8, y, 1 - y)
    finite = total([Stratum("all", 400, f.sum(), y[:200], f[:200])])
    assert finite.se / 400 < ppi_mean(y[:200], f[:200], f[200:]).se


def test_what_says_nothing_is_refused():
    with pytest.raises(PopulationError, match="add up to 1 or less"):
        rogan_gladen(10, 100, 40, 100, 50, 100)
    with pytest.raises(PopulationError, match="at least 2"):
        ppi_mean(np.array([1.0]), np.array([1.0]), np.ones(5))


def test_a_share_below_the_false_alarms_is_none():
    assert rogan_gladen(5, 1000, 184, 200, 490, 500).value == 0
    got = lang_reiczigel(5, 1000, 184, 200, 490, 500)
    assert 0 == got.low <= got.high < 0.05


A, B = "a", "b"
HITS = [
    Hit(A, 0, "fox", "1", 0.4),
    Hit(A, 0, "fox", "2", 0.9),
    Hit(A, 2, "fox", "3", 0.5),
    Hit(B, 0, "fox", "4", 0.5),
    Hit(B, 0, "deer", "4", 0.7),
]


def test_the_queue_asks_the_surest_hit_of_each_cell_once():
    assert [hit.item for hit in queue(HITS, {}) if hit.species == "fox"] == ["2", "3", "4"]
    assert len(queue(HITS, {})) == 4
    assert [h.item for h in queue(HITS, {("2", "fox"): False}) if h.station == A] == ["1", "3"]
    assert [h.item for h in queue(HITS, {("2", "fox"): True}) if h.station == A] == ["3"]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(*[st.integers(0, 40)] * 4, st.integers(0, 500)), min_size=1, max_size=4))
def test_a_total_lies_within_its_limits_and_they_within_what_is_possible(parts):
    strata = [
        stratum(str(n), sum(part), min(part[0] + part[2] + part[4] // 3, sum(part)), *part[:4])
        for n, part in enumerate(parts)
    ]
    if any(len(s.y) < min(2, s.size) for s in strata) or not sum(s.size for s in strata):
        return
    got = total(strata)
    least = sum(s.y.sum() for s in strata)
    most = sum(s.size - (s.y == 0).sum() for s in strata)
    assert least <= got.low <= got.value <= got.high <= most
    assert all(0 <= lam <= 1 for lam in got.lambdas)
    assert all(0 <= got.more[s.name] <= s.size - len(s.y) for s in strata)
    assert sum(s.difference(1.0) for s in strata) == pytest.approx(
        got.raw + sum(s.size * (s.y - s.f).mean() for s in strata if len(s.y))
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 30), st.floats(0, 1)),
        max_size=25,
    ),
    st.dictionaries(st.integers(0, 30), st.booleans()),
)
def test_following_the_queue_ends_and_never_asks_twice(found, truth):
    hits = [Hit(s, o, "fox", str(i), score) for s, o, i, score in found]
    verdicts, asked = {}, 0
    while todo := queue(hits, verdicts):
        hit = todo[0]
        assert (hit.item, "fox") not in verdicts
        verdicts[hit.item, "fox"] = truth.get(int(hit.item), False)
        asked += 1
    assert asked <= len({hit.item for hit in hits})

"""The plan of work: the same content gives the same windows, and no burst is torn without need."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.card import scan, windows
from pipeline.card.deployments import assign
from pipeline.records import Media
from pipeline.settings import Windows

START = datetime(2026, 5, 1, 6)


def picture(n, seconds=None, name="A", **said) -> Media:
    """The nth picture, so many seconds after the start (None: without a time)."""
    taken_at = None if seconds is None else START + timedelta(seconds=seconds)
    said = {"deployment_id": name, **said}
    return Media(f"sha{n:06}", f"{name}/IMG_{n:06}.JPG", 1, taken_at=taken_at, **said)


def bursts(media, **said) -> list[int]:
    """Lengths of the bursts, in order."""
    plan = windows.plan(media, Windows(**said))
    counts = Counter((one.deployment_id, burst) for one in plan for burst in one.bursts)
    return [counts[key] for key in sorted(counts)]


def lengths(media, size=128) -> list[int]:
    return [len(one.sha256s) for one in windows.plan(media, Windows(size=size))]


def test_pictures_that_follow_within_the_gap_are_one_burst():
    assert bursts([picture(n, s) for n, s in enumerate((0, 5, 15, 26, 27))]) == [3, 2]
    assert bursts([picture(n, s) for n, s in enumerate((0, 5, 15, 26, 27))], burst_gap_s=4) == [
        *(1, 1, 1, 2)
    ]


def test_pictures_without_a_time_come_last_in_file_order_each_for_itself():
    media = [picture(0), picture(1), picture(2, 0), picture(3, 1)]
    [window] = windows.plan(media, Windows())
    assert window.sha256s == ("sha000002", "sha000003", "sha000000", "sha000001")
    assert window.bursts == (0, 0, 1, 2)


def test_n_of_m_joins_pictures_without_a_time():
    media = [picture(n, sequence_n=n % 3 + 1, sequence_m=3) for n in range(6)]
    assert bursts(media) == [3, 3]


def test_the_cameras_own_event_number_knows_better_than_the_gap():
    slow = [picture(n, 40 * n, camera_event=7, sequence_n=n + 1, sequence_m=5) for n in range(5)]
    assert bursts(slow) == [5]
    quick = [
        picture(n, n, camera_event=n // 2, sequence_n=n % 2 + 1, sequence_m=2) for n in range(4)
    ]
    assert bursts(quick) == [2, 2]


def test_a_count_that_falls_back_begins_a_new_burst():
    media = [picture(n, n, sequence_n=n % 3 + 1, sequence_m=3) for n in range(9)]
    assert bursts(media) == [3, 3, 3]


def test_a_count_that_stands_still_begins_a_new_burst():
    """Two triggers within a second, both of one picture."""
    assert bursts([picture(n, n, sequence_n=1, sequence_m=1) for n in range(3)]) == [1, 1, 1]


def test_time_lapse_and_another_camera_break_a_burst():
    motion, lapse = "activityDetection", "timeLapse"
    media = [picture(n, n, capture_method=m) for n, m in enumerate((motion, lapse, lapse, motion))]
    assert bursts(media) == [1, 2, 1]
    assert bursts([picture(n, n, serial=s) for n, s in enumerate(("S1", None, "S1", "S2"))]) == [
        3,
        1,
    ]


def test_time_lapse_pictures_that_share_an_event_number_are_parted_by_the_gap():
    assert bursts([picture(n, 300 * n, camera_event=8) for n in range(3)]) == [1, 1, 1]


def test_windows_are_even_and_leave_no_tail():
    assert lengths([picture(n, 60 * n) for n in range(130)]) == [65, 65]
    assert lengths([picture(n, 60 * n) for n in range(128)]) == [128]
    assert lengths([picture(0, 0)]) == [1]
    assert windows.plan([], Windows()) == []


def test_windows_are_cut_between_bursts():
    media = [picture(n, 100 * (n // 50) + n % 50) for n in range(200)]
    assert lengths(media) == [100, 100]
    assert lengths(media, size=60) == [50, 50, 50, 50]


def test_a_burst_longer_than_a_window_is_cut_and_keeps_its_number():
    media = [picture(n, n) for n in range(300)]
    plan = windows.plan(media, Windows())
    assert [len(one.sha256s) for one in plan] == [100, 100, 100]
    assert {burst for one in plan for burst in one.bursts} == {0}


def test_a_short_burst_before_a_very_long_one_gets_no_tiny_window():
    media = [picture(n, n) for n in range(10)] + [picture(n, 100 + n) for n in range(10, 210)]
    assert min(lengths(media)) >= 100


def test_deployments_are_planned_apart_and_numbered_from_what_is_there():
    one, two = windows.plan(
        [picture(1, 0, "B"), picture(2, 0, "A")], Windows(), {"A": (4, 17), "C": (9, 9)}
    )
    assert (one.deployment_id, one.number, one.bursts) == ("A", 4, (17,))
    assert (two.deployment_id, two.number, two.bursts) == ("B", 0, (0,))


def test_the_same_content_twice_is_planned_once():
    [window] = windows.plan([picture(1, 0), picture(1, 0)], Windows())
    assert window.sha256s == ("sha000001",)


some_media = st.lists(
    st.builds(
        picture,
        st.integers(0, 400),
        st.none() | st.integers(0, 900),
        st.sampled_from("AB"),
        sequence_n=st.none() | st.integers(1, 3),
        sequence_m=st.just(3),
        camera_event=st.none() | st.integers(0, 4),
        serial=st.sampled_from((None, "S1", "S2")),
        capture_method=st.sampled_from((None, "timeLapse")),
    ),
    max_size=60,
    unique_by=lambda one: one.sha256,
)


@settings(deadline=None, max_examples=150)
@given(some_media, st.integers(1, 12), st.randoms(use_true_random=False))
def test_any_order_of_the_same_pictures_gives_the_same_plan(media, size, dice):
    shuffled = dice.sample(media, len(media))
    assert windows.plan(media, Windows(size=size)) == windows.plan(shuffled, Windows(size=size))


@settings(deadline=None, max_examples=150)
@given(some_media, st.integers(1, 12))
def test_every_picture_is_in_one_window_and_no_burst_is_torn_that_fits_one(media, size):
    plan = windows.plan(media, Windows(size=size))
    assert sorted(sha for one in plan for sha in one.sha256s) == sorted(one.sha256 for one in media)
    burst_of = Counter((one.deployment_id, burst) for one in plan for burst in one.bursts)
    for name in "AB":
        own = [one for one in plan if one.deployment_id == name]
        assert [one.number for one in own] == list(range(len(own)))
        numbers = [burst for one in own for burst in one.bursts]
        assert numbers == sorted(numbers)
        assert set(numbers) == set(range(len(set(numbers))))
        for one in own:
            assert len(one.sha256s) == len(one.bursts) <= size
        for last, this in pairwise(own):
            if last.bursts[-1] == this.bursts[0]:
                assert burst_of[name, this.bursts[0]] > size


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 2000), st.integers(1, 128))
def test_single_pictures_fill_as_few_windows_as_can_be_evenly(count, size):
    found = lengths([picture(n, 60 * n) for n in range(count)], size)
    assert len(found) == -(-count // size)
    assert max(found) - min(found) <= 1


def test_later_pictures_do_not_change_earlier_windows():
    first = [picture(n, n * 60) for n in range(5)]
    later = [picture(n, n * 60 + 1) for n in range(5, 9)]
    before = windows.plan(first, Windows())
    number, burst = before[-1].number + 1, before[-1].bursts[-1] + 1
    after = windows.plan(later, Windows(), {"A": (number, burst)})
    assert [one.number for one in after] == [1]
    assert after[0].bursts == (5, 6, 7, 8)


def test_real_bursts_are_found(camera_trap):
    """Ten frames of one heron; a den where the camera counts 'n of 5'; a tunnel with one or two."""

    def of(card):
        root = camera_trap / "cards" / card
        media = [scan.read_media(root, one)[0] for one in scan.scan(root)]
        media, _, _ = assign(media, card)
        return Counter(bursts([*media]))

    assert of("be_camtrapdp") == {10: 1}
    assert of("ru_fox_den").most_common(1) == [(5, 36)]
    assert set(of("no_tunnel_2")) == {1, 2}

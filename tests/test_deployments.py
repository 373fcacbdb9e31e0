"""Which camera, place and stretch of time a picture belongs to: never guessed, never half."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pipeline.card import scan
from pipeline.card.deployment_table import read_row, read_table
from pipeline.card.deployments import assign
from pipeline.card.folders import station_folders
from pipeline.errors import InputError, SettingsError
from pipeline.exchange.deployments import row_of
from pipeline.records import Deployment, Media


def assigned(media, batch, table=None):
    """Pictures with their deployment, the deployments, and troubles."""
    placed, deployments, troubles = assign(media, batch, table)
    return [*placed], deployments, [*troubles]


def picture(path, serial=None, day=None, **said) -> Media:
    taken_at = datetime(2026, 5, day, 12) if day else None
    return Media(f"sha of {path}", path, 1, serial=serial, taken_at=taken_at, **said)


def homes(media, batch="mara", table=None) -> dict[str, str]:
    return {one.path: one.deployment_id for one in assigned(media, batch, table)[0]}


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("CamA/DCIM/101RECNX/RCNX0001.JPG", "CamA"),
        ("DCIM/100EK113/EK000001.JPG", ""),
        ("CamB/100_BTCF/IMG_0001.JPG", "CamB"),
        ("north/CamC/100MEDIA/a.jpg", "north/CamC"),
        ("CamD/dcim/104XYZAB/a.jpg", "CamD"),  # the standard's own rule, below DCIM only
        ("104RIDGE/a.jpg", "104RIDGE"),  # a station's name
        ("CamE/100RECNX/night/a.jpg", "CamE/night"),
        ("DCIM/123Creek/a.jpg", "123Creek"),  # no camera writes small letters among large ones
        ("123Creek/DCIM/100XYZAB/a.jpg", "123Creek"),
        ("CamF/100RECNX - Copy/a.jpg", "CamF"),
        ("CamF/101RECNX (2)/a.jpg", "CamF"),
        ("CamA - Copy/a.jpg", "CamA - Copy"),  # nothing is beside it of which it is a copy
        ("IMG_0001.JPG", ""),
    ],
)
def test_folders_that_cameras_begin_by_themselves_are_no_stations(path, folder):
    assert station_folders([picture(path)])[path.rpartition("/")[0]] == folder


def test_each_deepest_folder_is_a_deployment_under_the_batchs_name():
    media = [picture(f"{cam}/DCIM/10{n}RECNX/a.jpg") for cam in ("CamA", "CamB") for n in (0, 1)]
    placed, found, troubles = assigned([*media, picture("loose.jpg")], "mara")
    assert [one.deployment_id for one in found] == ["mara", "mara/CamA", "mara/CamB"]
    assert [one.deployment_id for one in placed] == [*["mara/CamA"] * 2, *["mara/CamB"] * 2, "mara"]
    assert (found[1].location_name, found[1].source, troubles) == ("CamA", "folder", [])


def series(folder: str, first: int, last: int, day: int = 1, serial=None) -> list[Media]:
    """Pictures of one folder, one every ten minutes from a day of May on, with these numbers."""
    at = [datetime(2026, 5, day) + timedelta(minutes=10 * n) for n in range(last - first + 1)]
    return [
        replace(picture(f"{folder}/IMG_{first + n:04}.JPG", serial), taken_at=when)
        for n, when in enumerate(at)
    ]


def stations(*media: Media) -> set[str]:
    return set(station_folders(media).values()) - {"", "S", "DCIM"}


def test_numbered_folders_whose_files_are_counted_on_are_one_camera_of_any_maker():
    media = [
        *series("S/100WXYZ_", 1, 9),
        *series("S/101WXYZ_", 10, 15, 2),
        *series("S/103WXYZ_", 40, 44, 4),
    ]
    assert {one.deployment_id for one in assigned(media, "m")[0]} == {"m/S"}


def test_a_full_folder_is_followed_by_one_that_counts_from_one():
    media = [*series("S/100WXYZ_", 1, 999), *series("S/101WXYZ_", 1, 50, 9)]
    assert {one.deployment_id for one in assigned(media, "m")[0]} == {"m/S"}


def test_sites_with_numbers_and_one_suffix_stay_sites():
    """Two cameras at once: numbers begin again, times overlap, or serial numbers differ."""
    assert stations(*series("101CREEK", 1, 20), *series("102CREEK", 1, 20)) == {
        "101CREEK",
        "102CREEK",
    }
    assert stations(*series("101CREEK", 1, 20), *series("102CREEK", 30, 50)) == {
        "101CREEK",
        "102CREEK",
    }
    apart = [*series("101CREEK", 1, 20, 1, "A"), *series("102CREEK", 21, 40, 9, "B")]
    assert stations(*apart) == {"101CREEK", "102CREEK"}


def test_sites_below_dcim_are_sites_where_the_pictures_say_so():
    several = [*series("DCIM/101CREEK", 1, 20), *series("DCIM/102RIDGE", 1, 20)]
    assert stations(*several) == {"101CREEK", "102RIDGE"}
    at_once = [*series("DCIM/101CREEK", 1, 20), *series("DCIM/102CREEK", 1, 20)]
    assert stations(*at_once) == {"101CREEK", "102CREEK"}
    by_day = [*series("DCIM/101XYZAB", 1, 20), *series("DCIM/102XYZAB", 1, 20, 9)]
    assert stations(*by_day) == set()


def test_a_copy_beside_its_folder_is_the_same_station():
    media = [*series("CamA", 1, 9), *series("CamA - Copy", 1, 12), *series("CamA - Copy (2)", 5, 9)]
    assert stations(*media) == {"CamA"}
    below = [*series("CamA/DCIM/100RECNX", 1, 9), *series("CamA - Kopie/DCIM/100RECNX", 1, 9)]
    assert {home for home in homes(below).values()} == {"mara/CamA"}


def test_a_second_camera_that_people_call_2_stays_one_unless_its_pictures_are_the_first_s():
    two = [*series("CamA", 1, 9, 1, "A"), *series("CamA (2)", 1, 9, 1, "B")]
    assert stations(*two) == {"CamA", "CamA (2)"}
    assert stations(*series("CamA", 1, 9), *series("CamA (2)", 1, 9)) == {"CamA", "CamA (2)"}
    same = [*series("CamA", 1, 9, 1, "A"), *series("CamA (2)", 10, 19, 9, "A")]
    assert stations(*same) == {"CamA"}
    first = series("CamA", 1, 9)
    again = [replace(one, path=one.path.replace("CamA", "CamA (2)")) for one in first]
    assert stations(*first, *again) == {"CamA"}


def test_two_cards_with_the_same_folders_stay_two_deployments():
    media = [picture("CamA/a.jpg")]
    assert homes(media, "may") != homes(media, "june")


def test_a_folder_with_two_cameras_is_split_by_serial_number():
    media = [picture("A/1.jpg", "S1"), picture("A/2.jpg", "S2"), picture("A/3.jpg")]
    assert homes(media) == {"A/1.jpg": "mara/A#S1", "A/2.jpg": "mara/A#S2", "A/3.jpg": "mara/A"}


def test_a_picture_without_serial_goes_with_the_only_camera_of_its_folder():
    media = [picture("A/1.jpg", "S1"), picture("A/2.jpg"), picture("B/1.jpg", "S2")]
    assert homes(media) == {"A/1.jpg": "mara/A", "A/2.jpg": "mara/A", "B/1.jpg": "mara/B"}
    assert assigned(media, "mara")[1][0].camera_id == "S1"


def test_camera_place_and_offset_are_what_the_pictures_say():
    said = {"make": "RECONYX", "model": "HC500", "utc_offset_min": 120}
    media = [
        picture(f"A/{n}.jpg", latitude=lat, longitude=20.0, **said)
        for n, lat in enumerate((10.0, 10.2, 55.0))
    ]
    [found] = assigned(media, "mara")[1]
    assert (found.camera_model, found.latitude, found.longitude) == ("RECONYX HC500", 10.2, 20.0)
    assert found.utc_offset_min == 120
    assert (found.started_at, found.ended_at) == (None, None)  # pictures do not tell a period


def test_the_order_of_pictures_changes_no_deployment():
    media = [picture(f"{n % 3}/{n}.jpg", f"S{n % 4}", make=f"M{n % 2}") for n in range(40)]
    placed, found, _ = assigned(media, "mara")
    shuffled = random.Random(3).sample(media, len(media))
    again, found_again, _ = assigned(shuffled, "mara")
    assert found == found_again
    assert {one.sha256: one for one in placed} == {one.sha256: one for one in again}
    assert [one.path for one in again] == [one.path for one in shuffled]


def test_a_real_card_of_several_cameras_is_split(camera_trap):
    root = camera_trap / "cards" / "us_owl_burrow"
    media = [scan.read_media(root, one)[0] for one in scan.scan(root)]
    found = assigned(media, "owls")[1]
    assert len(found) == 5
    assert all(one.deployment_id == f"owls#{one.camera_id}" for one in found)


# ---- a table -----------------------------------------------------------------------------------

COLUMNS = "deploymentID,locationID,locationName,latitude,longitude,deploymentStart,deploymentEnd"


def written(tmp_path, *rows, columns=COLUMNS, encoding="utf-8", newline="\n"):
    path = tmp_path / "deployments.csv"
    path.write_bytes(newline.join([columns, *rows, ""]).encode(encoding))
    return path


def test_a_table_is_read_with_its_offset_as_camera_time(tmp_path):
    row = "d1,L1,Öst,1.5,-36.25,2026-03-27T10:00:00+01:00,2026-04-18T22:25:00+02:00"
    for encoding, newline in (("utf-8", "\n"), ("utf-8-sig", "\r\n")):
        [one] = read_table(written(tmp_path, row, encoding=encoding, newline=newline))
        assert one == Deployment(
            "d1",
            location_id="L1",
            location_name="Öst",
            latitude=1.5,
            longitude=-36.25,
            started_at=datetime(2026, 3, 27, 10),
            ended_at=datetime(2026, 4, 18, 21, 25),  # the camera did not change to summer time
            utc_offset_min=60,
            source="table",
            other={"deploymentEndOffset": "+02:00"},  # for `clock suspects`
        )


def test_columns_we_do_not_use_are_kept_and_missing_words_are_missing(tmp_path):
    columns = "deploymentID,cameraHeight,timestampIssues,latitude,longitude,bait,deploymentTags"
    path = written(tmp_path, "d1,1.20,true,NA,NaN,,access:closed | site:A", "", columns=columns)
    [one] = read_table(path)
    assert (one.other, one.timestamp_issues, one.latitude) == ({"cameraHeight": "1.20"}, True, None)
    assert one.tags == "access:closed | site:A"


def test_what_a_package_would_refuse_is_refused_with_all_faults_at_once(tmp_path):
    columns = "deploymentID,cameraHeight,cameraHeading,featureType,baitUse"
    path = written(
        tmp_path, "d1,zwei Meter,N,Forststraße,vielleicht", "d2,-1,361,,", columns=columns
    )
    with pytest.raises(SettingsError) as told:
        read_table(path)
    for fault in (
        "line 2: cameraHeight 'zwei Meter' is no number of 0 or more",
        "line 2: cameraHeading 'N' is no whole number from 0 to 360",
        "line 2: baitUse 'vielleicht' is none of true, false",
        "line 2: featureType 'Forststraße' is none of roadPaved, roadDirt",
        "line 3: cameraHeight '-1'",
        "line 3: cameraHeading '361'",
    ):
        assert fault in str(told.value)


@pytest.mark.parametrize(
    ("yes", "no"),
    [("WAHR", "FALSCH"), ("VRAI", "FAUX"), ("VERDADERO", "FALSO"), ("ja", "Nein"), ("1", "0")],
)
def test_true_and_false_are_read_as_spreadsheets_of_several_languages_write_them(tmp_path, yes, no):
    columns = "deploymentID,timestampIssues,baitUse,featureType"
    rows = f"d1,{yes},{yes},Trail game", f"d2,{no},{no},None"
    first, second = read_table(written(tmp_path, *rows, columns=columns))
    assert (first.timestamp_issues, second.timestamp_issues) == (True, False)
    assert first.other == {"baitUse": "true", "featureType": "trailGame"}
    assert second.other == {"baitUse": "false"}, "Wildlife Insights' None is no feature"


def test_a_day_alone_lasts_until_midnight(tmp_path):
    [one] = read_table(written(tmp_path, "d1,,,,,2026-05-01,2026-05-02"))
    assert (one.started_at, one.ended_at) == (
        datetime(2026, 5, 1),
        datetime(2026, 5, 3),
    )
    assert one.utc_offset_min is None
    [same_day] = read_table(written(tmp_path, "d1,,,,,2026-05-02,2026-05-02"))
    assert same_day.ended_at == datetime(2026, 5, 3)
    with pytest.raises(SettingsError, match="deploymentEnd lies before deploymentStart"):
        read_table(written(tmp_path, "d1,,,,,2026-05-02,2026-05-01"))


@pytest.mark.parametrize("offset", ["", "+03:00"])
def test_a_day_alone_as_the_end_comes_back_the_same_from_the_list(tmp_path, offset):
    start = f"2026-05-01T06:30:00{offset}"
    end = "2026-05-09" if not offset else f"2026-05-10T00:00:00{offset}"
    [first] = read_table(written(tmp_path, f"d1,,,,,{start},{end}"))
    row = row_of(first)
    assert row["deploymentEnd"] == f"2026-05-10T00:00:00{offset}"
    again = read_row({name: str(value) for name, value in row.items() if value is not None})
    assert again == first and again.ended_at == datetime(2026, 5, 10)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (",L1,,,,,", "deploymentID is empty"),
        ("d0,,,,,,", "deploymentID 'd0' stands in an earlier row too"),
        ("d1,,,91,0,,", "latitude '91' is no number -90 to 90"),
        ('d1,,,"1,5",36,,', "latitude '1,5' is no number -90 to 90; write it as 1.5"),
        ("d1,,,nan(),36,,", "latitude 'nan()' is no number"),
        ("d1,,,1.5,,,", "latitude and longitude belong together"),
        ("d1,,,,,soon,", "deploymentStart 'soon' is no time like"),
        (
            "d1,,,,,05/04/2009,",
            "deploymentStart '05/04/2009' is no time like 2026-05-01T09:30:00+02:00; write the "
            "year first: 2009-04-05 or 2009-05-04",
        ),
        (
            "d1,,,,,,25/4/09",
            "deploymentEnd '25/4/09' is no time like 2026-05-01T09:30:00+02:00;"
            " write the year first: 2009-04-25",
        ),
        ("d1,,,,,2026-05-02T00:00:00Z,2026-05-01T00:00:00Z", "deploymentEnd lies before"),
        (
            "d1,,,,,2026-05-01T00:00:00Z,2026-05-02T00:00:00",
            "deploymentStart and deploymentEnd: both",
        ),
        ("d1,,,,,,,surplus", "1 value more than columns"),
    ],
)
def test_every_fault_names_its_row(tmp_path, row, fault):
    path = written(tmp_path, "d0,,,,,,", row)
    with pytest.raises(SettingsError) as error:
        read_table(path)
    assert f"line 3: {fault}" in str(error.value)
    assert "\n" not in str(error.value)


def test_all_faults_of_a_table_are_named_at_once(tmp_path):
    path = written(tmp_path, *(f"d{n},,,95,0,," for n in range(30)))
    with pytest.raises(SettingsError, match=r"line 2: .*; line 21: .*; and 10 more"):
        read_table(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "found: nothing"),
        (b"deploymentID|latitude\nd1|1\n", r"found: deploymentID\|latitude"),
        (b"deploymentID,deploymentID\nd1,d2\n", "two columns mean the same: deploymentID"),
        (b"deploymentID\n\x81\xff\n", "save the table as CSV UTF-8"),
        (b'deploymentID\n"d1\n', "not a CSV file"),
        (b"deploymentID\n", "no deployments in it"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_in_one_line(tmp_path, data, words):
    path = tmp_path / "deployments.csv"
    path.write_bytes(data)
    with pytest.raises(SettingsError, match=words):
        read_table(path)
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_table(tmp_path / "nowhere.csv")


def test_the_official_example_table_is_read(camera_trap):
    table = read_table(camera_trap / "camtrap_dp" / "deployments.csv")
    assert [one.deployment_id for one in table] == ["00a2c20d", "29b7d356", "577b543a", "62c200a9"]
    root = camera_trap / "cards" / "be_camtrapdp"
    media = [scan.read_media(root, one)[0] for one in scan.scan(root)]
    _, [found], troubles = assigned(media, "62c200a9", table)  # the card named after it
    assert (found.location_name, troubles) == ("B_DM_val 4_'t WAD", [])


def may(first: int | None, last: int | None, name="d1", **said) -> Deployment:
    return Deployment(
        name,
        started_at=datetime(2026, 5, first) if first else None,
        ended_at=datetime(2026, 5, last) if last else None,
        source="table",
        **said,
    )


def test_identifier_goes_before_place_before_camera():
    table = [
        may(1, 30, "north", camera_id="S9"),
        may(1, 30, "d2", location_id="L2", location_name="Big Rock"),
        may(1, 30, "d3", camera_id="S3"),
    ]
    media = [
        picture("Big Rock/north/DCIM/100RECNX/1.jpg", "S3", 5),
        picture("L2/2.jpg", "S3", 5),
        picture("big rock/3.jpg", None, 5),
        picture("anywhere/4.jpg", "S3", 5),
        picture("S9/5.jpg", None, 5),
    ]
    assert [*homes(media, table=table).values()] == ["north", "d2", "d2", "d3", "north"]


def test_the_deepest_folder_counts_and_the_cards_own_name_last():
    table = [may(1, 30, "west"), may(1, 30, "west-2"), may(1, 30, "mara")]
    media = [picture("west/west-2/1.jpg"), picture("west/2.jpg"), picture("x/3.jpg")]
    assert [*homes(media, table=table).values()] == ["west-2", "west", "mara"]


def test_one_spelling_of_an_accent_is_as_good_as_the_other():
    assert homes([picture("cafe\u0301/1.jpg")], table=[may(1, 2, "caf\u00e9")]) == {
        "cafe\u0301/1.jpg": "caf\u00e9"
    }


def test_of_several_deployments_at_one_place_the_period_decides():
    table = [may(1, 10, "d1", location_id="L"), may(11, 20, "d2", location_id="L")]
    media = [picture(f"L/{day}.jpg", day=day) for day in (5, 15, 25)]
    placed, found, [trouble] = assigned(media, "mara", table)
    assert [one.deployment_id for one in placed] == ["d1", "d2", "d2"]
    assert [one.deployment_id for one in found] == ["d1", "d2"]
    assert (trouble.path, trouble.reason) == ("L/25.jpg", "outside_deployment")
    assert trouble.detail == (
        "taken 2026-05-25 12:00:00, d2 ran 2026-05-11 00:00:00 to 2026-05-20 00:00:00"
    )


def test_a_picture_taken_outside_its_period_stays_and_is_a_trouble():
    placed, _, troubles = assigned(
        [picture("d1/1.jpg", day=3), picture("d1/2.jpg", day=9), picture("d1/3.jpg")],
        "mara",
        [may(5, None)],
    )
    assert len(placed) == 3
    assert [one.path for one in troubles] == ["d1/1.jpg"]


def test_a_picture_without_time_goes_with_the_others_of_its_folder():
    table = [may(1, 10, "d1", location_id="L"), may(11, 20, "d2", location_id="L")]
    media = [picture("L/100RECNX/1.jpg", day=5), picture("L/101RECNX/2.jpg")]
    assert [*homes(media, table=table).values()] == ["d1", "d1"]


def test_two_cameras_at_one_place_are_told_apart_by_serial():
    table = [may(1, 9, f"d{n}", location_id="L", camera_id=f"S{n}") for n in (1, 2)]
    media = [picture("L/1.jpg", "S2", 5), picture("L/2.jpg", "S1", 5)]
    assert [*homes(media, table=table).values()] == ["d2", "d1"]


def test_a_folder_that_fits_nothing_is_refused_with_all_that_is_known():
    media = [picture("d1/1.jpg"), picture("camX/100RECNX/2.jpg"), picture("3.jpg")]
    with pytest.raises(InputError) as error:
        assigned(media, "mara", [may(1, 9), may(1, 9, "d2")])
    assert "fits the folders (the card itself), camX; known: d1, d2." in str(error.value)


def test_a_folder_that_fits_several_is_refused_and_not_guessed():
    table = [may(1, 20, name, location_id="L") for name in ("d1", "d2")]
    with pytest.raises(InputError, match=r"folder L: pictures fit several deployments \(d1, d2\)"):
        assigned([picture("L/1.jpg", day=5)], "mara", table)


def test_a_moment_between_two_deployments_is_never_in_both():
    table = [may(1, 10, "d1", location_id="L"), may(11, 20, "d2", location_id="L")]
    table.append(may(20, 25, "d3", location_id="L"))
    halfway = replace(picture("L/1.jpg"), taken_at=datetime(2026, 5, 10, 12))
    touching = replace(picture("L/2.jpg"), taken_at=datetime(2026, 5, 20))
    assert [*homes([halfway, touching], table=table).values()] == ["d1", "d3"]


def test_the_order_of_the_table_changes_nothing():
    table = [may(day, day + 4, f"d{day}", location_id="L") for day in range(1, 25, 5)]
    media = [picture(f"L/{day}.jpg", day=day) for day in range(1, 28)]
    turned = assigned(media, "mara", table[::-1])
    assert assigned(media, "mara", table) == turned
    assert replace(turned[0][0], deployment_id="") == media[0]


@pytest.mark.parametrize("mark", ";\t")
def test_a_table_as_excel_writes_it_elsewhere_is_read(tmp_path, mark):
    rows = ("deploymentID,locationName,latitude,longitude", 'd1,"gate, north",-2.5,34')
    path = tmp_path / "deployments.csv"
    path.write_text("\n".join(rows).replace(",", mark).replace(f"gate{mark}", "gate,"))
    [one] = read_table(path)
    assert (one.location_name, one.latitude) == ("gate, north", -2.5)


@pytest.mark.parametrize("mark", ";\t")
def test_decimal_commas_are_read_where_no_comma_parts_columns(tmp_path, mark):
    path = tmp_path / "deployments.csv"
    path.write_text(f"deploymentID{mark}latitude{mark}longitude\nd1{mark}-2,5{mark}34,125\n")
    [one] = read_table(path)
    assert (one.latitude, one.longitude) == (-2.5, 34.125)
    path.write_text(f"deploymentID{mark}latitude{mark}longitude\nd1{mark}1,2,5{mark}34\n")
    with pytest.raises(SettingsError, match="latitude '1,2,5' is no number"):
        read_table(path)


def test_an_hour_of_one_digit_is_an_hour(tmp_path):
    [one] = read_table(written(tmp_path, "d1,,,,,2009-05-10 8:00,2009-05-11T9:30:00"))
    assert (one.started_at, one.ended_at) == (
        datetime(2009, 5, 10, 8),
        datetime(2009, 5, 11, 9, 30),
    )

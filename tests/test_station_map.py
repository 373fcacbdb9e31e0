"""Stations on a map that needs no network, over the user's own drawing."""

import json
import re
from xml.etree import ElementTree

import pytest

from pipeline.errors import InputError
from pipeline.report.maps.geojson import read_backdrop
from pipeline.report.maps.stations import KM_A_DEGREE, MapStation, station_map

SVG = "{http://www.w3.org/2000/svg}"


def circles(text: str) -> dict[str, tuple[float, float, float]]:
    """(x, y, radius) by the words of each station."""
    return {
        circle.findtext(f"{SVG}title"): tuple(float(circle.get(n)) for n in ("cx", "cy", "r"))
        for circle in ElementTree.fromstring(text).iter(f"{SVG}circle")
        if circle.get("class") == "station"
    }


def test_north_is_up_east_is_right_and_the_bar_has_the_length_it_says():
    places = [MapStation("A", 0.0, 10.0, 4, "/a"), MapStation("B", 0.5, 11.0, 1, "/b")]
    text = station_map(places)
    (ax, ay, ar), (bx, by, br) = circles(text).values()
    assert ax < bx and ay > by and ar > br
    bar = re.search(r'class="scale" fill="none" d="M20 .*H([\d.]+)V', text)
    km = float(re.search(r">(\d+) km<", text)[1])
    units = (float(bar[1]) - 20) / km
    assert (bx - ax) / units == pytest.approx(KM_A_DEGREE, rel=0.01)


def test_one_station_alone_and_stations_across_the_date_line_are_drawn():
    assert "200 m" not in station_map([]) and station_map([]) == ""
    [(x, _, _)] = circles(station_map([MapStation("A", 60, 30, 0, "/")])).values()
    assert x == 500
    fiji = [MapStation("W", -17, 179.9, 1, "/"), MapStation("E", -17, -179.9, 1, "/")]
    found = circles(station_map(fiji))
    assert 100 < found["E: 1 visit"][0] - found["W: 1 visit"][0] < 900


def test_names_do_not_lie_on_each_other_and_hostile_ones_stay_text():
    bad = '<script>alert("1")</script>'
    crowd = [MapStation(f"{bad}{n}", 1 + n / 1e6, 1, n, f'/x?a="{n}"&b') for n in range(30)]
    text = station_map(crowd)
    assert "<script" not in text
    tree = ElementTree.fromstring(text)
    names = [node for node in tree.iter(f"{SVG}text") if node.get("class") == "name"]
    assert 1 <= len(names) < 6 and names[0].text.startswith(bad)
    assert len(circles(text)) == 30


@pytest.fixture
def drawn(tmp_path):
    def write(given) -> str:
        path = tmp_path / "park.geojson"
        path.write_text(given if isinstance(given, str) else json.dumps(given), "utf-8")
        return path

    return write


def test_a_border_a_river_and_a_hut_lie_below_the_stations(drawn):
    ring = [[0, 0], [2, 0], [2, 2], [0, 0]]
    far = {"type": "LineString", "coordinates": [[80, 50], [81, 50]]}
    shapes = [
        {"type": "Polygon", "coordinates": [ring]},
        {"type": "MultiPolygon", "coordinates": [[ring], [ring]]},
        {"type": "LineString", "coordinates": [[0, 0, 12.5], [1, 1, 12.5]]},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 1]}]},
        far,
    ]
    features = [{"type": "Feature", "geometry": shape, "properties": {}} for shape in shapes]
    features.append({"type": "Feature", "geometry": None})
    backdrop = read_backdrop(drawn({"type": "FeatureCollection", "features": features}))
    assert [len(backdrop.areas), len(backdrop.lines), len(backdrop.points)] == [3, 2, 1]
    places = [MapStation("A", 0.5, 0.5, 1, "/"), MapStation("B", 1.5, 1.5, 1, "/")]
    text = station_map(places, backdrop)
    assert text.count('class="area"') == 3
    assert text.count('class="line"') == 1, "what is far away is left out"
    assert text.index('class="area"') < text.index('class="station"')


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("no json", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ({"type": "Topology"}, "unknown type 'Topology'"),
        ({"type": "FeatureCollection", "features": []}, "no point, line or area"),
        ({"type": "Point", "coordinates": [500_000, 4_649_776]}, "WGS 84"),
        ({"type": "Point", "coordinates": ["1", "2"]}, "degrees east"),
        ({"type": "LineString", "coordinates": 3}, "no list"),
        ({"type": "Polygon", "coordinates": None}, "no list"),
        ({"type": "Point", "coordinates": [float("nan"), 1]}, "degrees east"),
    ],
)
def test_what_is_no_drawing_is_said_in_one_line(drawn, given, said):
    with pytest.raises(InputError, match=said):
        read_backdrop(drawn(given))

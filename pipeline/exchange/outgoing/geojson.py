"""Layers as GeoJSON (RFC 7946): one collection, `layer` says which a point belongs to."""

import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.exchange.outgoing.layers import Layer
from pipeline.tables.whole import whole_file


def write_geojson(layers: Sequence[Layer], path: Path) -> None:
    """Write a new file; InputError where it is there already."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": list(point)},
            "properties": {"layer": layer.name, **dict(zip(layer.columns, row, strict=True))},
        }
        for layer in layers
        for point, row in layer.rows
    ]
    with whole_file(path) as working:
        collection = {"type": "FeatureCollection", "features": features}
        working.write_text(json.dumps(collection, indent=1, ensure_ascii=False) + "\n", "utf-8")

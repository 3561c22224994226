"""The project as files: read by parsers of other people, valid by Microsoft's schemas, the same each time."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from dax_quax.dax.resolve import references_in
from dax_quax.sources.pbip import load_model
from jsonschema import Draft7Validator
from letin.m.validate import validate_expression
from powerbi_projects import CONTRACTS, MODEL, ROOT, query_of, relationships_of, river_contract, table_nodes
from referencing import Registry, Resource

from courant.powerbi import project
from courant.powerbi.project import may_replace, project_files, write_project
from courant.powerbi.theme import COLOURS, THEME_NAME
from dashboard.charts import COLOURS as DASHBOARD_COLOURS

FILES = project_files(CONTRACTS)
SCHEMAS = Path(__file__).parent / "schemas"
HOST = "https://developer.microsoft.com/json-schemas/"
VISUALS = {path: json.loads(text) for path, text in FILES.items() if path.endswith("visual.json")}
PARAMETERS = {"Server", "Database", "ImportFrom"}


@cache
def registry() -> Registry[Any]:
    """Give Microsoft's schemas by their addresses."""
    resources = {
        HOST + path.relative_to(SCHEMAS).as_posix(): Resource.from_contents(
            json.loads(path.read_text("utf-8"))
        )
        for path in SCHEMAS.rglob("*.json")
    }
    return Registry().with_resources(resources.items())


def schema_faults(document: dict[str, Any]) -> list[str]:
    validator = Draft7Validator(registry().contents(document["$schema"]), registry=registry())
    return [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(document)]


# -- the whole


def test_the_committed_project_is_what_the_contracts_make() -> None:
    """`make powerbi` after a change of a contract."""
    folder = ROOT / "powerbi"
    ignored = re.compile(r"\.pbi/")  # what Power BI Desktop leaves for itself
    there = {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in folder.rglob("*")
        if path.is_file() and not ignored.search(path.as_posix())
    }
    assert sorted(there) == sorted(FILES)
    assert [path for path, text in FILES.items() if there[path] != text] == []


def test_making_it_again_gives_the_same_bytes_in_any_order_of_contracts() -> None:
    assert project_files(dict(sorted(CONTRACTS.items()))) == FILES


def test_no_file_holds_an_account_or_a_password() -> None:
    for path, text in FILES.items():
        assert not re.search(r"courant_(reader|writer|owner)|password|pwd|username", text, re.IGNORECASE), (
            path
        )


def test_a_project_is_replaced_whole_and_nothing_else_is(tmp_path: Path) -> None:
    folder = tmp_path / "powerbi"
    write_project({"Courant.pbip": "1", "old/file": "1"}, folder)
    write_project({"Courant.pbip": "2"}, folder)

    assert [(p.name, p.read_text()) for p in tmp_path.rglob("*") if p.is_file()] == [("Courant.pbip", "2")]
    assert may_replace(folder)
    assert may_replace(tmp_path / "new")
    (tmp_path / "thesis.txt").write_text("years of work")
    assert not may_replace(tmp_path)
    assert not may_replace(tmp_path / "thesis.txt")


def test_a_write_that_fails_leaves_the_earlier_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "powerbi"
    write_project({"Courant.pbip": "1"}, folder)

    with pytest.raises(TypeError):
        write_project({"Courant.pbip": "2", "broken": None}, folder)  # type: ignore[dict-item]
    assert (folder / "Courant.pbip").read_text() == "1"

    rename = Path.rename

    def fail_on_new(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError("disk full")
        return rename(self, target)

    monkeypatch.setattr(project.Path, "rename", fail_on_new)
    with pytest.raises(OSError, match="disk full"):
        write_project({"Courant.pbip": "2"}, folder)
    assert (folder / "Courant.pbip").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["powerbi"]


# -- the model


def test_every_line_of_the_model_is_understood() -> None:
    assert len(table_nodes(FILES)) == 13  # asserts that no line is beyond the parser


def test_a_misspelt_keyword_is_noticed() -> None:
    path = f"{MODEL}/tables/Créneau.tmdl"
    with pytest.raises(AssertionError, match="colum Heure"):
        table_nodes({path: FILES[path].replace("\tcolumn Heure", "\tcolum Heure")})


def test_every_formula_refers_to_what_is_there(tmp_path: Path) -> None:
    assert dax_faults(FILES, tmp_path) == []


def test_a_formula_on_a_column_that_is_not_there_is_noticed(tmp_path: Path) -> None:
    path = f"{MODEL}/tables/Bilan.tmdl"
    broken = FILES | {path: FILES[path].replace("SUM('Bilan'[Pertes (W)])", "SUM('Bilan'[Perte (W)])")}
    assert [name for name, _ in dax_faults(broken, tmp_path)] == ["Pertes (GWh)"]


def dax_faults(files: Mapping[str, str], folder: Path) -> list[tuple[str, str]]:
    write_project(files, folder / "powerbi")
    model = load_model(folder / "powerbi" / "Courant.pbip")
    assert len(model.measures) == 100
    faults = []
    for measure in model.measures.values():
        found = references_in(measure.expression, model, measure.ref.table)
        local = {"[@forecast]", "[@actual]"}  # columns that ADDCOLUMNS makes
        faults += [(measure.ref.name, fault.text) for fault in found.unresolved if fault.text not in local]
    return faults


@pytest.mark.parametrize("name", sorted(table_nodes(FILES)))
def test_every_query_is_m_with_names_that_exist(name: str) -> None:
    assert validate_expression(query_of(table_nodes(FILES)[name]), PARAMETERS) == []


def test_a_query_that_is_wrong_is_noticed() -> None:
    query = query_of(table_nodes(FILES)["Bilan"])
    for right, wrong in (
        ("MySQL.Database(Server,", "MySQL.Database(Servr,"),
        ("Table.SelectRows(Everything,", "Table.SelectRow(Everything,"),
        ("[Data],", "[Data]"),
    ):
        assert validate_expression(query.replace(right, wrong, 1), PARAMETERS), wrong


def test_every_relationship_of_the_text_ends_at_columns_of_the_text(tmp_path: Path) -> None:
    write_project(FILES, tmp_path / "powerbi")
    model = load_model(tmp_path / "powerbi" / "Courant.pbip")
    columns = {(column.ref.table, column.ref.name) for column in model.columns.values()}
    ties = relationships_of(FILES)
    assert len(ties) == 17
    ends = {(tie[f"{end}Table"], tie[f"{end}Column"]) for tie in ties for end in ("From", "To")}
    assert ends <= columns


def test_tags_are_unique() -> None:
    tags = re.findall(r"(?:lineageTag: |relationship )([0-9a-f-]{36})", "".join(FILES.values()))
    assert len(tags) == len(set(tags)) > 200


# -- the report


@pytest.mark.parametrize("path", [path for path, text in FILES.items() if '"$schema"' in text])
def test_every_document_is_valid_by_microsofts_schema(path: str) -> None:
    assert schema_faults(json.loads(FILES[path])) == []


def test_a_document_with_a_fault_is_not_valid() -> None:
    visual = json.loads(next(iter(FILES[path] for path in VISUALS if "overview_sources" in path)))
    del visual["position"]["width"]
    visual["visual"]["query"]["queryState"]["Y"]["projections"][0].pop("queryRef")
    assert len(schema_faults(visual)) >= 2


def test_every_field_that_a_visual_shows_is_in_the_model() -> None:
    assert len([found for visual in VISUALS.values() for found in fields_of(visual)]) > 60
    assert unknown_fields(FILES) == []
    refs = [p for visual in VISUALS.values() for p in projections_of(visual)]
    assert len(refs) > 40
    for projection in refs:
        ((_, (table, name)),) = list(fields_of(projection))
        assert projection["queryRef"] == f"{table}.{name}"


def test_a_visual_of_a_measure_that_is_not_there_is_noticed() -> None:
    path = f"{MODEL}/tables/Bilan.tmdl"
    renamed = FILES | {path: FILES[path].replace("measure 'Pertes (GWh)'", "measure 'Pertes, énergie (GWh)'")}
    assert unknown_fields(renamed) == [("Measure", ("Bilan", "Pertes (GWh)"))]


def unknown_fields(files: Mapping[str, str]) -> list[tuple[str, tuple[str, str]]]:
    tables = table_nodes(files)
    known = {
        kind: {(t.name, child.name) for t in tables.values() for child in t.find(kind.lower())}
        for kind in ("Column", "Measure")
    }
    shown = [found for visual in VISUALS.values() for found in fields_of(visual)]
    return [(kind, where) for kind, where in shown if where not in known[kind]]


def projections_of(node: object) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for one in node for found in projections_of(one)]
    if isinstance(node, dict):
        return ([node] if "queryRef" in node else []) + projections_of(list(node.values()))
    return []


def fields_of(node: object, source: str = "") -> list[tuple[str, tuple[str, str]]]:
    """List each Column and Measure under a node; a filter names its table beside it."""
    if isinstance(node, list):
        return [found for one in node for found in fields_of(one, source)]
    if not isinstance(node, dict):
        return []
    source = node["From"][0]["Entity"] if "From" in node else source
    own = [
        (kind, (node[kind]["Expression"]["SourceRef"].get("Entity", source), node[kind]["Property"]))
        for kind in ("Column", "Measure")
        if kind in node
    ]
    return own + fields_of(list(node.values()), source)


def test_pages_are_in_reading_order_and_their_folders_are_there() -> None:
    pages = json.loads(FILES["Courant.Report/definition/pages/pages.json"])
    assert pages["pageOrder"] == ["overview", "load_curves", "regions", "forecast"]
    titles = [
        json.loads(FILES[f"Courant.Report/definition/pages/{name}/page.json"])["displayName"]
        for name in pages["pageOrder"]
    ]
    assert titles == ["Vue d'ensemble", "Courbes de charge", "Régions", "Prévision"]


def test_visuals_lie_on_the_page_and_not_on_one_another() -> None:
    by_page: dict[str, list[dict[str, float]]] = {}
    for path, visual in VISUALS.items():
        by_page.setdefault(path.split("/")[3], []).append(visual["position"])
    assert len(by_page) == 4
    for page, boxes in by_page.items():
        for box in boxes:
            assert box["x"] >= 0 <= box["y"], page
            assert box["x"] + box["width"] <= 1280 and box["y"] + box["height"] <= 720, page
        for one, other in combinations(boxes, 2):
            apart = (
                one["x"] + one["width"] <= other["x"]
                or other["x"] + other["width"] <= one["x"]
                or one["y"] + one["height"] <= other["y"]
                or other["y"] + other["height"] <= one["y"]
            )
            assert apart, (page, one, other)


def test_each_visual_says_in_words_what_it_shows() -> None:
    for path, visual in VISUALS.items():
        words = visual["visual"]["visualContainerObjects"]["general"][0]["properties"]["altText"]
        assert len(words["expr"]["Literal"]["Value"]) > 4, path


def test_the_theme_is_the_dashboards_and_goes_by_its_files_name() -> None:
    theme = json.loads(FILES[f"Courant.Report/StaticResources/RegisteredResources/{THEME_NAME}"])
    assert theme["dataColors"] == list(COLOURS) == list(DASHBOARD_COLOURS)
    report = json.loads(FILES["Courant.Report/definition/report.json"])
    assert report["themeCollection"]["customTheme"]["name"] == theme["name"] == THEME_NAME


def test_a_page_whose_tables_are_missing_is_left_out(tmp_path: Path) -> None:
    river = project_files({"river": river_contract(tmp_path)})
    assert json.loads(river["Courant.Report/definition/pages/pages.json"])["pageOrder"] == []
    assert validate_expression(query_of(table_nodes(river)["river"]), PARAMETERS) == []

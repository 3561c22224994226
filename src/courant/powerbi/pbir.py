"""Pages as PBIR: a JSON document a page and a visual, and those of the report itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from courant.powerbi.theme import THEME, THEME_NAME
from courant.powerbi.visuals import PAGE_SIZE, FieldRef, Page, Visual

Document = dict[str, Any]
SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"
_REPORT = f"{SCHEMAS}/item/report/definition"
#: The versions of August 2025: a Power BI Desktop since then reads them, and writes newer ones when it saves.
_SCHEMA = {
    "report": f"{_REPORT}/report/3.0.0/schema.json",
    "pages": f"{_REPORT}/pagesMetadata/1.0.0/schema.json",
    "page": f"{_REPORT}/page/2.0.0/schema.json",
    "visual": f"{_REPORT}/visualContainer/2.2.0/schema.json",
    "version": f"{_REPORT}/versionMetadata/1.0.0/schema.json",
}


def report_files(pages: Sequence[Page]) -> dict[str, str]:
    """Write the report's folder.

    Returns
    -------
    dict of str to str
        The text of each file, by its path in the folder; `definition.pbir` and `.platform` are project's.
    """
    documents: dict[str, Document] = {
        "definition/version.json": {"$schema": _SCHEMA["version"], "version": "2.0.0"},
        "definition/report.json": _report(),
        "definition/pages/pages.json": _pages(pages),
        f"StaticResources/RegisteredResources/{THEME_NAME}": THEME,
    }
    for page in pages:
        folder = f"definition/pages/{page.name}"
        documents[f"{folder}/page.json"] = _page(page)
        for order, visual in enumerate(page.visuals):
            name = f"{page.name}_{visual.name}"
            documents[f"{folder}/visuals/{name}/visual.json"] = _visual(visual, name, order)
    return {path: to_json(document) for path, document in documents.items()}


def to_json(document: Document) -> str:
    """Write a document as Power BI Desktop would: two blanks a level, in the order of its keys."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _report() -> Document:
    theme = {"name": THEME_NAME, "path": THEME_NAME, "type": "CustomTheme"}
    return {
        "$schema": _SCHEMA["report"],
        "themeCollection": {
            "customTheme": {
                "name": THEME_NAME,
                "reportVersionAtImport": {"visual": "2.2.0", "report": "3.0.0", "page": "2.0.0"},
                "type": "RegisteredResources",
            }
        },
        "resourcePackages": [
            {"name": "RegisteredResources", "type": "RegisteredResources", "items": [theme]}
        ],
        "settings": {
            "useStylableVisualContainerHeader": True,
            "defaultDrillFilterOtherVisuals": True,
            "useEnhancedTooltips": True,
        },
    }


def _pages(pages: Sequence[Page]) -> Document:
    order = [page.name for page in pages]
    first = {"activePageName": order[0]} if order else {}
    return {"$schema": _SCHEMA["pages"], "pageOrder": order, **first}


def _page(page: Page) -> Document:
    width, height = PAGE_SIZE
    return {
        "$schema": _SCHEMA["page"],
        "name": page.name,
        "displayName": page.title,
        "displayOption": "FitToPage",
        "height": height,
        "width": width,
    }


def _visual(visual: Visual, name: str, order: int) -> Document:
    x, y, width, height = visual.box
    position = {"x": x, "y": y, "z": order, "height": height, "width": width, "tabOrder": order}
    content: Document = {"visualType": visual.type}
    if visual.roles:
        content["query"] = _query(visual)
    if objects := _objects(visual):
        content["objects"] = objects
    content["visualContainerObjects"] = _container(visual)
    content["drillFilterOtherVisuals"] = True
    return {"$schema": _SCHEMA["visual"], "name": name, "position": position, "visual": content}


def _query(visual: Visual) -> Document:
    state = {
        role: {"projections": [_projection(field, is_active=role == "Category") for field in fields]}
        for role, fields in visual.roles
    }
    query: Document = {"queryState": state}
    if visual.sort is not None:
        field, direction = visual.sort
        query["sortDefinition"] = {"sort": [{"field": _expression(field), "direction": direction}]}
    return query


def _projection(field: FieldRef, *, is_active: bool) -> Document:
    active = {"active": True} if is_active else {}
    return {
        "field": _expression(field), "queryRef": field.query_ref, "nativeQueryRef": field.name, **active,
    }  # fmt: skip


def _expression(field: FieldRef, *, source: Document | None = None) -> Document:
    reference = {"Expression": {"SourceRef": source or {"Entity": field.table}}, "Property": field.name}
    return {"Measure" if field.is_measure else "Column": reference}


def _objects(visual: Visual) -> Document:
    if visual.type == "textbox":
        style = {"fontSize": "18pt", "fontWeight": "bold"}
        return {
            "general": [_properties(paragraphs=[{"textRuns": [{"value": visual.title, "textStyle": style}]}])]
        }
    if visual.type == "slicer" and visual.only is not None:
        return {
            "data": [_properties(mode=_literal("'Dropdown'"))],
            "selection": [_properties(singleSelect=_literal("true"))],
            "general": [_properties(filter={"filter": _only(visual.fields[0], visual.only)})],
        }
    if visual.type == "slicer":
        mode = "'Between'" if visual.fields[0].name == "Date" else "'Dropdown'"
        return {"data": [_properties(mode=_literal(mode))]}
    return {}


def _only(field: FieldRef, value: str) -> Document:
    """Write the filter that keeps one value."""
    text = "'" + value.replace("'", "''") + "'"
    chosen = {
        "Expressions": [_expression(field, source={"Source": "t"})],
        "Values": [[{"Literal": {"Value": text}}]],
    }
    source = [{"Name": "t", "Entity": field.table, "Type": 0}]
    return {"Version": 2, "From": source, "Where": [{"Condition": {"In": chosen}}]}


def _container(visual: Visual) -> Document:
    """Give a title, and the same words to those who cannot see the visual."""
    words = _literal("'" + visual.title.replace("'", "''") + "'")
    shown = (
        {"show": _literal("false")} if visual.type == "textbox" else {"show": _literal("true"), "text": words}
    )
    return {"title": [_properties(**shown)], "general": [_properties(altText=words)]}


def _properties(**properties: object) -> Document:
    return {"properties": properties}


def _literal(value: str) -> Document:
    return {"expr": {"Literal": {"Value": value}}}

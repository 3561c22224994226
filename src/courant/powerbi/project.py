"""The project's folder: what Power BI Desktop opens, written whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from courant.domain.contract import Contract
from courant.powerbi.pages import build_pages
from courant.powerbi.pbir import SCHEMAS, report_files, to_json
from courant.powerbi.star import NAME, build_model
from courant.powerbi.tmdl import tag, tmdl_files

REPORT, SEMANTIC_MODEL = f"{NAME}.Report", f"{NAME}.SemanticModel"


def project_files(contracts: Mapping[str, Contract]) -> dict[str, str]:
    """Make the project of all data sets that have a contract.

    Returns
    -------
    dict of str to str
        The text of each file, by its path in the project's folder. Equal contracts give equal bytes.
    """
    model = build_model(contracts)
    return {
        f"{NAME}.pbip": to_json(_shortcut()),
        ".gitignore": "**/.pbi/localSettings.json\n**/.pbi/cache.abf\n",
        f"{SEMANTIC_MODEL}/.platform": to_json(_platform("SemanticModel")),
        f"{SEMANTIC_MODEL}/definition.pbism": to_json(
            _properties("semanticModel", "1.0.0", version="4.2", settings={})
        ),
        **{f"{SEMANTIC_MODEL}/definition/{path}": text for path, text in tmdl_files(model).items()},
        f"{REPORT}/.platform": to_json(_platform("Report")),
        f"{REPORT}/definition.pbir": to_json(
            _properties(
                "report",
                "2.0.0",
                version="4.0",
                datasetReference={"byPath": {"path": f"../{SEMANTIC_MODEL}"}},
            )
        ),
        **{f"{REPORT}/{path}": text for path, text in report_files(build_pages(model)).items()},
    }


def may_replace(folder: Path) -> bool:
    """Tell whether nothing is lost with the folder that could not be made anew: it is empty, ours or not there."""
    return not folder.exists() or (
        folder.is_dir() and ((folder / f"{NAME}.pbip").is_file() or not any(folder.iterdir()))
    )


def write_project(files: Mapping[str, str], folder: Path) -> None:
    """Put the folder in the place of an earlier one, whole or not at all.

    What Power BI Desktop saved into the earlier one goes with it, its cache of the data too.

    Parameters
    ----------
    files
        As `project_files` gives them.
    folder
        One that `may_replace` allows.
    """
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        new, old = Path(scratch) / "new", Path(scratch) / "old"
        for path, text in files.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_text(text, encoding="utf-8", newline="\n")
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise


def _shortcut() -> dict[str, object]:
    return {
        "$schema": f"{SCHEMAS}/pbip/pbipProperties/1.0.0/schema.json",
        "version": "1.0",
        "artifacts": [{"report": {"path": REPORT}}],
        "settings": {"enableAutoRecovery": True},
    }


def _platform(kind: str) -> dict[str, object]:
    return {
        "$schema": f"{SCHEMAS}/gitIntegration/platformProperties/2.0.0/schema.json",
        "metadata": {"type": kind, "displayName": NAME},
        "config": {"version": "2.0", "logicalId": tag("item", kind)},
    }


def _properties(item: str, schema: str, **content: object) -> dict[str, object]:
    return {"$schema": f"{SCHEMAS}/item/{item}/definitionProperties/{schema}/schema.json", **content}

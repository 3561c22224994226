"""What the tests of the Power BI project share: projects made of contracts, and read back by other people's parsers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dax_quax.sources.tmdl import TmdlNode, parse_tmdl

from courant.domain.contract import Contract, load_contract, load_contracts

ROOT = Path(__file__).resolve().parents[1]
CONTRACTS = load_contracts(ROOT / "contracts")
MODEL = "Courant.SemanticModel/definition"


def river_contract(folder: Path) -> Contract:
    """Give the contract that the README shows."""
    text = re.search(r"```yaml\n(apiVersion.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert text
    path = folder / "river.odcs.yaml"
    path.write_text(text[1], encoding="utf-8")
    return load_contract(path)


def table_nodes(files: Mapping[str, str]) -> dict[str, TmdlNode]:
    """Read the tables of a project; no line may be beyond the parser."""
    nodes = {}
    for path, text in files.items():
        if path.startswith(f"{MODEL}/"):
            document = parse_tmdl(text)
            assert not document.unparsed, (path, document.unparsed)
            nodes |= {node.name: node for node in document.nodes if node.keyword == "table"}
    return nodes


def query_of(table: TmdlNode) -> str:
    """Give the M that fills a table."""
    (partition,) = table.find("partition")
    return partition.properties["source"]


def mysql_item(table: TmdlNode) -> str | None:
    """Name the view or table of MySQL that a table reads; None where M makes it alone."""
    found = re.search(r'Source\{\[Schema = Database, Item = "(\w+)"\]\}\[Data\]', query_of(table))
    return found[1] if found else None


def columns_read(table: TmdlNode) -> dict[str, str]:
    """Give the names of a table's columns, each with that of its source."""
    return {column.name: column.properties["sourceColumn"] for column in table.find("column")}


def relationships_of(files: Mapping[str, str]) -> list[dict[str, Any]]:
    """Read the relationships, each as the names of its ends."""
    name = r"('(?:[^']|'')+'|\w+)\.('(?:[^']|'')+'|\w+)"
    ends = re.findall(rf"fromColumn: {name}\n\ttoColumn: {name}\n", files[f"{MODEL}/relationships.tmdl"])
    keys = ("FromTable", "FromColumn", "ToTable", "ToColumn")
    return [dict(zip(keys, map(_unquoted, end), strict=True)) | {"IsActive": True} for end in ends]


def _unquoted(name: str) -> str:
    return name[1:-1].replace("''", "'") if name.startswith("'") else name

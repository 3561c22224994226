"""Reading a published file: CSV, JSON or Parquet, under labels or API names, as text columns.

Only the file as a whole can be wrong here. A bad row is read as it is: judging rows is the
ingest's part, and a replayed file must show it what was published.
"""

from __future__ import annotations

import contextlib
import csv
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from courant.domain.contract import Contract, Field, FieldType
from courant.errors import InputFileError

BATCH_ROWS = 50_000
_SEPARATORS = (";", ",", "\t", "|")
_READERS = {
    ".csv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}


def read_published(path: Path, contract: Contract) -> pl.LazyFrame:
    """Open a published file; rows are read when the frame is collected.

    Returns
    -------
    polars.LazyFrame
        Text columns under API names, in the file's order; columns that the contract does not know
        are kept under their own. Instants of a Parquet file without a zone are UTC, as published.

    Raises
    ------
    InputFileError
        If the file is missing, empty, no table, or lacks a column that every row must have.
    """
    frame = _open(path)
    names = frame.collect_schema().names()
    return _as_text(frame.rename(_api_names(path, contract, names)), contract)


def guess_contract(path: Path, contracts: Iterable[Contract]) -> Contract:
    """Find the data set whose columns a file has; of several, the one that knows most of them.

    Raises
    ------
    InputFileError
        If the file is none of the data sets'.
    """
    names = _open(path).collect_schema().names()
    fitting = []
    for contract in contracts:
        with contextlib.suppress(InputFileError):
            mapped = set(_api_names(path, contract, names).values())
            fitting.append((len(mapped & {field.name for field in contract.fields}), contract.name, contract))
    if not fitting:
        raise InputFileError(
            f"{path} has the columns of no data set; found {', '.join(names)}",
            remedy="`courant contract show NAME` lists what each expects; name one with --dataset",
        )
    return max(fitting, key=lambda one: one[:2])[2]


def in_batches(frame: pl.LazyFrame, *, rows: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
    """Collect a frame piece by piece, in its order, so that memory does not grow with the file."""
    yield from frame.collect_batches(chunk_size=rows, maintain_order=True)


def _open(path: Path) -> pl.LazyFrame:
    if not path.is_file():
        raise InputFileError(f"There is no file {path}", remedy="check the path")
    if path.stat().st_size == 0:
        raise InputFileError(f"{path} is empty; a header and rows were expected", remedy="download it again")
    kind = _READERS.get(path.suffix.lower()) or _sniff(path)
    try:
        frame = _scan(path, kind)
        if frame.head(1).collect().is_empty():
            raise InputFileError(f"{path} has no row below its header", remedy="download it again")
    except pl.exceptions.PolarsError as error:
        raise InputFileError(
            f"{path} cannot be read as a table ({kind}): {error}",
            remedy="check that it is what Enedis published",
        ) from error
    return frame


def _scan(path: Path, kind: str) -> pl.LazyFrame:
    if kind == "csv":
        return _open_csv(path)
    return _open_json(path) if kind == "json" else pl.scan_parquet(path)


def _sniff(path: Path) -> str:
    """Tell the format of a file whose name does not."""
    with path.open("rb") as file:
        start = file.read(512).lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith(b"PAR1"):
        return "parquet"
    return "json" if start.startswith((b"{", b"[")) else "csv"


def _open_csv(path: Path) -> pl.LazyFrame:
    separator, names = _header(path)
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputFileError(
            f"{path} has several columns named {', '.join(repeated)}", remedy="keep one of them"
        )
    return pl.scan_csv(
        path,
        separator=separator,
        infer_schema=False,
        new_columns=names,
        encoding="utf8-lossy",  # bytes that are not UTF-8 spoil their own row, not the file
        truncate_ragged_lines=True,
    )


def _header(path: Path) -> tuple[str, list[str]]:
    """Find the separator by the first line, and the names in it."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        line = file.readline(1_000_000)
    separator = max(_SEPARATORS, key=line.count)
    if "\0" in line or separator not in line:
        raise InputFileError(
            f"{path} is no table: its first line is {line[:60]!r}, expected names separated by `;`",
            remedy="give the CSV, JSON or Parquet export of the data set",
        )
    return separator, [name.strip() for name in next(csv.reader([line], delimiter=separator))]


def _open_json(path: Path) -> pl.LazyFrame:
    records = list(_json_records(path))
    if not records:
        raise InputFileError(f"{path} has no record in it", remedy="download it again")
    names = dict.fromkeys(name for record in records for name in record)
    columns = {name: [_json_text(record.get(name)) for record in records] for name in names}
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String)).lazy()


def _json_records(path: Path) -> Iterator[dict[str, Any]]:
    """Read an array of objects, the portal's `{"results": [...]}`, or one object per line."""
    text = path.read_text(encoding="utf-8-sig", errors="replace").strip()
    try:
        whole = _parse(text)
    except json.JSONDecodeError:
        records = [_parse_line(path, number, line) for number, line in _lines(text)]
    else:
        records = whole.get("results", [whole]) if isinstance(whole, dict) else whole
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise InputFileError(
            f"{path} is no list of JSON objects", remedy="give the JSON export of the data set"
        )
    yield from records


def _lines(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())


def _parse_line(path: Path, number: int, line: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return _parse(line)
    except json.JSONDecodeError as error:
        raise InputFileError(
            f"Line {number} of {path} is not JSON: {error}", remedy="mend or remove it"
        ) from error


def _parse(text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Parse with numbers as the text they were written in: no digit may be lost."""
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _json_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _api_names(path: Path, contract: Contract, names: list[str]) -> dict[str, str]:
    """Map the file's names to API names, or refuse the file."""
    known = {_plain(alias): field.name for field in contract.fields for alias in (field.name, *field.labels)}
    mapped = {name: known.get(_plain(name), name) for name in names}
    repeated = [name for name, count in Counter(mapped.values()).items() if count > 1]
    if repeated:
        raise InputFileError(
            f"{path} has {', '.join(repeated)} twice, by label and by name", remedy="keep one of them"
        )
    missing = [field for field in contract.fields if field.required and field.name not in mapped.values()]
    if missing:
        raise InputFileError(
            f"{path} is no file of {contract.name}: it has no column {_spoken(missing)}; "
            f"found {', '.join(names)}",
            remedy="check --dataset, or give the export with all its columns",
        )
    return mapped


def _plain(name: str) -> str:
    """Compare names without regard to case, spaces around, or how accents are composed."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def _spoken(fields: list[Field]) -> str:
    return " nor ".join(f"{f.name} ({f.labels[0]})" if f.labels else f.name for f in fields)


def _as_text(frame: pl.LazyFrame, contract: Contract) -> pl.LazyFrame:
    """Write typed columns (Parquet's) as the text that a CSV export would hold."""
    whole = {field.name for field in contract.fields if field.type is not FieldType.DECIMAL}
    schema = frame.collect_schema()
    return frame.with_columns(_text(name, dtype, whole=name in whole) for name, dtype in schema.items())


def _text(name: str, dtype: pl.DataType, *, whole: bool) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        column = (
            column.dt.replace_time_zone("UTC")
            if dtype.time_zone is None
            else column.dt.convert_time_zone("UTC")
        )
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%:z")
    text = column.cast(pl.String)
    # whole numbers with gaps in them are often stored as floats
    return text.str.replace(r"\.0$", "") if dtype.is_float() and whole else text

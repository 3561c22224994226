"""A data contract (ODCS 3.1): the only place where a field's name, type, unit, key or rule is written.

contract_values.py has the values, contract_file.py the file format, contract_check.py what must agree.
"""

from __future__ import annotations

from pathlib import Path

from courant.domain.contract_check import check_contract, check_together
from courant.domain.contract_file import read_contract
from courant.domain.contract_values import (
    Contract,
    Dimension,
    DimensionColumn,
    Field,
    FieldType,
    KeyedBy,
    Rule,
    Severity,
)
from courant.errors import ContractError, UnknownDatasetError

__all__ = [
    "Contract",
    "Dimension",
    "DimensionColumn",
    "Field",
    "FieldType",
    "KeyedBy",
    "Rule",
    "Severity",
    "find_contract",
    "load_contract",
    "load_contracts",
]

SUFFIX = ".odcs.yaml"


def load_contract(path: Path) -> Contract:
    """Read one contract file.

    Raises
    ------
    ContractError
        If the file is missing, is not ODCS, or contradicts itself; the message names file, field and mend.
    """
    try:
        contract = read_contract(_read_text(path))
        check_contract(contract)
        _check_file_name(path, contract)
    except ContractError as error:
        raise ContractError(
            f"The contract {path} does not hold: {error.message}", remedy=error.remedy
        ) from error
    return contract


def load_contracts(folder: Path) -> dict[str, Contract]:
    """Read every ``*.odcs.yaml`` of a folder, by name (sorted).

    Raises
    ------
    ContractError
        If the folder is missing, a contract does not hold, or two contradict each other on what they share.
    """
    contracts = {name: load_contract(_path(folder, name)) for name in _names(folder)}
    check_together(list(contracts.values()))
    return contracts


def find_contract(folder: Path, name: str) -> Contract:
    """Read the contract of one data set.

    Raises
    ------
    UnknownDatasetError
        If no file is called ``NAME.odcs.yaml``; the message lists the names there are.
    """
    names = _names(folder)
    if name not in names:
        raise UnknownDatasetError(
            f"No data set is called {name!r}; there are: {', '.join(names) or 'none'}.",
            remedy=f"use one of these names, or write {_path(folder, name)}",
        )
    return load_contract(_path(folder, name))


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}{SUFFIX}"


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise ContractError(
            f"There is no folder of contracts at {folder}.",
            remedy="set COURANT_CONTRACTS_DIR to the folder that has them",
        )
    return sorted(path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContractError(f"it cannot be read ({error.strerror})", remedy="check the path") from error
    except UnicodeDecodeError as error:
        raise ContractError("it is not UTF-8 text", remedy="save it as UTF-8") from error


def _check_file_name(path: Path, contract: Contract) -> None:
    if path.name != f"{contract.name}{SUFFIX}":
        raise ContractError(
            f"it is named {contract.name!r}, so its file must be {contract.name}{SUFFIX}",
            remedy="rename the file, or change `name` in it",
        )

"""Which data sets a command is about, checked before a JVM starts."""

from __future__ import annotations

from courant.domain.contract import find_contract, load_contracts
from courant.settings import Settings, load_settings


def chosen(names: list[str] | None) -> tuple[Settings, list[str]]:
    """Give the settings and the names of the data sets; without any, all that have a contract.

    Raises
    ------
    UnknownDatasetError, ContractError
        If a name has no contract, or its contract is malformed.
    """
    settings = load_settings()
    found = list(names or load_contracts(settings.contracts_dir))
    for name in found:
        find_contract(settings.contracts_dir, name)
    return settings, found


def dataset_options(names: list[str]) -> list[str]:
    """Write them as a job's arguments."""
    return [word for name in names for word in ("--dataset", name)]

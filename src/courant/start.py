"""The embedded stack as jobs expect it: its addresses in the settings, a topic for each contract."""

from __future__ import annotations

from collections.abc import Callable

from courant.domain.contract import load_contracts
from courant.local import stack
from courant.local.jars import silent
from courant.local.stack import StackStatus
from courant.settings import Settings
from courant.stores.kafka import ensure_topics


def start_stack(
    settings: Settings,
    report: Callable[[str, str], None] = silent,
    *,
    reset_passwords: bool = False,
) -> tuple[Settings, StackStatus]:
    """Bring the stack up and make the topics that are missing; give the settings that reach it.

    Parameters
    ----------
    report
        Called with a server's name and what happens to it: ``starting``, ``ready``.
    reset_passwords
        Give the database server the passwords of the settings, whatever it had before.

    Raises
    ------
    ContractError
        If a contract is malformed; then nothing was started.
    PortInUseError, DiskFullError, JavaError, AccessDeniedError, StackError
        If a server cannot start.
    """
    contracts = load_contracts(settings.contracts_dir)
    status = stack.up(settings, report, reset_passwords=reset_passwords)
    reached = stack.addressed(settings, status)
    ensure_topics(reached, contracts.values())
    return reached, status

"""What IPython loads into a kernel of the lab: `spark`, from the first cell on, and our errors without a trace."""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from courant.errors import CourantError
from courant.session import get_spark


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Take part in the shell; IPython calls it by this name."""
    shell.set_custom_exc((CourantError,), _show)  # type: ignore[no-untyped-call]
    # A notebook that is only read must not cost a JVM.
    shell.events.register("pre_run_cell", partial(_provide_spark, shell))


def _provide_spark(shell: InteractiveShell, _info: object) -> None:
    if "spark" not in shell.user_ns:
        shell.user_ns["spark"] = get_spark("courant-lab")


def _show(
    shell: Any,  # noqa: ANN401 - a kernel's shell, which IPython does not type
    kind: type[BaseException],
    error: BaseException,
    _trace: TracebackType | None,
    tb_offset: int | None = None,  # noqa: ARG001 - IPython gives it by this name
) -> list[str]:
    """Show what was found and what to do, in place of the trace."""
    lines = str(error).splitlines()
    shell._showtraceback(kind, error, lines)
    return lines

"""The commands about a Spark cluster on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from courant.local.spark_cluster import ClusterStatus

app = typer.Typer(help="A Spark master and workers on this machine, without Docker.", no_args_is_help=True)
out = Console()


@app.command()
def up(
    workers: Annotated[int, typer.Option(min=1, help="How many workers.")] = 2,
    cores: Annotated[int, typer.Option(min=1, help="Cores that each worker gives to jobs.")] = 1,
    memory: Annotated[str, typer.Option(help="Memory that each worker gives to jobs.")] = "1g",
) -> None:
    """Start what does not run yet of a master and workers, and wait until they have found each other.

    Examples: [bold]courant cluster up[/] · [bold]courant cluster up --workers 4 --cores 2 --memory 2g[/] ·
    [bold]make silver MASTER=spark://127.0.0.1:PORT[/]
    """
    from courant.local.spark_cluster import WorkerSize
    from courant.local.spark_cluster import up as cluster_up
    from courant.settings import load_settings

    with out.status("Starting the cluster") as line:
        found = cluster_up(
            load_settings(),
            workers,
            WorkerSize(cores, memory),
            lambda name, state: line.update(f"{name}: {state}"),
        )
    _show(found)


@app.command()
def status() -> None:
    """Say how many workers are alive and which jobs run on them.

    Example: [bold]courant cluster status[/]
    """
    from courant.local.spark_cluster import status as cluster_status
    from courant.settings import load_settings

    _show(cluster_status(load_settings()))


@app.command()
def down() -> None:
    """Stop the workers and the master; jobs on them end.

    Example: [bold]courant cluster down[/]
    """
    from courant.local.spark_cluster import down as cluster_down
    from courant.settings import load_settings

    stopped = cluster_down(load_settings())
    out.print(f"Stopped {', '.join(stopped)}." if stopped else "No cluster ran.")


def _show(found: ClusterStatus) -> None:
    running = ", ".join(found.applications) or "none"
    out.print(f"{found.workers} workers alive, {found.cores} cores. Jobs: {running}.", highlight=False)
    out.print(f"Its page: {found.ui}", highlight=False, soft_wrap=True)
    out.print(f"A job on it: make silver MASTER={found.master}", highlight=False, soft_wrap=True)

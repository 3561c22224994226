"""The commands that make what people look at outside our own screens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

out = Console()


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("lab", rich_help_panel="People")(lab)
    app.command("powerbi", rich_help_panel="People")(powerbi)


def lab(
    port: Annotated[
        int | None,
        typer.Option(help="On 127.0.0.1; 0 takes any free one. Default: lab.port of the settings."),
    ] = None,
) -> None:
    """Open the notebooks in JupyterLab, on the lake and with Spark ready, until Ctrl-C.

    Examples: [bold]courant lab[/] · [bold]courant lab --port 0[/]
    """
    from courant.lab_ui import serve_lab
    from courant.settings import load_settings

    settings = load_settings()
    chosen = settings.lab.port if port is None else port
    raise typer.Exit(serve_lab(settings, chosen, lambda line: out.print(line, soft_wrap=True, markup=False)))


def powerbi(
    folder: Annotated[
        Path, typer.Option("--out", help="The project's folder; one that is there is replaced.")
    ] = Path("powerbi"),
) -> None:
    """Write the Power BI project of all data sets: a model on MySQL's views and a report, as text.

    Examples: [bold]courant powerbi[/] · [bold]courant powerbi --out /tmp/powerbi[/]
    """
    from courant.domain.contract import load_contracts
    from courant.powerbi.project import may_replace, project_files, write_project
    from courant.settings import load_settings

    if not may_replace(folder):
        raise typer.BadParameter(
            f"{folder} holds something else; name a folder that is new, empty or a project."
        )
    files = project_files(load_contracts(load_settings().contracts_dir))
    write_project(files, folder)
    out.print(f"Wrote {len(files)} files. Open {folder}/Courant.pbip in Power BI Desktop.", soft_wrap=True)

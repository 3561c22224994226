"""The commands that make what people look at outside our own screens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

out = Console()


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("powerbi", rich_help_panel="People")(powerbi)


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

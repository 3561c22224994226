"""The commands about files: generate one, fetch one, replay one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from rich.progress import Progress

    from courant.replay import ReplayResult

PANEL = "Files"
out = Console()
err = Console(stderr=True)

Dataset = Annotated[str, typer.Argument(help="A data set of `courant contract list`.")]
Day = Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day (Paris).")]
Out = Annotated[Path, typer.Option("--out", "-o", dir_okay=False, help="The file to write.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (generate, fetch, replay):
        app.command(rich_help_panel=PANEL)(command)


def generate(  # noqa: PLR0913, PLR0917 - one parameter an option
    name: Dataset,
    first: Day,
    out_file: Out,
    days: Annotated[int, typer.Option(min=1, help="How many days.")] = 1,
    regions: Annotated[str, typer.Option(help="Region codes, separated by commas; all 12 if left out.")] = "",
    seed: Annotated[int, typer.Option(help="The same seed writes the same file.")] = 7,
    bad: Annotated[float, typer.Option(min=0, max=1, help="Share of rows made bad on purpose.")] = 0.0,
) -> None:
    """Write a file as Enedis publishes it: labels, order, masked curves, days of 46 and 50 slots.

    Example: [bold]courant generate consumption_inf36 --from 2026-01-01 --days 7 --out week.csv[/]
    """
    from courant.domain.contract import find_contract
    from courant.generate import generate_file
    from courant.settings import load_settings

    contract = find_contract(load_settings().contracts_dir, name)
    with _bar() as bar:
        task = bar.add_task(f"generating {name}", total=None)
        made = generate_file(
            contract,
            out_file,
            start=first.date(),
            days=days,
            regions=_regions(regions),
            seed=seed,
            bad_fraction=bad,
            on_progress=lambda rows: bar.update(task, completed=rows),
        )
    out.print(f"{made.rows:,} rows written to {escape(str(made.path))}, {_speed(made.rows, made.seconds)}")
    for way, count in made.bad_rows.items():
        out.print(f"  {count:,} bad on purpose: {way}", highlight=False)


def fetch(
    name: Dataset,
    first: Day,
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day (Paris), included.")],
    out_file: Out,
) -> None:
    """Download the published rows of some days from opendata.enedis.fr.

    Example: [bold]courant fetch balance --from 2025-01-01 --to 2025-01-31 --out january.csv[/]
    """
    from courant.domain.contract import find_contract
    from courant.settings import load_settings
    from courant.stores.portal import fetch_export

    if last < first:
        raise typer.BadParameter("--to lies before --from")
    settings = load_settings()
    contract = find_contract(settings.contracts_dir, name)
    with _bar() as bar:
        task = bar.add_task(f"fetching {name} (bytes)", total=None)
        rows = fetch_export(
            settings,
            contract,
            out_file,
            days=(first.date(), last.date()),
            on_progress=lambda size: bar.update(task, completed=size),
        )
    out.print(f"{rows:,} rows of {name} written to {escape(str(out_file))}")


def replay(  # noqa: PLR0913, PLR0917 - one parameter an option
    file: Annotated[Path, typer.Argument(help="A published file: CSV, JSON or Parquet.")],
    dataset: Annotated[str, typer.Option("--dataset", help="The data set it is a file of.")],
    rate: Annotated[float | None, typer.Option(help="Rows per second.")] = None,
    speed: Annotated[
        float | None, typer.Option(help="How much faster than time itself, by the slots.")
    ] = None,
    shift_to: Annotated[
        Literal["now"] | None,
        typer.Option(help="Move the slots by whole weeks, the newest to just before now."),
    ] = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="Begin again at the end, some weeks on; Ctrl-C ends it.")
    ] = False,
) -> None:
    """Send a published file to its data set's topic, as fast as possible or at a pace.

    Examples: [bold]courant replay week.csv --dataset consumption_inf36[/] ·
    [bold]courant replay week.csv --dataset consumption_inf36 --speed 600 --shift-to now --loop[/]
    """
    from courant.domain.contract import find_contract
    from courant.replay import ReplayProgress
    from courant.replay import replay as send_file
    from courant.settings import load_settings

    settings = load_settings()
    contract = find_contract(settings.contracts_dir, dataset)
    with _bar() as bar:
        task = bar.add_task(f"replaying to {contract.topic}", total=None)

        def show(progress: ReplayProgress) -> None:
            bar.update(task, completed=progress.sent, total=progress.file_rows * progress.passes)

        result = send_file(
            settings,
            contract,
            file,
            rate=rate,
            speed=speed,
            shift_to=datetime.now(UTC) if shift_to else None,
            loop=loop,
            on_progress=show,
        )
    _show_result(result, contract.topic)


def _show_result(result: ReplayResult, topic: str) -> None:
    begun = "Interrupted: " if result.was_interrupted else ""
    out.print(
        f"{begun}{result.acknowledged:,} of {result.sent:,} records acknowledged on {topic}, "
        f"{_speed(result.sent, result.seconds)}",
        soft_wrap=True,
    )
    if result.failed:
        err.print(f"[red]{result.failed:,} records failed[/], the first with: {escape(result.first_failure)}")
        raise typer.Exit(1)


def _regions(text: str) -> list[str]:
    from courant.domain.enedis import REGION_CODES

    chosen = [code.strip() for code in text.split(",") if code.strip()] or list(REGION_CODES)
    unknown = [code for code in chosen if code not in REGION_CODES]
    if unknown:
        raise typer.BadParameter(f"unknown regions {', '.join(unknown)}; known: {', '.join(REGION_CODES)}")
    return chosen


def _speed(rows: int, seconds: float) -> str:
    return f"{rows / max(seconds, 1e-9):,.0f} rows/s in {seconds:.1f} s"


def _bar() -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )

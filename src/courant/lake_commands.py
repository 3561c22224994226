"""The commands about what is made from bronze: silver, gold, aggregates, upkeep, replayed rejects, rebuilds."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

out = Console()

Datasets = Annotated[
    list[str] | None, typer.Option("--dataset", help="A data set of `courant contract list`; repeatable.")
]
FirstDay = Annotated[str | None, typer.Option("--from", help="First Paris day, as 2026-01-31.")]
LastDay = Annotated[str | None, typer.Option("--to", help="Last Paris day; left out: the first alone.")]


class Source(StrEnum):
    """What aggregates are made from."""

    MYSQL = "mysql"
    LAKE = "lake"


class Layer(StrEnum):
    """What can be made anew."""

    SILVER = "silver"
    GOLD = "gold"
    MYSQL = "mysql"
    MONGO = "mongo"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in _COMMANDS:
        app.command(rich_help_panel="Lake and cache")(command)


def silver(dataset: Datasets = None) -> None:
    """Bring silver and the lake's rejects up to bronze: only what is new, one newest row per key.

    Example: [bold]courant silver --dataset balance[/]
    """
    from courant.submit import SILVER

    _run(SILVER, "Silver", dataset)


def gold(dataset: Datasets = None) -> None:
    """Bring gold up to silver: half hours, days, months, load curves, peaks, completeness.

    Example: [bold]courant gold[/]
    """
    from courant.submit import GOLD

    _run(GOLD, "Gold", dataset)


def publish(
    dataset: Datasets = None,
    source: Annotated[Source, typer.Option(help="What is aggregated; both give the same.")] = Source.MYSQL,
    first: FirstDay = None,
    last: LastDay = None,
) -> None:
    """Publish aggregates as documents in MongoDB: the days that changed, or chosen ones.

    Examples: [bold]courant publish[/] · [bold]courant publish --source lake --from 2026-01-01 --to 2026-01-07[/]
    """
    from courant.submit import PUBLISH

    _run(PUBLISH, "Published", dataset, ["--source", source.value, *_day_options(first, last)])


def export(
    dataset: Datasets = None,
    folder: Annotated[Path, typer.Option("--out", help="A folder for each data set is made in it.")] = Path(
        "exports"
    ),
) -> None:
    """Write silver as plain Parquet for people who have no Delta: a folder a year, sorted by key, zstd.

    Example: [bold]courant export --dataset balance --out exports[/]
    """
    from courant.submit import EXPORT

    _run(EXPORT, "Exported", dataset, ["--folder", str(folder.resolve())], properties="spark-export.conf")


def maintain(
    retention_hours: Annotated[
        int, typer.Option(help="How long files stay that no version needs any more.")
    ] = 168,
    allow_short_retention: Annotated[
        bool, typer.Option("--allow-short-retention", help="Less than a week is meant.")
    ] = False,
) -> None:
    """Merge small files of the lake's tables and delete what no version needs; safe beside a running stream.

    Example: [bold]courant maintain --retention-hours 336[/]
    """
    from courant.maintain_page import print_upkeep
    from courant.settings import load_settings
    from courant.submit import MAINTAIN, run_reporting_job

    arguments = ["--retention-hours", str(retention_hours)]
    arguments += ["--allow-short-retention"] if allow_short_retention else []
    code, document = run_reporting_job(load_settings(), MAINTAIN, arguments)
    if document:
        print_upkeep(document, _console())
    raise typer.Exit(code)


def replay_rejects(dataset: Datasets = None) -> None:
    """Take in the rejects that a mended contract accepts, once, into MySQL and silver, and mark them.

    Example: [bold]courant replay-rejects --dataset consumption_inf36[/]
    """
    from courant.submit import REPLAY_REJECTS

    _run(REPLAY_REJECTS, "Replayed rejects", dataset)


def rebuild(
    layer: Annotated[Layer, typer.Argument(help="What to make anew.")],
    dataset: Datasets = None,
    first: FirstDay = None,
    last: LastDay = None,
) -> None:
    """Make a layer anew from bronze, whole or some days of it; the stream may go on meanwhile.

    Examples: [bold]courant rebuild silver[/] · [bold]courant rebuild mysql --from 2026-01-01 --to 2026-01-07[/]
    """
    from courant.submit import REBUILD

    _run(REBUILD, f"Rebuilt {layer.value}", dataset, [layer.value, *_day_options(first, last)])


def schedule(
    port: Annotated[
        int | None, typer.Option(help="Of its UI on 127.0.0.1; 0 takes any free one. Default: schedule.port.")
    ] = None,
) -> None:
    """Run silver, gold and aggregates every ten minutes; upkeep, models and reconcile daily; by Dagster, until Ctrl-C.

    Examples: [bold]courant schedule[/] · [bold]courant schedule --port 0[/]
    """
    from courant.schedule import serve
    from courant.settings import load_settings

    settings = load_settings()
    chosen = settings.schedule.port if port is None else port
    raise typer.Exit(serve(settings, chosen, lambda line: out.print(line, soft_wrap=True)))


def _run(
    job: str,
    title: str,
    datasets: list[str] | None,
    arguments: list[str] | None = None,
    *,
    properties: str | None = None,
) -> None:
    from courant.chosen import chosen, dataset_options
    from courant.runs_page import print_runs
    from courant.submit import run_reporting_job

    settings, names = chosen(datasets)
    code, document = run_reporting_job(
        settings, job, [*(arguments or []), *dataset_options(names)], properties=properties
    )
    if code == 0:
        print_runs(title, document, _console())
    raise typer.Exit(code)


def _day_options(first: str | None, last: str | None) -> list[str]:
    return [*(["--from", first] if first else []), *(["--to", last] if last else [])]


def _console() -> Console:
    return Console(width=None if out.is_terminal else 160)


_COMMANDS: tuple[Callable[..., None], ...] = (
    silver,
    gold,
    publish,
    export,
    schedule,
    maintain,
    replay_rejects,
    rebuild,
)

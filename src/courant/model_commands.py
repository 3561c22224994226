"""The commands about models: the daily one, drift, the UI that compares runs, the written comparison."""

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


class Contenders(StrEnum):
    """Which ways to forecast compete."""

    QUICK = "quick"
    ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for name, command in _COMMANDS.items():
        app.command(name, rich_help_panel="Models")(command)


def ml(  # noqa: PLR0913, PLR0917 - a person's options
    dataset: Datasets = None,
    scales: Annotated[
        str, typer.Option(help="Copies of the rows that engines are measured on: 1,4,16,64.")
    ] = "1",
    cores: Annotated[str, typer.Option(help="Numbers of cores that engines may use: 1,2.")] = "1",
    memory_mb: Annotated[
        int, typer.Option(help="Memory that an engine may use, with all its processes.")
    ] = 2048,
    warm_runs: Annotated[int, typer.Option(help="Fits after the first, whose median is the warm time.")] = 5,
    segments: Annotated[bool, typer.Option("--segments/--no-segments", help="Compare k-means too.")] = True,
    contenders: Annotated[
        Contenders, typer.Option(help="quick: the linear model and baselines.")
    ] = Contenders.ALL,
    engines: Annotated[str, typer.Option(help="Which are compared.")] = "sklearn,dask,spark",
    until: Annotated[
        str | None, typer.Option(help="Judge as if this Paris day were the last known; for the record alone.")
    ] = None,
) -> None:
    """Do the day's work: compare the engines, train, promote, forecast the next day, score the last forecasts.

    Examples: [bold]courant ml[/] · [bold]courant ml --dataset balance --scales 1,4,16 --cores 1,2[/]
    """
    from courant.model_page import print_model
    from courant.submit import COMPARE_ENGINES

    options = [
        "--scales", scales, "--cores", cores, "--memory-mb", str(memory_mb), "--warm-runs", str(warm_runs),
        "--contenders", contenders.value, *([] if segments else ["--no-segments"]),
        "--engines", engines, *(["--until", until] if until else []),
    ]  # fmt: skip
    _run(COMPARE_ENGINES, dataset, options, print_model, properties="spark-model.conf")


def drift(
    dataset: Datasets = None,
    days: Annotated[int, typer.Option(help="How many of the last days are judged, 21 to 90.")] = 28,
) -> None:
    """Judge whether the features of the last days are those of the same season before; raise an alert if not.

    Example: [bold]courant drift --dataset balance[/]
    """
    from courant.model_page import print_drift
    from courant.submit import DETECT_DRIFT

    _run(DETECT_DRIFT, dataset, ["--days", str(days)], print_drift)


def mlflow(
    port: Annotated[
        int | None,
        typer.Option(help="On 127.0.0.1; 0 takes any free one. Default: mlflow.port of the settings."),
    ] = None,
) -> None:
    """Show runs, models and plots in MLflow's UI, until Ctrl-C.

    Examples: [bold]courant mlflow[/] · [bold]courant mlflow --port 0[/]
    """
    from courant.mlflow_ui import serve_mlflow
    from courant.settings import load_settings

    settings = load_settings()
    chosen = settings.mlflow.port if port is None else port
    raise typer.Exit(serve_mlflow(settings, chosen, lambda line: out.print(line, soft_wrap=True)))


def ml_report(
    dataset: Datasets = None,
    about: Annotated[str, typer.Option(help="A sentence that says what the data are.")] = "",
    path: Annotated[
        Path, typer.Option("--out", help="The document; its plots lie in a folder beside it.")
    ] = Path("docs/ml-comparison.md"),
) -> None:
    """Write the comparison of the engines from the newest runs, with its plots and the choice.

    Example: [bold]courant ml-report --out docs/ml-comparison.md[/]
    """
    from courant.chosen import chosen
    from courant.model_report import write_report

    settings, names = chosen(dataset)
    written = write_report(settings, names, path, about=about)
    out.print(f"Wrote {path} and {written} plots.")


def _run(
    job: str,
    dataset: list[str] | None,
    options: list[str],
    show: Callable[[dict[str, object], Console], None],
    *,
    properties: str | None = None,
) -> None:
    from courant.chosen import chosen, dataset_options
    from courant.submit import run_reporting_job

    settings, names = chosen(dataset)
    arguments = [*dataset_options(names), *options]
    code, document = run_reporting_job(settings, job, arguments, properties=properties)
    if code == 0:
        show(document, Console(width=None if out.is_terminal else 160))
    raise typer.Exit(code)


_COMMANDS: dict[str, Callable[..., None]] = {
    "ml": ml,
    "drift": drift,
    "mlflow": mlflow,
    "ml-report": ml_report,
}

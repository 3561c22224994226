"""The commands about the stream: ingest, reconcile, realign, look into MySQL, the demo and the live run."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

out = Console()
err = Console(stderr=True)

Datasets = Annotated[
    list[str] | None, typer.Option("--dataset", help="A data set of `courant contract list`; repeatable.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for panel, commands in _COMMANDS.items():
        for command in commands:
            app.command(rich_help_panel=panel)(command)


def ingest(
    dataset: Datasets = None,
    drain: Annotated[
        bool, typer.Option("--drain", help="Stop when caught up with the topic as it is now.")
    ] = False,
) -> None:
    """Stream data sets from Kafka into MySQL and bronze, with exactly-once effect. Ctrl-C stops it cleanly.

    Examples: [bold]courant ingest --dataset balance --drain[/] ·
    [bold]courant ingest --dataset balance --dataset consumption_inf36[/]
    """
    from courant.chosen import chosen, dataset_options
    from courant.submit import INGEST, run_job

    settings, names = chosen(dataset)
    arguments = [*dataset_options(names), *(["--drain"] if drain else [])]
    raise typer.Exit(run_job(settings, INGEST, arguments, properties="spark-ingest.conf"))


def reconcile(
    dataset: Datasets = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, and only JSON, on standard output.")
    ] = False,
) -> None:
    """Prove that all layers agree, from Kafka to MongoDB; exits 1 if they differ.

    Examples: [bold]courant reconcile[/] · [bold]courant reconcile --dataset balance --json[/]
    """
    from courant.chosen import chosen, dataset_options
    from courant.reconcile_page import print_reconciliations
    from courant.submit import RECONCILE, run_reporting_job

    settings, names = chosen(dataset)
    code, document = run_reporting_job(
        settings, RECONCILE, dataset_options(names), properties="spark-short.conf"
    )
    if document and as_json:
        typer.echo(json.dumps(document, indent=2))
    elif document:
        print_reconciliations(document, Console(width=None if out.is_terminal else 140))
    raise typer.Exit(code)


def realign(
    dataset: Annotated[str, typer.Argument(help="A data set of `courant contract list`.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only show what would be lost.")] = False,
) -> None:
    """Let the sinks read on after the topic was recreated, grew, or lost records to retention.

    Shows each sink's position against the topic and what reading on would lose; changes nothing without --yes.

    Examples: [bold]courant realign balance[/] · [bold]courant realign balance --yes[/]
    """
    from courant.chosen import chosen
    from courant.domain.contract import find_contract
    from courant.ingest.realign import realign as realign_sinks

    settings, _ = chosen([dataset])
    contract = find_contract(settings.contracts_dir, dataset)
    for plan in realign_sinks(settings, contract, apply=yes):
        out.print(plan.sentence(applied=yes), highlight=False, soft_wrap=True)


def sql(
    statement: Annotated[str, typer.Argument(help="One SQL statement.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the rows as CSV.")] = False,
) -> None:
    """Ask MySQL as the reader, who can only SELECT.

    Example: [bold]courant sql "SELECT region, SUM(total_energie_soutiree_wh) FROM v_consumption GROUP BY 1"[/]
    """
    from courant.settings import load_settings
    from courant.stores.mysql.console import ask

    columns, rows = ask(load_settings(), statement)
    if as_json:
        typer.echo(
            json.dumps(
                [dict(zip(columns, row, strict=True)) for row in rows], default=str, ensure_ascii=False
            )
        )
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows(rows)
    else:
        _print_rows(columns, rows)


def demo(
    file: Annotated[
        Path | None, typer.Argument(help="A published file of yours, instead of generated ones.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="The data set it is a file of; else guessed.")
    ] = None,
) -> None:
    """Run everything once on an embedded stack: replay, ingest, reconcile, and a summary.

    Examples: [bold]courant demo[/] · [bold]courant demo bilan.csv[/]
    """
    from courant.demo import run_demo
    from courant.settings import load_settings

    console = Console(width=None if out.is_terminal else 140)
    raise typer.Exit(run_demo(load_settings(), file=file, dataset=dataset, console=console))


def live(
    speed: Annotated[
        float, typer.Option(min=1, help="How much faster than time itself the file is replayed.")
    ] = 900,
) -> None:
    """Keep replay and ingest running at a human pace until Ctrl-C.

    Example: [bold]courant live --speed 1800[/]
    """
    from courant.live import run_live
    from courant.settings import load_settings

    raise typer.Exit(run_live(load_settings(), speed=speed, console=out))


def _print_rows(columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(*map(escape, columns))
    for row in rows:
        table.add_row(*["[dim]NULL[/]" if value is None else escape(str(value)) for value in row])
    Console(width=None if out.is_terminal else 200).print(table)


def dashboard(
    port: Annotated[
        int | None,
        typer.Option(help="On 127.0.0.1; 0 takes any free one. Default: dashboard.port of the settings."),
    ] = None,
) -> None:
    """Show what happens now, curves, forecasts and health in a browser, until Ctrl-C. It writes nothing.

    Examples: [bold]courant dashboard[/] · [bold]courant dashboard --port 0[/]
    """
    from courant.dashboard_ui import serve_dashboard
    from courant.settings import load_settings

    settings = load_settings()
    chosen = settings.dashboard.port if port is None else port
    raise typer.Exit(serve_dashboard(settings, chosen, lambda line: out.print(line, soft_wrap=True)))


def alerts(
    stream: Annotated[
        bool, typer.Option("--stream/--no-stream", help="Judge readings as they arrive, too.")
    ] = True,
    test: Annotated[
        bool, typer.Option("--test", help="Only send a test message to each channel; exits 1 if one fails.")
    ] = False,
) -> None:
    """Raise alerts by the rules of conf/alerts.toml, keep them, and tell people; until Ctrl-C.

    Where they are told is COURANT_ALERTS_URLS: JSON, a name and an Apprise URL for each channel.

    Examples: [bold]courant alerts[/] ·
    [bold]COURANT_ALERTS_URLS='{"ops": "json://127.0.0.1:8080/"}' courant alerts --test[/]
    """
    from courant.alerting import run_alerts, try_channels
    from courant.settings import load_settings

    settings = load_settings()
    raise typer.Exit(try_channels(settings, out) if test else run_alerts(settings, out, stream=stream))


_COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    "Stream": (ingest, reconcile, realign, alerts, sql),
    "All of it": (demo, live, dashboard),
}

"""The commands about NiFi: bring the flow there and back, see how it stands, and what it could not read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from courant.domain.contract import Contract
    from courant.nifi_deploy import Deployment
    from courant.settings import Settings

PANEL = "Files"
out = Console()
nifi_app = typer.Typer(help="NiFi as the source: files and HTTP to the topics.", no_args_is_help=True)

Datasets = Annotated[
    list[str] | None, typer.Option("--dataset", help="A data set of `courant contract list`; repeatable.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and only JSON, on standard output.")]
_YEARS_BACK = 5  # of the calendar, by default


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(rich_help_panel=PANEL)(calendar)
    app.add_typer(nifi_app, name="nifi", rich_help_panel=PANEL)


def calendar(
    first: Annotated[
        int | None, typer.Option("--from", help="First year; five years ago if left out.")
    ] = None,
    last: Annotated[int | None, typer.Option("--to", help="Last year; next year if left out.")] = None,
    out_file: Annotated[
        Path | None,
        typer.Option("--out", "-o", dir_okay=False, help="Default: nifi.calendar of the settings."),
    ] = None,
) -> None:
    """Write the calendar's facts of each half hour as CSV, for NiFi to look up.

    Examples: [bold]courant calendar[/] · [bold]courant calendar --from 2021 --to 2027[/]
    """
    from courant.calendar_file import write_calendar
    from courant.settings import load_settings

    year = datetime.now(UTC).year
    begin, end = first or year - _YEARS_BACK, last or year + 1
    if end < begin:
        raise typer.BadParameter("--to lies before --from")
    path = out_file or load_settings().nifi.calendar
    rows = write_calendar(path, begin, end)
    out.print(f"{rows:,} half hours from {begin} to {end} written to {escape(str(path))}", soft_wrap=True)


@nifi_app.command()
def deploy(
    dataset: Datasets = None,
    weeks: Annotated[
        int | None, typer.Option(help="Move all slots by so many weeks; as before if left out, 0 at first.")
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(help="Move them as `courant replay FILE --shift-to now` would; for one data set."),
    ] = None,
) -> None:
    """Bring the flow into NiFi, a group for each data set, and start it. Doing it again changes nothing.

    Examples: [bold]courant nifi deploy[/] · [bold]courant nifi deploy --dataset balance --like bilan_2023.csv[/]
    """
    from courant.nifi_deploy import deploy as bring

    settings, contracts = _chosen(dataset)
    if like is not None:
        weeks = _weeks_like(contracts, like, weeks)
    _ensure_calendar(settings)
    for place, contract in enumerate(contracts):
        out.print(_sentence(bring(settings, contract, weeks=weeks, place=place)), soft_wrap=True)


@nifi_app.command()
def status(dataset: Datasets = None, as_json: AsJson = False) -> None:
    """Show how each data set's group stands in NiFi, and what it complains of.

    Example: [bold]courant nifi status[/]
    """
    from dataclasses import asdict

    from courant.nifi_deploy import state

    settings, contracts = _chosen(dataset)
    states = {contract.name: state(settings, contract.name) for contract in contracts}
    if as_json:
        typer.echo(json.dumps({name: found and asdict(found) for name, found in states.items()}, indent=2))
        return
    for name, found in states.items():
        out.print(f"[bold]{name}[/] {_standing(found)}", highlight=False, soft_wrap=True)
        for complaint in found.complaints if found else ():
            out.print(f"  {escape(complaint)}", highlight=False, soft_wrap=True)


@nifi_app.command()
def export(
    dataset: Annotated[str, typer.Argument(help="The data set in whose group the flow was changed.")],
    to: Annotated[Path | None, typer.Option("--out", "-o", help="Default: nifi/source.json.")] = None,
) -> None:
    """Write the flow as it is in the canvas into the file that git keeps.

    Example: [bold]courant nifi export balance[/]
    """
    from courant.nifi.flow import FLOW
    from courant.nifi_deploy import export as bring_back

    settings, _ = _chosen([dataset])
    path = to or FLOW
    is_other = bring_back(settings, dataset, path)
    said = "is new" if is_other else "was the same already"
    out.print(
        f"{escape(str(path))} {said}. `courant nifi deploy` brings it to the other data sets.", soft_wrap=True
    )


@nifi_app.command()
def stop(dataset: Datasets = None) -> None:
    """Stop the groups; what is queued in them stays, and `courant nifi deploy` starts them again.

    Example: [bold]courant nifi stop --dataset balance[/]
    """
    from courant.nifi_deploy import stop as halt

    settings, contracts = _chosen(dataset)
    for contract in contracts:
        halt(settings, contract.name)
        out.print(f"Stopped {contract.name}.")


@nifi_app.command("dead-letters")
def dead_letters(dataset: Datasets = None, as_json: AsJson = False) -> None:
    """Count what NiFi could not read, by source and reason; all of it is on the dead-letter topic.

    Examples: [bold]courant nifi dead-letters[/] · [bold]courant nifi dead-letters --dataset balance --json[/]
    """
    from courant.stores.kafka.dead_letters import read_dead_letters

    settings, contracts = _chosen(dataset)
    names = {contract.name for contract in contracts}
    counts: dict[tuple[str, str, str], int] = {}
    for letter in read_dead_letters(settings):
        if letter.dataset in names:
            key = (letter.dataset, letter.source, letter.reason)
            counts[key] = counts.get(key, 0) + letter.rows
    found = [
        dict(zip(("dataset", "source", "reason", "rows"), (*key, n), strict=True))
        for key, n in counts.items()
    ]
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _print_letters(found)


def _chosen(dataset: list[str] | None) -> tuple[Settings, list[Contract]]:
    from courant.chosen import chosen
    from courant.domain.contract import find_contract

    settings, names = chosen(dataset)
    return settings, [find_contract(settings.contracts_dir, name) for name in names]


def _weeks_like(contracts: list[Contract], file: Path, weeks: int | None) -> int:
    from courant.replay import whole_weeks

    if weeks is not None or len(contracts) != 1:
        raise typer.BadParameter("--like wants one --dataset and no --weeks")
    return whole_weeks(contracts[0], file, shift_to=datetime.now(UTC))


def _ensure_calendar(settings: Settings) -> None:
    if not settings.nifi.calendar.exists():
        calendar(out_file=settings.nifi.calendar)


def _sentence(done: Deployment) -> str:
    made = "is new" if done.is_new else "has another flow" if done.flow_changed else "has its flow"
    changed = f", other parameters: {', '.join(done.parameters_changed)}" if done.parameters_changed else ""
    polled = f" It polls {done.polled}." if done.polled else ""
    return (
        f"{done.dataset} {made}{changed}, and runs; slots move by {done.weeks} weeks. "
        f"Drop files in {escape(str(done.folder))}.{escape(polled)}"
    )


def _standing(found: Any) -> str:  # noqa: ANN401 - a GroupState, which --help need not import
    if found is None:
        return "is not in NiFi; `courant nifi deploy` brings it there"
    return (
        f"{found.running} processors run, {found.stopped} stopped, {found.invalid} not valid; "
        f"{found.queued:,} pieces on their way"
    )


def _print_letters(found: list[dict[str, Any]]) -> None:
    from rich.table import Table

    if not found:
        out.print("No dead letters.")
        return
    table = Table("data set", "source", "reason", "rows")
    for one in found:
        table.add_row(one["dataset"], escape(one["source"]), escape(one["reason"]), f"{one['rows']:,}")
    Console(width=None if out.is_terminal else 160).print(table)

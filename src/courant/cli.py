"""The command line: thin. Each command imports what it needs, so that --help is instant."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from courant import (
    cluster_commands,
    file_commands,
    lake_commands,
    model_commands,
    nifi_commands,
    people_commands,
    server_commands,
    stream_commands,
)
from courant.errors import CourantError

if TYPE_CHECKING:
    from courant.doctor import Finding
    from courant.layers.status import LayerStatus
    from courant.local.stack import StackStatus
    from courant.settings import Settings

app = typer.Typer(
    help="A streaming lakehouse for electricity data: Kafka in; Delta and MySQL out, exactly once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)
contract_app = typer.Typer(help="What each data set holds and refuses.", no_args_is_help=True)
app.add_typer(contract_app, name="contract", rich_help_panel="Data sets")
app.add_typer(server_commands.app, name="server", rich_help_panel="Servers of your own")
app.add_typer(cluster_commands.app, name="cluster", rich_help_panel="Embedded stack")
file_commands.register(app)
nifi_commands.register(app)
stream_commands.register(app)
lake_commands.register(app)
model_commands.register(app)
people_commands.register(app)
out = Console()
err = Console(stderr=True)

STACK = "Embedded stack"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and only JSON, on standard output.")]


def main() -> None:
    """Run a command; turn what goes wrong into one message and one exit code."""
    try:
        app()
    except CourantError as error:
        _show_error(error)
        raise SystemExit(error.exit_code) from None
    except Exception as error:
        if os.environ.get("COURANT_DEBUG") == "1":
            raise
        err.print(f"[red]Error:[/] {escape(type(error).__name__)}: {escape(str(error))}", soft_wrap=True)
        err.print("What to do: this should not happen; run it again with `courant --debug …` to see where.")
        raise SystemExit(CourantError.exit_code) from None


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show a traceback for errors that we do not know.")
    ] = False,
) -> None:
    """Take the options that all commands share."""
    if debug:
        os.environ["COURANT_DEBUG"] = "1"


@app.command(rich_help_panel=STACK)
def up(
    reset_passwords: Annotated[
        bool, typer.Option("--reset-passwords", help="Give the database the passwords of secrets.json again.")
    ] = False,
) -> None:
    """Start Kafka, MariaDB and the document store under COURANT_HOME, and wait until they answer.

    Examples: [bold]courant up[/] · [bold]COURANT_MYSQL_PORT=3307 courant up[/] ·
    [bold]COURANT_HOME=/tmp/other courant up[/]
    """
    from courant.settings import load_settings
    from courant.start import start_stack

    settings = load_settings()
    with err.status("starting the stack") as spinner:

        def report(name: str, state: str) -> None:
            spinner.update(f"{name} {state}")
            if state == "ready":
                err.print(f"  {name} ready")

        _, status = start_stack(settings, report, reset_passwords=reset_passwords)
    if not status.started:
        err.print("The stack was up already.")
    _show_status(status)


@app.command(rich_help_panel=STACK)
def down() -> None:
    """Stop the servers of COURANT_HOME; their data stays.

    Example: [bold]courant down[/]
    """
    from courant.local import stack
    from courant.settings import load_settings

    with err.status("stopping the stack"):
        stopped = stack.down(load_settings())
    err.print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running.")


@app.command(rich_help_panel=STACK)
def status(as_json: AsJson = False) -> None:
    """Show which servers run and where, and how each layer stands: rows, newest slot, lag, last run and reconcile.

    Examples: [bold]courant status[/] · [bold]courant status --json | jq .services.mysql.port[/]
    """
    from courant.domain.contract import load_contracts
    from courant.layers.status import read_layers
    from courant.layers_page import print_layers
    from courant.local import stack
    from courant.settings import load_settings

    settings = load_settings()
    now = stack.status(settings)
    layers = read_layers(settings, load_contracts(settings.contracts_dir).values())
    if as_json:
        typer.echo(json.dumps(_status_document(settings, now, layers), indent=2))
    else:
        _show_status(now)
        print_layers(layers, Console(width=None if out.is_terminal else 140))


@app.command(rich_help_panel=STACK)
def doctor(
    as_json: AsJson = False,
    compose: Annotated[
        bool, typer.Option("--compose", help="Check the cluster in Docker instead of this machine.")
    ] = False,
) -> None:
    """Check Java, ports, memory, disk and versions, and say how to mend what fails.

    Exits 0 when all is well, else with the code of the first failure. With --compose: Docker, its memory, the
    ports of docker/compose.yaml, and the containers that run. COMPOSE_PROFILES says of which profiles (core,ui,lab).

    Examples: [bold]courant doctor[/] · [bold]courant doctor --json[/] · [bold]courant doctor --compose[/]
    """
    from dataclasses import asdict

    from courant.doctor import examine, exit_code
    from courant.doctor_containers import examine_containers
    from courant.settings import load_settings

    profiles = os.environ.get("COMPOSE_PROFILES", "core,ui").split(",")
    findings = examine_containers(profiles) if compose else examine(load_settings())
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _show_findings(findings)
    raise typer.Exit(exit_code(findings))


@contract_app.command("list")
def list_contracts() -> None:
    """List the data sets: topic, tables and purpose of each.

    Example: [bold]courant contract list[/]
    """
    from courant.contract_page import contracts_table
    from courant.domain.contract import load_contracts
    from courant.settings import load_settings

    out.print(contracts_table(load_contracts(load_settings().contracts_dir).values()))


@contract_app.command("show")
def show_contract(
    name: Annotated[str, typer.Argument(help="A data set of `courant contract list`.")],
) -> None:
    """Show a data set's fields, rules and dimensions.

    Example: [bold]courant contract show balance[/]
    """
    from courant.contract_page import contract_tables
    from courant.domain.contract import find_contract
    from courant.settings import load_settings

    out.print(contract_tables(find_contract(load_settings().contracts_dir, name)))


@app.command(hidden=True)
def jars() -> None:
    """Retrieve the JVM artifacts of conf/ivy.xml into .jars/ (part of `make setup`)."""
    from courant.local.jars import retrieve

    retrieve(lambda line: err.print(f"  {line}", markup=False, highlight=False))


def _status_document(settings: Settings, now: StackStatus, layers: list[LayerStatus]) -> dict[str, Any]:
    from courant.domain.contract import load_contracts
    from courant.layers.status import to_document

    contracts, by_dataset = load_contracts(settings.contracts_dir), to_document(layers)
    return {
        "home": str(now.home),
        "services": {
            name: {"state": service.state, "pid": service.pid, **service.address}
            for name, service in now.services.items()
        },
        "datasets": {
            name: {
                "topic": contract.topic,
                "contract_version": contract.version,
                "layers": by_dataset.get(name, {}),
            }
            for name, contract in contracts.items()
        },
        "lake": {"root": str(settings.lake.root)},
    }


def _show_status(now: StackStatus) -> None:
    from rich.table import Table

    table = Table("server", "state", "pid", "address", title=f"Stack in {now.home}", title_justify="left")
    for name, service in now.services.items():
        colour = "green" if service.state == "running" else "yellow"
        address = " ".join(str(part) for part in service.address.values() if part is not None)
        table.add_row(name, f"[{colour}]{service.state}[/]", str(service.pid or "–"), escape(address))
    out.print(table)


def _show_findings(findings: list[Finding]) -> None:
    for finding in findings:
        sign = "[green]ok[/]  " if finding.is_ok else "[red]FAIL[/]"
        out.print(f"{sign} {finding.name:14} {escape(finding.found)}", highlight=False, soft_wrap=True)
        if finding.remedy:
            out.print(f"     {'':14} What to do: {escape(finding.remedy)}", highlight=False, soft_wrap=True)


def _show_error(error: CourantError) -> None:
    err.print(f"[red]Error:[/] {escape(error.message)}", highlight=False, soft_wrap=True)
    if error.remedy:
        err.print(f"What to do: {escape(error.remedy)}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()

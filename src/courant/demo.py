"""The demo: everything once, from a published file to a proof, on an embedded stack."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from courant.dashboard_ui import take_picture
from courant.domain.contract import Contract, find_contract, load_contracts
from courant.errors import IngestError
from courant.generate import generate_file
from courant.local import stack
from courant.model_page import print_model
from courant.progress import Progress, batches_since, bronze_rows, last_batch, read_progress, rejects_by_rule
from courant.published import guess_contract
from courant.reconcile_page import layers_table
from courant.replay import replay
from courant.settings import Settings
from courant.start import start_stack
from courant.steps import CACHE, PROOF, SMALL_MODEL, run_step
from courant.submit import INGEST, start_job, stop_job

_T = TypeVar("_T")
_FIRST_DAY = date(2026, 1, 1)
_SEED = 7
_NATION = "balance"
_BAD_FRACTION = 0.002
_LIVE_ROWS_PER_S = 450.0
_CATCH_UP_S = 180
_LAYERS = {
    "silver": "silver: typed, one row per key",
    "gold": "gold: half hours, days, months",
    "aggregates": "aggregates into MongoDB",
}


@dataclass(frozen=True, slots=True)
class Feed:
    """A file to replay, and how."""

    contract: Contract
    path: Path
    rate: float | None  # rows per second; None: as fast as possible


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one data set's replay and ingest came to."""

    contract: Contract
    records: int
    seconds: float  # from the first record sent to the last one committed in MySQL
    batches: list[dict[str, Any]]


def run_demo(settings: Settings, *, file: Path | None, dataset: str | None, console: Console) -> int:
    """Up, replay, ingest, the layers, a forecast, reconcile, a summary, down. Gives 0 if the layers agree."""
    started = time.monotonic()
    with _stack(settings, console) as reached:
        feeds = _given(reached, file, dataset) if file else _generated(reached, console)
        outcomes = _stream(reached, feeds, console)
        datasets = [feed.contract.name for feed in feeds]
        for step in CACHE:
            _step(console, _LAYERS[step.name], partial(run_step, reached, step, datasets))
        title = "the same model on three engines, the best forecast of tomorrow"
        model = _step(console, title, lambda: run_step(reached, SMALL_MODEL, datasets))
        proof = _step(console, "reconciling all layers", lambda: run_step(reached, PROOF, datasets).document)
        _summarise(reached, outcomes, proof, console)
        if model.excuse:
            console.print(f"No forecast yet: {model.excuse}")
        else:
            print_model(model.document, console)
        _picture(reached, datasets, console)
    console.print(
        f"\nDone in {time.monotonic() - started:.0f} s; the data stays; what was started is stopped."
    )
    console.print(
        "Where to look next: [bold]courant up[/], then [bold]courant sql 'SELECT * FROM v_balance LIMIT 5'[/], "
        "[bold]courant contract show balance[/], [bold]make live[/], [bold]make mlflow[/]"
    )
    return 0 if proof["ok"] else 1


def _picture(settings: Settings, datasets: list[str], console: Console) -> None:
    """Leave a picture of the dashboard: of the nation where the data set has it, else of the load curves."""
    screen, folder = "live" if _NATION in datasets else "explore", settings.home / "demo"
    taken = _step(console, "a picture of the dashboard", lambda: take_picture(settings, screen, folder))
    if isinstance(taken, Path):
        console.print(
            f"The dashboard, as `make dashboard` shows it: {taken.replace(folder / 'dashboard.png')}"
        )
    else:
        console.print(f"No picture of the dashboard: {taken}")


@contextlib.contextmanager
def _stack(settings: Settings, console: Console) -> Iterator[Settings]:
    """Bring the stack up, and down again unless it was up before."""
    title = "starting Kafka, MariaDB and the document store"
    reached, status = _step(console, title, lambda: start_stack(settings))
    try:
        yield reached
    finally:
        if status.started:
            stack.down(settings)


def _given(settings: Settings, file: Path, dataset: str | None) -> list[Feed]:
    contracts = load_contracts(settings.contracts_dir)
    contract = (
        find_contract(settings.contracts_dir, dataset)
        if dataset
        else guess_contract(file, contracts.values())
    )
    return [Feed(contract, file, None)]


def _generated(settings: Settings, console: Console) -> list[Feed]:
    """Write two days of consumption in 12 regions and 90 days of the national balance, some rows bad on purpose."""
    folder = settings.home / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    feeds = []
    for name, days, rate in (("consumption_inf36", 2, None), (_NATION, 90, _LIVE_ROWS_PER_S)):
        contract = find_contract(settings.contracts_dir, name)
        path = folder / f"{name}.csv"
        made = generate_file(
            contract, path, start=_FIRST_DAY, days=days, seed=_SEED, bad_fraction=_BAD_FRACTION
        )
        bad = sum(made.bad_rows.values())
        console.print(f"  generated {made.rows:,} rows of {name}, {bad:,} of them bad on purpose")
        feeds.append(Feed(contract, path, rate))
    return feeds


def _stream(settings: Settings, feeds: list[Feed], console: Console) -> list[Outcome]:
    """Run the ingest while the files are replayed, until both sinks have everything."""
    log_path = settings.home / "logs" / "ingest.log"
    names = [word for feed in feeds for word in ("--dataset", feed.contract.name)]
    first_batch = last_batch(settings)
    with log_path.open("wb") as log:
        ingest = start_job(settings, INGEST, names, properties="spark-ingest.conf", log=log)
        try:
            _step(console, "starting Spark", lambda: _await_ready(ingest, log_path))
            with ThreadPoolExecutor(len(feeds)) as pool:
                replays = [pool.submit(_replay_and_wait, settings, feed, ingest) for feed in feeds]
                ends = _step(console, _plan(feeds), lambda: [one.result() for one in replays])
        finally:
            stop_job(ingest)
    batches = batches_since(settings, first_batch)
    return [
        Outcome(feed.contract, sent, seconds, [b for b in batches if b["dataset"] == feed.contract.name])
        for feed, (sent, seconds) in zip(feeds, ends, strict=True)
    ]


def _plan(feeds: list[Feed]) -> str:
    paces = [
        f"{f.contract.name} {'at full speed' if f.rate is None else f'at {f.rate:.0f} rows/s'}" for f in feeds
    ]
    return f"replaying into Kafka, and from there into MySQL and bronze: {', '.join(paces)}"


def _await_ready(ingest: subprocess.Popen[bytes], log_path: Path) -> None:
    """Wait until the queries run: a throughput that counts a JVM's start says nothing."""
    deadline = time.monotonic() + _CATCH_UP_S
    while b"queries started" not in log_path.read_bytes():
        _check_alive(ingest, log_path, deadline)
        time.sleep(0.2)


def _replay_and_wait(settings: Settings, feed: Feed, ingest: subprocess.Popen[bytes]) -> tuple[int, float]:
    before, started = bronze_rows(settings, feed.contract), time.monotonic()
    sent = replay(settings, feed.contract, feed.path, rate=feed.rate).acknowledged
    log_path, deadline = settings.home / "logs" / "ingest.log", time.monotonic() + _CATCH_UP_S
    seconds = 0.0
    while True:
        now = read_progress(settings, feed.contract)
        if not seconds and now.mysql >= now.log_end:
            seconds = time.monotonic() - started
        if seconds and _has_all(now, before + sent):
            return sent, seconds
        _check_alive(ingest, log_path, deadline)
        time.sleep(0.2)


def _has_all(now: Progress, bronze_expected: int) -> bool:
    return now.bronze_rows >= bronze_expected


def _check_alive(ingest: subprocess.Popen[bytes], log_path: Path, deadline: float) -> None:
    if ingest.poll() is not None or time.monotonic() > deadline:
        tail = "\n".join(log_path.read_text(errors="replace").splitlines()[-5:])
        state = "did not catch up" if ingest.returncode is None else f"ended with code {ingest.returncode}"
        raise IngestError(f"The ingest {state}. Its last words:\n{tail}", remedy=f"read {log_path}")


def _summarise(settings: Settings, outcomes: list[Outcome], proof: dict[str, Any], console: Console) -> None:
    table = Table(title="What happened", title_justify="left")
    for name in (
        "data set",
        "records",
        "accepted",
        "rejected",
        "warned",
        "rows/s",
        "latency p50",
        "p95",
        "reconcile",
    ):
        table.add_column(name, justify="left" if name in {"data set", "reconcile"} else "right")
    for one in outcomes:
        found = proof["datasets"][one.contract.name]
        p50, p95 = (_weighted(one.batches, f"latency_{q}_ms") for q in ("p50", "p95"))
        warned = sum(sum(json.loads(batch["warnings"]).values()) for batch in one.batches)
        table.add_row(
            one.contract.name,
            f"{one.records:,}",
            f"{sum(b['accepted'] for b in one.batches):,}",
            f"{sum(b['rejected'] for b in one.batches):,}",
            f"{warned:,}",
            f"{one.records / one.seconds:,.0f}",
            f"{p50:,.0f} ms",
            f"{p95:,.0f} ms",
            "[green]ok[/]" if found["ok"] else "[red]differs[/]",
        )
    console.print(table)
    console.print(
        "[dim]Latency: produced to committed in MySQL, mean of the batches' p50 and p95 by rows.[/]"
    )
    console.print(layers_table(proof))
    console.print(_reject_table(settings))


def _reject_table(settings: Settings) -> Table:
    rejects = Table(
        "data set", "broken rules", "records", title="Rejects, kept with their reason", title_justify="left"
    )
    for dataset, rules, count in rejects_by_rule(settings):
        rejects.add_row(dataset, rules, f"{count:,}")
    return rejects


def _weighted(batches: list[dict[str, Any]], column: str) -> float:
    rows = sum(batch["rows_in"] for batch in batches)
    return sum(batch[column] * batch["rows_in"] for batch in batches) / rows if rows else 0.0


def _step(console: Console, title: str, work: Callable[[], _T]) -> _T:
    started = time.monotonic()
    with console.status(title):
        result = work()
    console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - started:.1f} s[/]")
    return result

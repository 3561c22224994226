"""Raise an alert for each reading beyond a limit of conf/alerts.toml, within milliseconds, from Kafka to Kafka."""

from __future__ import annotations

import argparse
import sys

from courant.alerts.stream import run_stream
from courant.domain.alert_rules import read_rules
from courant.domain.contract import load_contracts
from courant.job import run_main
from courant.session import get_spark
from courant.settings import load_settings


def main() -> int:
    """Stream until stopped."""
    arguments = _arguments()
    settings = load_settings()
    contracts = load_contracts(settings.contracts_dir)
    rules = read_rules(settings.alerts.rules, contracts.values())
    watched = [contracts[name] for name in rules.streamed]
    run_stream(get_spark("raise_alerts"), settings, watched, rules, beside=arguments.beside)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=int, metavar="PID", help="end when this process has ended")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_main(main))

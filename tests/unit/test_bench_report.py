"""What `make bench` runs and writes: each bench, a section of docs/benchmarks.md, and nothing around it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench import run_all
from bench.report import REPORT, Figures, median_and_worst, typed_command, write_section

TWO_SECTIONS = """# Figures

## Ingest

<!-- ingest: written by make bench -->

old

<!-- end of ingest -->

Why it is so, by hand.

<!-- memory: written by make bench -->
<!-- end of memory -->
"""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "benchmarks.md"
    path.write_text(TWO_SECTIONS, encoding="utf-8")
    return path


def test_a_section_is_replaced_and_all_else_stays(report: Path) -> None:
    write_section("ingest", "| way |\n|---|\n| ours |\n", report=report)
    expected = TWO_SECTIONS.replace("\nold\n", "\n| way |\n|---|\n| ours |\n")
    assert report.read_text(encoding="utf-8") == expected


def test_a_section_that_is_written_twice_is_that_of_the_second_time(report: Path) -> None:
    write_section("memory", "first", report=report)
    write_section("memory", "second", report=report)
    begin, end = "<!-- memory: written by make bench -->", "<!-- end of memory -->"
    assert report.read_text(encoding="utf-8").endswith(f"{begin}\n\nsecond\n\n{end}\n")


def test_a_section_that_is_not_there_is_named(report: Path) -> None:
    with pytest.raises(SystemExit, match="wants one section cache"):
        write_section("cache", "figures", report=report)
    assert report.read_text(encoding="utf-8") == TWO_SECTIONS


def test_each_bench_has_a_section(tmp_path: Path) -> None:
    text = REPORT.read_text(encoding="utf-8")
    names = re.findall(r"<!-- (\S+): written by make bench -->\n", text)
    assert {name.partition("-")[0] for name in names} == set(run_all.BENCHES)
    copy = tmp_path / "benchmarks.md"
    copy.write_text(text, encoding="utf-8")
    for name in names:
        write_section(name, f"@@ {name}", report=copy)
    assert copy.read_text(encoding="utf-8").count("@@ ") == len(names)


def test_a_table_becomes_markdown() -> None:
    figures = Figures(("way", "rows/s"), [("ours", "49,835"), ("it", "39,667")])
    assert figures.as_markdown() == "| way | rows/s |\n| --- | --- |\n| ours | 49,835 |\n| it | 39,667 |"


def test_a_figure_is_the_median_with_the_worst_run_beside_it() -> None:
    assert median_and_worst([900, 1200, 1000]) == "1,000 (1,200)"
    assert median_and_worst([900, 1200, 1000], worst=min) == "1,000 (900)"
    assert median_and_worst([0.3], ".2f") == "0.30"
    assert median_and_worst([float("nan")]) == "–"


def test_the_command_names_neither_the_file_that_is_written_nor_the_servers_address() -> None:
    words = [
        "bench/cache.py",
        "--write",
        "/somewhere/copy.md",
        "--runs",
        "1",
        "--mongo-uri",
        "mongodb://u:p@host/",
    ]
    assert typed_command(words) == ".venv/bin/python bench/cache.py --runs 1 --mongo-uri …"
    assert (
        typed_command(["memory.py", "--write", "--rows", "9"]) == ".venv/bin/python bench/memory.py --rows 9"
    )


def test_a_bench_that_fails_is_named_and_the_next_one_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ingest.py").write_text("raise SystemExit(3)")
    (tmp_path / "memory.py").write_text("import sys; print('memory got', sys.argv[1:])")
    monkeypatch.setattr(run_all, "FOLDER", tmp_path)
    monkeypatch.setattr(run_all, "BENCHES", ("ingest", "cache", "memory"))
    monkeypatch.setattr("sys.argv", ["run_all.py", "--write", "--runs", "5", "--write", "copy.md"])
    assert run_all.main() == 1
    said = capfd.readouterr().out
    assert "cache is left out: the embedded stand-in's figures mean nothing" in said
    assert "memory got ['--runs', '5', '--write', 'copy.md']" in said
    assert said.endswith("failed: ingest\n")

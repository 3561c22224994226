"""A column's type reads the same whether the contract, MySQL or MariaDB writes it."""

from __future__ import annotations

import pytest

from courant.stores.mysql.schema import _normalised


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("BIGINT NOT NULL", "bigint"),
        ("bigint(20)", "bigint"),
        ("INT UNSIGNED NULL", "int unsigned"),
        ("int(10) unsigned", "int unsigned"),
        ("smallint(5) unsigned", "smallint unsigned"),
        ("BOOLEAN NULL", "tinyint"),
        ("BOOL", "tinyint"),
        ("tinyint(1)", "tinyint"),
        ("INTEGER NOT NULL", "int"),
        ("DECIMAL(14, 3) NULL", "decimal(14,3)"),
        ("decimal(14,3)", "decimal(14,3)"),
        ("VARCHAR(64) NOT NULL", "varchar(64)"),
        ("DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)", "datetime(3)"),
    ],
)
def test_types_are_compared_as_they_are_meant(written: str, meant: str) -> None:
    assert _normalised(written) == meant


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("VARCHAR(64)", "VARCHAR(65)"),
        ("INT", "INT UNSIGNED"),
        ("DECIMAL(14,3)", "DECIMAL(14,2)"),
        ("INT", "BIGINT"),
    ],
)
def test_types_that_differ_stay_different(one: str, other: str) -> None:
    assert _normalised(one) != _normalised(other)

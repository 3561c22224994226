from __future__ import annotations

from pathlib import Path

import numpy as np

from courant.ml.row_files import RowFile, write_rows

X = np.arange(20.0).reshape(10, 2)
Y = np.arange(10.0)


def test_rows_come_back_group_by_group(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.parquet", X, Y, group_rows=4)

    file = RowFile.of(tmp_path / "rows.parquet")

    assert (file.sizes, file.columns, file.has_target) == ((3, 3, 4), 2, True)
    np.testing.assert_array_equal(file.features(1), [[6, 7], [8, 9], [10, 11]])
    np.testing.assert_array_equal(file.target(2), [6, 7, 8, 9])


def test_a_file_needs_no_target(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.parquet", X)

    assert not RowFile.of(tmp_path / "rows.parquet").has_target


def test_copies_repeat_the_features_and_blur_the_target(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_rows(tmp_path / name, X, Y, copies=3, noise=0.01, seed=7)

    one, other = RowFile.of(tmp_path / "one"), RowFile.of(tmp_path / "other")

    assert one.sizes == (10, 10, 10)
    for copy in range(3):
        np.testing.assert_array_equal(one.features(copy), X)
        np.testing.assert_array_equal(one.target(copy), other.target(copy))
    np.testing.assert_array_equal(one.target(0), Y)
    assert 0 < np.abs(one.target(1) - Y).max() < 0.1
    assert not np.array_equal(one.target(1), one.target(2))

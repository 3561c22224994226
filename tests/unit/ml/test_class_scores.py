"""What a confusion matrix tells, worked out by hand.

              taken for PRO   RES   ENT
is PRO                    6     2     0
is RES                    1    10     1
is ENT                    0     0     0
"""

from __future__ import annotations

import pandas as pd
import pytest

from courant.ml.classifiers import accuracy, class_scores, majority_share

FAMILIES = ["PRO", "RES", "ENT"]


@pytest.fixture
def matrix() -> pd.DataFrame:
    return pd.DataFrame([[6, 2, 0], [1, 10, 1], [0, 0, 0]], index=FAMILIES, columns=FAMILIES)


def test_each_family_has_its_precision_recall_and_f1(matrix: pd.DataFrame) -> None:
    scores = class_scores(matrix)

    assert scores.loc["PRO"].tolist() == pytest.approx([6 / 7, 6 / 8, 12 / 15, 8])
    assert scores.loc["RES"].tolist() == pytest.approx([10 / 12, 10 / 12, 20 / 24, 12])


def test_a_share_of_nothing_is_zero(matrix: pd.DataFrame) -> None:
    assert class_scores(matrix).loc["ENT"].tolist() == [0, 0, 0, 0]


def test_accuracy_is_to_be_held_against_the_majority(matrix: pd.DataFrame) -> None:
    assert accuracy(matrix) == pytest.approx(16 / 20)
    assert majority_share(matrix) == pytest.approx(12 / 20)

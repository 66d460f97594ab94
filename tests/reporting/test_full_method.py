"""Which row of a table is the full method."""

from harness.reporting.full_method import full_row, is_full
from harness.tables import tables


def rows(table, *keys):
    return [tables()[table].row(key) for key in keys]


def test_the_row_whose_switches_are_the_defaults_is_the_full_method():
    individual = "Individual Branch Networks: both"
    found = full_row(rows("mdpr_distillation", "MDPR(Ours): neither", "MDPR(Ours): both", individual))
    assert found.key == "MDPR(Ours): both"
    assert not is_full(*rows("mdpr_distillation", individual))


def test_another_feature_at_test_makes_no_other_method():
    (last,) = rows("pgfl_kd_ablation", "6 (MB-SAB+FEB w/ C)")
    assert is_full(last)


def test_without_a_full_row_the_last_one_stands_for_it():
    assert full_row(rows("mpn_ablation", "Baseline", "MT Only")).key == "MT Only"

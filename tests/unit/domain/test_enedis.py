"""The generator: files as Enedis publishes them."""

from datetime import date

import polars as pl
import pytest

from courant.domain.contract import Contract, load_contracts
from courant.domain.enedis import (
    generate_balance,
    generate_consumption_inf36,
    generate_consumption_sup36,
    generate_days,
    labelled,
    spoil,
)
from courant.errors import UnknownDatasetError
from courant.settings import PROJECT_ROOT

TOTAL = "total_energie_soutiree_wh"
RANGE = "plage_de_puissance_souscrite"
NEW_YEAR = date(2026, 1, 1)
CURVES = ("ndeg1", "ndeg2", "ndeg1_ndeg2")


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(PROJECT_ROOT / "contracts")


@pytest.fixture(scope="module")
def january() -> pl.DataFrame:
    return generate_consumption_inf36(NEW_YEAR, days=31, regions=["84", "24"], seed=7)


def test_a_day_of_all_regions_has_47232_rows_of_82_segments() -> None:
    day = generate_consumption_inf36(NEW_YEAR, days=1, seed=7)

    assert day.height == 47_232
    first = day.filter(pl.col("horodate") == "2026-01-01T00:00:00+01:00", pl.col("code_region") == "75")
    assert first.height == 82
    assert first.filter(pl.col("profil").str.starts_with("RES")).height == 39
    assert first["region"].unique().to_list() == ["Nouvelle Aquitaine"]


@pytest.mark.parametrize(("day", "slots"), [(date(2026, 3, 29), 46), (date(2026, 10, 25), 50)])
def test_clock_changes_make_days_of_46_and_50_slots(day: date, slots: int) -> None:
    assert generate_consumption_inf36(day, days=1, regions=["84"], seed=7)["horodate"].n_unique() == slots
    assert generate_consumption_sup36(day, days=1, regions=["84"], seed=7).height == slots * 56
    assert generate_balance(day, days=1, seed=7).height == slots * 2


def test_a_row_is_the_same_whatever_range_it_is_generated_in() -> None:
    wide = generate_consumption_inf36(date(2026, 1, 30), days=4, regions=["11", "84", "93"], seed=7)
    narrow = generate_consumption_inf36(date(2026, 2, 1), days=1, regions=["84"], seed=7)

    same = wide.filter(pl.col("code_region") == "84").join(
        narrow.select("horodate").unique(), on="horodate", how="semi"
    )
    assert same.equals(narrow)


def test_a_balance_row_is_the_same_whatever_range_it_is_generated_in() -> None:
    wide = generate_balance(date(2026, 1, 1), days=120, seed=7)
    narrow = generate_balance(date(2026, 4, 3), days=1, seed=7)

    assert wide.join(narrow.select("horodate"), on="horodate", how="semi").equals(narrow)


def test_another_seed_gives_other_numbers() -> None:
    one, other = (generate_balance(NEW_YEAR, days=1, seed=seed) for seed in (7, 8))

    assert not one.equals(other)


def test_columns_carry_the_published_labels_in_the_published_order(contracts: dict[str, Contract]) -> None:
    day = generate_consumption_inf36(NEW_YEAR, days=1, regions=["84"], seed=7)

    assert ";".join(labelled(day, contracts["consumption_inf36"]).columns) == (
        "Horodate;Région;Code région;Profil;Plage de puissance souscrite;Nb points soutirage;"
        "Total énergie soutirée (Wh);Courbe Moyenne n°1 (Wh);Indice représentativité Courbe n°1 (%);"
        "Courbe Moyenne n°2 (Wh);Indice représentativité Courbe n°2 (%);Courbe Moyenne n°1 + n°2 (Wh);"
        "Indice représentativité Courbe n°1 + n°2 (%);Jour max du mois (0/1);Semaine max du mois (0/1)"
    )


def test_large_sites_have_a_sector_right_after_the_power_range(contracts: dict[str, Contract]) -> None:
    day = generate_consumption_sup36(NEW_YEAR, days=1, regions=["84"], seed=7)

    assert labelled(day, contracts["consumption_sup36"]).columns[4:6] == [
        "Plage de puissance souscrite",
        "Secteur activité",
    ]
    assert sorted(day["secteur_activite"].unique()) == [
        "S1: Agriculture",
        "S2: Industrie",
        "S3: Tertiaire",
        "S4: Non Affecté",
    ]


def test_every_region_profile_and_range_is_known_to_the_contract(contracts: dict[str, Contract]) -> None:
    for name in ("consumption_inf36", "consumption_sup36"):
        (day,) = generate_days(name, start=NEW_YEAR, days=1, seed=7)
        for dimension in contracts[name].dimensions:
            if dimension.field:
                known = {member[0] for member in dimension.members}
                assert set(day[dimension.field].unique()) <= known


def test_a_curve_is_empty_exactly_where_its_index_is_secret(january: pl.DataFrame) -> None:
    for curve in CURVES:
        secret = january[f"indice_representativite_courbe_{curve}"] == "S"
        assert secret.any()
        assert (january[f"courbe_moyenne_{curve}_wh"].is_null() == secret).all()


def test_a_total_is_empty_exactly_below_100_sites(january: pl.DataFrame) -> None:
    assert (january[TOTAL].is_null() == (january["nb_points_soutirage"] < 100)).all()


def test_an_index_is_a_whole_percent_or_less_than_one_or_secret(january: pl.DataFrame) -> None:
    texts = set().union(*(january[f"indice_representativite_courbe_{curve}"].unique() for curve in CURVES))

    assert {"S", "< 1"} <= texts
    assert all(0 < int(text) <= 100 for text in texts - {"S", "< 1"})


def test_p0_is_the_sum_of_its_parts_where_none_is_masked_else_at_least_it(january: pl.DataFrame) -> None:
    is_total = pl.col(RANGE).str.contains("Total")
    key = ["horodate", "code_region", "profil"]
    parts = (
        january.filter(~is_total)
        .group_by(key)
        .agg(pl.col(TOTAL).sum().alias("parts"), pl.col(TOTAL).is_null().any().alias("masked"))
    )
    both = january.filter(is_total).select(*key, TOTAL).join(parts, on=key, validate="1:1")

    whole = both.filter(~pl.col("masked"))
    masked = both.filter(pl.col("masked"), pl.col(TOTAL).is_not_null())
    assert whole.height > 0
    assert (whole[TOTAL] == whole["parts"]).all()
    assert masked.height > 0
    assert (masked[TOTAL] >= masked["parts"]).all()


@pytest.mark.parametrize(
    ("fewest", "sites", "flag"), [(100, 500, "jour_max_du_mois_0_1"), (500, 5_000, "semaine_max_du_mois_0_1")]
)
def test_few_sites_show_half_hours_only_at_the_months_peak(
    january: pl.DataFrame, fewest: int, sites: int, flag: str
) -> None:
    few = january.filter(
        pl.col("nb_points_soutirage").is_between(fewest, sites, closed="left"),
        ~pl.col(RANGE).str.contains("Total"),
    ).with_columns(pl.col("horodate").str.head(10).alias("day"))
    values = few.group_by("day", "code_region", "profil", RANGE).agg(
        pl.col(TOTAL).n_unique(),
        pl.col(flag).first(),
        pl.col("jour_max_du_mois_0_1").first().alias("peak_day"),
    )

    assert (values.filter(pl.col(flag) == 1)[TOTAL] > 1).all()
    assert (values.filter(pl.col(flag) == 0, pl.col("peak_day") == 0)[TOTAL] == 1).all()


def test_each_segment_has_one_peak_day_in_its_month_and_a_peak_week_of_up_to_seven(
    january: pl.DataFrame,
) -> None:
    days = january.with_columns(pl.col("horodate").str.head(10).alias("day")).unique(
        ["day", "code_region", "profil", RANGE]
    )
    peaks = days.group_by("code_region", "profil", RANGE).agg(
        pl.col("jour_max_du_mois_0_1").sum().alias("days"),
        pl.col("semaine_max_du_mois_0_1").sum().alias("week"),
    )

    assert (peaks["days"] == 1).all()
    assert peaks["week"].is_between(1, 7).all()


def test_homes_draw_most_in_the_evening_and_in_january() -> None:
    def homes(start: date) -> pl.DataFrame:
        day = generate_consumption_inf36(start, days=7, regions=["84"], seed=7)
        return day.filter(pl.col("profil") == "RES1 (+ RES1WE)", pl.col(RANGE) == "P0: Total <= 36 kVA")

    winter, summer = homes(date(2026, 1, 12)), homes(date(2026, 6, 8))
    by_hour = dict(winter.group_by(pl.col("horodate").str.slice(11, 2)).agg(pl.col(TOTAL).mean()).iter_rows())
    mean = winter[TOTAL].mean()

    assert by_hour["04"] / mean == pytest.approx(0.65, abs=0.05)
    assert by_hour["19"] / mean == pytest.approx(1.45, abs=0.08)
    assert 1.3 < mean / summer[TOTAL].mean() < 2.2


def test_shops_draw_less_on_sunday_and_on_a_holiday() -> None:
    week = generate_consumption_inf36(
        date(2026, 5, 11), days=7, regions=["84"], seed=7
    )  # Ascension on the 14th
    shops = week.filter(pl.col("profil") == "PRO2 (+ PRO2WE + PRO6)", pl.col(RANGE) == "P0: Total <= 36 kVA")
    by_day = dict(shops.group_by(pl.col("horodate").str.head(10)).agg(pl.col(TOTAL).sum()).iter_rows())

    assert by_day["2026-05-17"] < 0.75 * by_day["2026-05-12"]
    assert by_day["2026-05-14"] < 0.75 * by_day["2026-05-12"]


def test_both_identities_of_the_balance_hold_to_the_watt() -> None:
    year = generate_balance(date(2025, 1, 1), days=365, seed=7)
    parts = [name for name in year.columns if name.startswith(("consommation_tele", "consommation_prof"))]
    difference = year.select(
        (
            pl.col("injection_rte")
            - pl.col("soutirage_rte")
            - pl.col("soutirage_vers_autres_grd")
            + pl.col("production_totale")
            - pl.col("pertes")
            - pl.col("consommation_totale")
        ).alias("grid"),
        (pl.sum_horizontal(parts) - pl.col("consommation_totale")).alias("parts"),
    )

    assert len(parts) == 8
    assert difference.unique().rows() == [(0, 0)]


def test_the_balance_has_the_size_of_the_country() -> None:
    year = generate_balance(date(2023, 1, 1), days=365, seed=7)

    assert year.height == 17_520
    assert year["consommation_totale"].mean() == pytest.approx(36.5e9, rel=0.15)
    assert year["production_eolien"].mean() == pytest.approx(4.7e9, rel=0.15)
    assert year["production_photovoltaique"].min() == 0
    assert year["production_autre"].min() < 0 < year["injection_rte"].min()


def test_the_step_of_the_balance_changes_in_october_2024() -> None:
    days = generate_balance(date(2024, 10, 4), days=2, seed=7)["horodate"].to_list()

    assert len(days) == 48 + 96
    assert days[46:50] == [
        "2024-10-04T21:00:00+00:00",
        "2024-10-04T21:30:00+00:00",
        "2024-10-04T22:00:00+00:00",
        "2024-10-04T22:15:00+00:00",
    ]


def test_the_balance_has_every_field_of_its_contract(contracts: dict[str, Contract]) -> None:
    day = generate_balance(NEW_YEAR, days=1, seed=7)

    assert labelled(day, contracts["balance"]).width == len(contracts["balance"].fields) == 29


def test_there_is_no_generator_for_an_unknown_data_set() -> None:
    with pytest.raises(UnknownDatasetError, match="no generator for temperature"):
        generate_days("temperature", start=NEW_YEAR, days=1, seed=7)


def test_spoiling_makes_a_fraction_of_the_rows_bad_in_every_way(contracts: dict[str, Contract]) -> None:
    day = generate_consumption_inf36(NEW_YEAR, days=1, regions=["84"], seed=7)

    spoiled = spoil(day, contracts["consumption_inf36"], fraction=0.1, seed=7)

    untouched = day.with_columns(pl.all().cast(pl.String))
    changed = sum(a != b for a, b in zip(spoiled.frame.rows(), untouched.rows(), strict=True))
    assert changed == sum(spoiled.counts.values())
    assert changed == pytest.approx(0.1 * day.height, rel=0.2)
    assert set(spoiled.counts) == {
        *(
            "negative_energy",
            "wrong_type",
            "beyond_range",
            "missing_key",
            "no_offset",
            "off_step",
            "unknown_member",
        )
    }
    assert min(spoiled.counts.values()) > 0
    assert (
        spoiled.frame.filter(pl.col("horodate").str.contains(":07:00")).height == spoiled.counts["off_step"]
    )
    assert spoil(day, contracts["consumption_inf36"], fraction=0.1, seed=7).frame.equals(spoiled.frame)


def test_spoiling_nothing_changes_nothing(contracts: dict[str, Contract]) -> None:
    day = generate_balance(NEW_YEAR, days=1, seed=7)

    spoiled = spoil(day, contracts["balance"], fraction=0.0, seed=7)

    assert spoiled.frame.equals(day.with_columns(pl.all().cast(pl.String)))
    assert sum(spoiled.counts.values()) == 0

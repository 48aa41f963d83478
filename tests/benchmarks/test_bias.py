"""The bias table: its arithmetic, and that converged settings are what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import bias, bias_corrosion, bias_crack, bias_deformation
from benchmarks.bias_table import Variant, rows_of, summarise, table
from benchmarks.measurement import load_mix
from benchmarks.scenario_mix import MIX, Case, draw_case, standard_dataset
from maphc2f.defects import FAMILIES, blistering
from maphc2f.defects.crack_sheets import RECIPES
from maphc2f.errors import SimulationRejected
from maphc2f.solvers.blister import Accuracy, inflate
from maphc2f.solvers.plate import NewtonOptions


def case_of(name: str, seed: int = 0) -> Case:
    mix = load_mix(MIX)
    case = draw_case(mix, standard_dataset(mix, 4), name, seed)
    assert case is not None
    return case


def test_ratio_of_means_and_its_spread() -> None:
    (row,) = summarise("a.b", [{"length": (1.0, 2.0)}, {"length": (5.0, 4.0)}])
    assert row.ratio == pytest.approx(1.0)
    assert row.spread == pytest.approx(np.sqrt(2) / 3)
    assert row.error == pytest.approx(row.spread / np.sqrt(2))
    assert row.verdict == "within 10 %"


@pytest.mark.parametrize(
    ("production", "verdict"), [(1.09, "within 10 %"), (1.11, "FALLS SHORT"), (0.89, "FALLS SHORT")]
)
def test_verdict(production: float, verdict: str) -> None:
    (row,) = summarise("a.b", [{"x": (production, 1.0)}])
    assert row.verdict == verdict


def test_nothing_converged_falls_short() -> None:
    (row,) = summarise("a.b", [{"free ends": (2.0, 0.0)}])
    assert row.verdict == "FALLS SHORT"


def test_rejected_draws_are_left_out() -> None:
    def measure(_: Case, __: str, seed: int) -> dict[str, tuple[float, float]]:
        if seed == 1:
            msg = "no growth"
            raise SimulationRejected(msg)
        return {"x": (float(seed), 1.0)}

    cases = [(seed, case_of("crack.star")) for seed in range(5)]
    (row,) = rows_of("crack.star", Variant("", measure), cases, 3)
    assert row.seeds == 3
    assert row.ratio == pytest.approx((0 + 2 + 3) / 3)
    assert "| crack.star" in table([row])


def test_settings_are_of_registered_scenarios() -> None:
    known = {f"{f}.{s}" for f in FAMILIES for s in FAMILIES[f].scenarios}
    assert set(bias.VARIANTS) <= known
    assert bias.unmeasured() == []


def test_only_physics_can_be_unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture-level family solves nothing, so it has nothing to converge to."""
    monkeypatch.setattr(bias, "VARIANTS", {})
    physical = [f"{f}.{s}" for f in ("crack", "corrosion", "deformation") for s in FAMILIES[f].scenarios]
    assert bias.unmeasured() == physical


def test_slow_loading_is_slow() -> None:
    control = RECIPES["edge_crack"].control
    slow = bias_crack.slow(control)
    assert slow.rise < 0.05 * control.rise
    assert slow.pace < 0.2 * control.pace
    assert (slow.first, slow.last) == (control.first, control.last)


def test_both_settings_of_a_crack_share_their_fields() -> None:
    first, again = (bias_crack.setting(case_of("crack.edge_crack"), "crack.edge_crack", 3) for _ in range(2))
    np.testing.assert_array_equal(first.sheet.gc, again.sheet.gc)
    np.testing.assert_array_equal(first.sheet.notch, again.sheet.notch)
    other = bias_crack.setting(case_of("crack.edge_crack"), "crack.edge_crack", 4)
    assert not np.array_equal(first.sheet.gc, other.sheet.gc)


def test_a_finer_pit_has_the_same_metal_and_film() -> None:
    name = "corrosion.pit"
    pits = bias_corrosion.begin(case_of(name), name, 0).pits
    assert pits is not None
    fine = bias_corrosion.refined(pits, 2)
    assert fine.grid.spacing * 2 == pytest.approx(pits.grid.spacing)
    inner = tuple(slice(1, -1) for _ in range(3))
    coarse_velocity = pits.bare_velocity.reshape(pits.grid.padded)[inner]
    fine_velocity = fine.bare_velocity.reshape(fine.grid.padded)[inner]
    # Velocities count in D/h: half the spacing, half the number.
    np.testing.assert_allclose(2 * fine_velocity[::2, 1::2, ::2], coarse_velocity, rtol=1e-5)
    assert np.count_nonzero(fine.openness >= 1) == 4 * np.count_nonzero(pits.openness >= 1)


def test_a_pit_does_not_depend_on_its_grid() -> None:
    """Half the spacing in all directions; tall cells, or lids that trail the front, lose 13 to 23 % less metal."""
    pairs = bias_corrosion.pit(case_of("corrosion.pit", 1), "corrosion.pit", 1)
    for name, (production, fine) in pairs.items():
        assert production == pytest.approx(fine, rel=0.08 if name.startswith("metal") else 0.05), name


def test_a_step_that_is_cut_ends_at_its_time() -> None:
    name = "corrosion.pit"
    attack = bias_corrosion.begin(case_of(name), name, 0)
    assert attack.pits is not None
    bias_corrosion._march(attack.pits, 17.0, bias_corrosion.TIGHT)
    assert attack.pits.seconds == pytest.approx(17.0, rel=1e-6)


def test_both_settings_of_a_blister_share_bonds_and_flaws() -> None:
    """Grown as production grows them, they take its time to the last bit."""
    name = "corrosion.blister"
    case = case_of(name, 3)
    production, pits, flaws = bias_corrosion.bonds(case, name, 3)
    assert len(flaws) > 1
    assert pits.steps == 0
    stages = blistering._grow(case.request, pits, flaws)
    assert pits.seconds == production.parameters["exposure_time"]
    assert stages[-1].size == production.snapshots[-1].size


def test_a_flaw_lets_nothing_in_before_it_is_due() -> None:
    name = "corrosion.blister"

    def delaminated(opens: float) -> float:
        _, pits, flaws = bias_corrosion.bonds(case_of(name, 3), name, 3)
        end = 2 * flaws[-1].opens
        late = [replace(flaws[0], opens=0.0), replace(flaws[1], opens=opens * end)]
        share = bias_corrosion._loosen(pits, late, end)
        assert pits.seconds == pytest.approx(end, rel=1e-6)
        return float(share.sum())

    never, late, early = (delaminated(opens) for opens in (1.01, 0.5, 0.0))
    assert never < 0.97 * late
    assert late < 0.97 * early


def test_the_converged_film_is_converged() -> None:
    name = "corrosion.blister"
    case = case_of(name, 3)
    production, pits, flaws = bias_corrosion.bonds(case, name, 3)
    share = bias_corrosion._loosen(pits, flaws, production.parameters["exposure_time"]).astype(np.float64)
    skin, spacing = bias_corrosion._film(production, case), production.parameters["spacing"]
    film = bias_corrosion.TIGHT_FILM
    tight = inflate(share, spacing, skin, film)
    finer = inflate(share, spacing, skin, replace(film, change=1e-9, max_rounds=200))
    assert tight.residual < film.tolerance
    assert finer.height.max() == pytest.approx(tight.height.max(), rel=1e-6)
    assert inflate(share, spacing, skin, Accuracy(tolerance=0.5)).height.max() != pytest.approx(
        tight.height.max(), rel=1e-3
    )


def test_a_finer_dent_is_the_same_problem() -> None:
    """With both solved accurately, half the spacing changes depth and diameter by little."""
    name = "deformation.dent"
    sheet = bias_deformation.dent_sheet(case_of(name), name, 0)
    options = NewtonOptions(tolerance=1e-3, forcing=0.1, max_inner=200)
    coarse, fine = (
        bias_deformation.residual(s, (0.5, 1.0), options) for s in (sheet, bias_deformation.finer_sheet(sheet, 2))
    )
    assert fine.max() / 4 == pytest.approx(coarse.max(), rel=0.05)
    assert sheet.measure(fine, 0.1 * fine.max()) / 2 == pytest.approx(
        sheet.measure(coarse, 0.1 * coarse.max()), rel=0.05
    )


@pytest.mark.parametrize("name", sorted(bias.VARIANTS))
def test_each_variant_measures_something(name: str) -> None:
    """The quickest look: one draw of each that is cheap, with finite positive numbers."""
    if name in {"corrosion.pit", "deformation.wrinkle", "crack.craquelure", "crack.channel", "crack.thermal_shock"}:
        pytest.skip("seconds each; measured by test_all_of_the_table")
    (row, *_) = bias.measure(name, 1)
    assert row.seeds == 1
    assert 0.2 < row.ratio < 5


@pytest.mark.slow
def test_all_of_the_table() -> None:
    for name in bias.VARIANTS:
        for row in bias.measure(name, 1):
            assert np.isfinite(row.ratio), row


def test_wrong_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--seeds", "0"], ["--only", "crack.stra"]):
        with pytest.raises(SystemExit, match="2"):
            bias.parse_args(arguments)
    assert "crack.stra" in capsys.readouterr().err

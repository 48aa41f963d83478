"""Does the physics hold? The production solvers beside closed forms and published benchmarks.

    python -m benchmarks.physics [--full] [--only NAME ...]

Prints one line for each quantity; the exit code is 0 whether or not all pass, for this is a report. ``--full`` takes
the finer settings and minutes rather than seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from benchmarks import (
    physics_contact,
    physics_corrosion,
    physics_crack,
    physics_network,
    physics_notched,
    physics_pitting,
    physics_plane,
    physics_plate,
    physics_punch,
    physics_surface,
)
from benchmarks.physics_table import Case, Row, table
from maphc2f.kernels import blister as blister_kernels
from maphc2f.kernels import contact as contact_kernels
from maphc2f.kernels import diffusion, multigrid, phase_field
from maphc2f.kernels import pitting as pitting_kernels
from maphc2f.kernels import plasticity as plasticity_kernels
from maphc2f.kernels import plate as plate_kernels
from maphc2f.refine import npcf
from maphc2f.solvers import blister, contact, fracture, half_space, pitting, plasticity, plate, wrinkle

CASES = (
    Case("channel", (fracture.grow, phase_field.advance), physics_crack.channel_rows),
    Case("strength", (phase_field.advance,), physics_crack.strength_rows),
    Case("profile", (phase_field.relax_damage,), physics_crack.profile_rows),
    Case("isotropy", (fracture.grow, phase_field.advance), physics_network.isotropy_rows),
    Case("tension", (phase_field.advance,), physics_notched.tension_rows),
    Case("shear", (phase_field.advance,), physics_notched.shear_rows),
    Case("hole", (multigrid.v_cycle, fracture.load_vector), physics_plane.hole_rows),
    Case("point_load", (multigrid.v_cycle,), physics_plane.point_load_rows),
    Case("plane_order", (multigrid.v_cycle, multigrid.residual), physics_plane.order_rows),
    Case("pencil", (pitting.advance, pitting_kernels.relax), physics_pitting.pencil_rows),
    Case("crossover", (pitting.advance, pitting_kernels.relax), physics_pitting.crossover_rows),
    Case("slit", (pitting.advance, pitting_kernels.dissolve), physics_pitting.slit_rows),
    Case("mass", (pitting.advance, pitting_kernels.dissolve), physics_pitting.mass_rows),
    Case("opening", (pitting.advance, pitting_kernels.relax), physics_corrosion.opening_rows),
    Case("circle", (npcf.relax_region,), physics_corrosion.circle_rows),
    Case("blister", (blister.inflate, blister_kernels.solve_film), physics_corrosion.blister_rows),
    Case("fading", (pitting.advance, diffusion.relax_layer), physics_corrosion.fading_rows),
    Case("plates", (plate.equilibrate, plate_kernels.bend), physics_plate.plate_rows),
    Case("order", (plate.equilibrate, plate_kernels.tangent_force), physics_plate.order_rows),
    Case("springback", (plate_kernels.bend,), physics_plate.springback_rows),
    Case("limit", (plate.equilibrate, plate_kernels.bend), physics_plate.limit_rows),
    Case("dent", (plate.equilibrate, plate.release, plate_kernels.press), physics_plate.dent_rows),
    Case("punch", (plasticity.press_on, plasticity_kernels.press), physics_punch.plasticity_rows),
    Case("unloading", (plate.equilibrate, plate.release), physics_plate.unloading_rows),
    Case("hertz", (half_space.indent, half_space.displace), physics_contact.hertz_rows),
    Case("boussinesq", (half_space.displace,), physics_contact.boussinesq_rows),
    Case("wrinkle", (wrinkle.relax,), physics_surface.wrinkle_rows),
    Case("pile_up", (contact.pile_up, contact_kernels.squeeze_out), physics_surface.pile_up_rows),
)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.physics", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--full", action="store_true", help="finer grids, slower loading, more settings")
    names = [case.name for case in CASES]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"some of: {', '.join(names)}")
    return parser.parse_args(arguments)


def summary(rows: Sequence[Row], seconds: float) -> str:
    """Return the last line: how many passed, and how long it took."""
    short = sum(not row.passes for row in rows)
    return f"{len(rows) - short} of {len(rows)} pass, {short} fall short; {seconds:.0f} s"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    options = parse_args(arguments)
    start = time.perf_counter()
    print(table([]), flush=True)
    rows: list[Row] = []
    for case in CASES:
        if options.only and case.name not in options.only:
            continue
        fresh = case.measure(options.full)
        print(table(fresh, head=False), flush=True)
        rows += fresh
    print("\n" + summary(rows, time.perf_counter() - start))
    return 0


if __name__ == "__main__":
    sys.exit(main())

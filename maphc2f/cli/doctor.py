"""``maphc2f doctor``: check this installation and machine."""

from __future__ import annotations

import click

from maphc2f.errors import VerificationError


@click.command(name="doctor", epilog="\b\nExample:\n  maphc2f doctor")
def command() -> None:
    """Check libraries, threads, memory, disk and speed of this machine; say what to do about what is wrong."""
    from maphc2f.cli.threads import set_thread_variables

    set_thread_variables()
    from maphc2f.generate.doctor import examine

    failed = 0
    for check in examine():
        failed += check.verdict == "FAIL"
        click.echo(f"{check.verdict:<5} {check.name}: {check.finding}{'; ' + check.remedy if check.remedy else ''}")
    if failed:
        msg = f"{failed} checks failed"
        raise VerificationError(msg)

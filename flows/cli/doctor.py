"""The command about this machine."""

from typing import Annotated

import typer

from flows.cli.options import Database, Settings
from flows.run_options import MOST_THREADS, RunOptions, database_url

app = typer.Typer()


@app.command()
def doctor(
    database: Database = None,
    settings: Settings = None,
    benchmark: Annotated[
        bool, typer.Option("--benchmark", help="Instead, how fast each part of a run is here.")
    ] = False,
    threads: Annotated[
        int,
        typer.Option(min=0, max=MOST_THREADS, help="Of the benchmark. 0: one per core."),
    ] = 0,
) -> int:
    """What works on this machine, and what to do about the rest."""
    if benchmark:
        _benchmark(RunOptions(threads=threads).workers())
    else:
        _examine(database_url(database), settings)
    return 0


def _examine(url: str, settings: str | None) -> None:
    """Every check on a line; what does not work says what to do about it."""
    from flows.services.doctor import examine

    for check in examine(url, settings):
        print(f"{'works' if check.ok else 'look '}  {check.name}: {check.detail}")
        if check.what_to_do:
            print(f"       -> {check.what_to_do}")


def _benchmark(threads: int) -> None:
    """Pictures a second of each part on this machine, and what a run would use."""
    from flows.services.benchmark import measure
    from pipeline.models.runtime import has_onnxruntime

    for speed in measure(threads):
        note = "" if speed.used else "   (not used, to compare)"
        print(f"{speed.per_second:8.1f} pictures/s  {speed.part}{note}", flush=True)
    by = "ONNX Runtime on the processor" if has_onnxruntime() else "PyTorch"
    print(f"a run uses {by} and {threads} threads (--threads N for fewer)")

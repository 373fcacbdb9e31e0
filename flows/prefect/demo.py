"""`camtriage demo`: a drawn card through the whole flow, on any machine, without a network."""

import time
from datetime import date
from pathlib import Path

SEED = 20261121  # of the demo's drawing; training drew with another


def run_demo(folder: Path) -> int:
    """Draw the card once, run the Prefect flow on it, write its report, say where things are."""
    from flows.prefect.run import print_summary, run_job
    from flows.run_options import RunOptions
    from flows.services.report import write_day
    from pipeline.train.drawn.card import draw_card

    card = folder / "card"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "drawn").exists():
        print(f"drawing a demo card in {card} ...")
        draw_card(card, SEED)
        (folder / "drawn").touch()  # a card that was half drawn is drawn again
    options = RunOptions(
        card=str(card), name="demo", database=f"sqlite:///{folder / 'camtriage.db'}"
    )
    started = time.perf_counter()
    summary = run_job(options, as_flow=True)
    code = print_summary(summary, time.perf_counter() - started)
    if not summary.known:
        write_day(options.database, date.today(), folder / "report")
    page = max((folder / "report").glob("*.html"), default=None)
    print(f"report:   {page}\ndatabase: {folder / 'camtriage.db'}")
    return code

"""The two plots of the day's page as SVG text: the same numbers give the same bytes."""

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from pipeline.day_facts import BINS

GREEN, BROWN, INK, PALE = "#4f7a5b", "#b4793c", "#3c4a41", "#dfe5df"
if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    Draw: TypeAlias = Callable[[Figure], None]

MOST = 8  # small plots of activity


def score_plot(blank: Sequence[int], kept: Sequence[int]) -> str:
    """Pictures by p_blank: how clearly the filter separates blank from kept."""

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        at = [(i + 0.5) / BINS for i in range(BINS)]
        axes.bar(at, kept, 0.9 / BINS, color=BROWN, label="kept")
        axes.bar(at, blank, 0.9 / BINS, bottom=kept, color=GREEN, label="blank")
        axes.set_xlim(0, 1)
        axes.set_xlabel("probability that nothing is on it (p_blank)")
        axes.set_ylabel("pictures")
        whole_numbers(axes.yaxis)
        axes.legend(frameon=False, loc="upper center", ncols=2)

    return svg(draw, 6.8, 2.4)


def activity_plot(hours: Sequence[tuple[str, Sequence[int]]]) -> str:
    """Visits by hour, one small plot for each of the names with most visits."""
    shown = hours[:MOST]
    rows = -(-len(shown) // 2)

    def draw(figure: "Figure") -> None:
        grid = figure.subplots(rows, 2, sharex=True, squeeze=False).ravel()
        for axes, (name, counts) in zip(grid, shown, strict=False):
            axes.axvspan(-0.5, 5.5, color=PALE, zorder=0, linewidth=0)
            axes.axvspan(20.5, 23.5, color=PALE, zorder=0, linewidth=0)
            axes.bar(range(24), counts, 0.8, color=GREEN)
            axes.set_title(f"{name}  ({sum(counts)})", loc="left", fontsize=9, parse_math=False)
            axes.set_xlim(-0.5, 23.5)
            axes.set_xticks((0, 6, 12, 18), ("0 h", "6 h", "12 h", "18 h"))
            axes.tick_params(labelbottom=True)
            axes.set_ylim(0, max(2, *counts) * 1.1)
            whole_numbers(axes.yaxis, 3)
        for axes in grid[len(shown) :]:
            axes.set_visible(False)

    return svg(draw, 6.8, 1.25 * rows + 0.1)


def whole_numbers(axis: "Axis", at_most: int | None = None) -> None:
    """Ticks at whole numbers, at most so many of them."""
    from matplotlib.ticker import MaxNLocator

    steps = [1, 2, 2.5, 5, 10]  # as by default
    axis.set_major_locator(MaxNLocator(at_most or "auto", steps=steps, integer=True))


def svg(draw: "Draw", width: float, height: float) -> str:
    """Draw into a figure of so many inches; only the <svg> element."""
    import matplotlib  # slow to import, and only a report needs it
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(
        {
            "svg.hashsalt": "camtriage",  # without it the ids differ from run to run
            "svg.fonttype": "none",
            "font.family": "sans-serif",
            "font.size": 9,
            "axes.edgecolor": "#9aa69d",
            "axes.labelcolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.7,
            "xtick.color": INK,
            "ytick.color": INK,
            "text.color": INK,
        }
    ):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        out = io.StringIO()
        figure.savefig(
            out,
            format="svg",
            metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
            transparent=True,
        )
    text = out.getvalue()
    return text[text.index("<svg") :]

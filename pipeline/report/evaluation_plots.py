"""The plots of an evaluation as SVG text: the same numbers give the same bytes."""

from typing import TYPE_CHECKING

from pipeline.report.plots import BROWN, GREEN, INK, PALE, svg
from pipeline.trust.evaluation import Curve, Reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WORDS = {"human": "people", "vehicle": "vehicles"}


def blank_plot(curve: Curve) -> str:
    """Recall against blanks removed, and both by threshold."""

    def draw(figure: "Figure") -> None:
        left, right = figure.subplots(1, 2)
        left.plot(curve.other, curve.found, color=GREEN)
        left.plot(*curve.here[::-1], "o", color=BROWN, label="as the database has it")
        left.set_xlabel("blanks removed")
        left.set_ylabel("recall of what is not blank")
        _shares(left)
        left.set_xlim(-0.02, 1.02)
        left.legend(frameon=False, loc="lower left")
        right.plot(curve.at, curve.found, color=GREEN, label="recall")
        right.plot(curve.at, curve.other, color=BROWN, label="blanks removed")
        right.set_xlabel("threshold: hidden from this p_blank up")
        right.set_xlim(0, 1)
        _shares(right)
        right.legend(frameon=False, loc="lower left")

    return svg(draw, 6.8, 2.9)


def call_plot(curves: tuple[Curve, ...]) -> str:
    """Found against falsely called, over all levels; the model's own level is marked."""

    def draw(figure: "Figure") -> None:
        every = figure.subplots(1, 2, squeeze=False)[0]
        for axes, curve in zip(every, curves, strict=False):
            axes.step(curve.other, curve.found, color=GREEN, where="post")
            axes.plot(*curve.here[::-1], "o", color=BROWN, label="at the model's level")
            axes.set_title(
                f"{WORDS[curve.name]}: {curve.n[0]}, others: {curve.n[1]}", loc="left", fontsize=9
            )
            axes.set_xlabel("others falsely called so")
            axes.set_ylabel("found")
            axes.set_xlim(-0.02, max(0.2, 1.3 * curve.here[1]))
            _shares(axes)
            axes.legend(frameon=False, loc="lower right")
        for axes in every[len(curves) :]:
            axes.set_visible(False)

    return svg(draw, 6.8, 2.7)


def reliability_plot(found: Reliability) -> str:
    """Stated probability against the share that is true, with its interval."""

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        axes.plot((0, 1), (0, 1), color=PALE, linewidth=2, zorder=0)
        for each in found.bins:
            if each.true.has_interval:
                axes.plot((each.probability,) * 2, (each.true.low, each.true.high), color=GREEN)
        at = [each.probability for each in found.bins]
        axes.plot(at, [each.true.share for each in found.bins], "o", color=GREEN)
        for each in found.bins:
            axes.annotate(
                str(each.names), (each.probability, each.true.share), (5, -10),
                textcoords="offset points", fontsize=7, color=INK,
            )  # fmt: skip
        axes.set_xlabel("stated probability of the name")
        axes.set_ylabel("share that is true")
        axes.set_xlim(min(0.5, *at) - 0.05, 1.02)
        _shares(axes)

    return svg(draw, 6.8, 2.9)


def _shares(axes: "Axes") -> None:
    axes.set_ylim(-0.03, 1.04)
    axes.grid(color=PALE, linewidth=0.6)

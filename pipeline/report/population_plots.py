"""The plots of the population page as SVG text, in the style of the daily page's."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.population.correction.corrected_rates import CorrectedRate
from pipeline.population.correction.correction import CorrectedSpecies
from pipeline.population.estimates.activity import Curve
from pipeline.population.estimates.rates import Rate
from pipeline.population.study.confirmed_species import Richness
from pipeline.population.study.study import Study
from pipeline.report.plots import BROWN, GREEN, INK, PALE, svg, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    DrawSpecies: TypeAlias = Callable[[Axes, str], None]

Floats: TypeAlias = NDArray[np.float64]

MOST = 12  # species in small plots: the commonest
LABELS = 4  # seasons named under a small plot: more would overlap
STATIONS = 60  # rows of the effort plot
SOFT = "#9aa69d"
AREA = 140  # of a map's largest circle, square points
WIDE = 8.4  # inches: the page is wider than the daily one


class Range(NamedTuple):
    """A row of a plot: a value with its interval. None: not known."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None


def effort_plot(study: Study) -> str | None:
    """When each station was watched: a bar a stretch, gaps while no camera worked."""
    basis = study.basis
    watched = basis.watched[:STATIONS]
    if not watched:
        return None

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        low, high = _days(basis.edges.astype("datetime64[s]")).tolist()
        for row, watch in enumerate(watched):
            for spans in watch.worked:
                at = np.clip(spans.astype("datetime64[us]"), *basis.edges).astype("datetime64[s]")
                bars = [(a, b - a) for a, b in _days(at).tolist() if b > a]
                axes.broken_barh(bars, (row - 0.32, 0.64), color=GREEN)
        axes.set_xlim(low, high)
        axes.xaxis_date()
        axes.set_ylim(len(watched) - 0.4, -0.6)
        axes.set_yticks(range(len(watched)), [watch.station for watch in watched], parse_math=False)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        _dates(axes)

    return svg(draw, WIDE, 0.5 + 0.19 * len(watched))


def _days(at: NDArray[np.datetime64]) -> Floats:
    """Days since 1970, as matplotlib counts dates."""
    return np.asarray((at - np.datetime64(0, "s")) / np.timedelta64(86400, "s"))


def _dates(axes: "Axes") -> None:
    from matplotlib import dates

    locator = dates.AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]  # unannotated there
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def rate_plot(
    rates: Sequence[Rate], corrected: Mapping[str, CorrectedRate] | None = None
) -> str | None:
    """Events per 100 camera-days of each species with their interval: corrected ones where there
    are any, and those of the labels beside them in grey."""
    right = corrected or {}
    known = [Range(r.name, r.pooled, r.low, r.high) for r in rates if r.pooled is not None]
    names = {row.name for row in known}
    known += [Range(name, None) for name in right if name not in names]
    known = known[:40]
    if not known:
        return None
    best = [
        Range(row.name, right[row.name].value, right[row.name].low, right[row.name].high)
        if row.name in right
        else row
        for row in known
    ]

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        if right:
            _ranges(axes, [row._replace(low=None) for row in known], SOFT, -0.16, "labels")
        _ranges(axes, best, GREEN, 0.16 if right else 0, "corrected" if right else None)
        axes.set_xlim(0, None)
        axes.set_xlabel("independent events per 100 camera-days")
        if right:
            axes.legend(frameon=False, loc="lower right")

    return svg(draw, WIDE, 0.65 + 0.22 * len(known))


def _ranges(
    axes: "Axes", rows: Sequence[Range], colour: str, shift: float = 0.0, label: str | None = None
) -> None:
    """Dots with lines from low to high, one row a name; a line alone where there is no value."""
    for y, (_, value, low, high) in enumerate(rows):
        if low is not None and high is not None:
            axes.plot([low, high], [y + shift] * 2, color=colour, lw=2.2, alpha=0.45)
        if value is None:
            continue
        fill = "none" if value == 0 else colour  # to tell a low rate from zero
        axes.plot([value], [y + shift], "o", color=colour, mfc=fill, ms=4.5, clip_on=False)
    if label:
        axes.plot([], [], "o", color=colour, ms=4.5, label=label)
    names = [row.name for row in rows]
    axes.set_yticks(range(len(rows)), names, parse_math=False, fontstyle="italic")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=PALE, lw=0.7)
    axes.set_axisbelow(True)


def corrected_plot(rows: Sequence[CorrectedSpecies]) -> str | None:
    """Events per species: by the model, and corrected with their interval."""
    if not rows:
        return None

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        raw = [Range(row.name, row.total.raw) for row in rows]
        right = [Range(r.name, r.total.value, r.total.low, r.total.high) for r in rows]
        _ranges(axes, raw, SOFT, -0.16, "by the model")
        _ranges(axes, right, BROWN, 0.16, "corrected")
        axes.set_xlim(0, None)
        axes.set_xlabel("independent events")
        axes.legend(frameon=False, loc="lower right")

    return svg(draw, WIDE, 0.65 + 0.27 * len(rows))


def occupancy_plot(naive: Sequence[Range], modelled: Sequence[Range]) -> str | None:
    """Naive and modelled share of stations; a modelled value of None: its interval alone."""
    if not naive:
        return None

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        _ranges(axes, naive, SOFT, -0.16, "seen (naive)")
        _ranges(axes, modelled, GREEN, 0.16, "used (modelled)")
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("share of stations")
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)

    return svg(draw, WIDE, 0.9 + 0.27 * len(naive))


def month_plot(study: Study, names: Sequence[str]) -> str | None:
    """Rates by month, one small plot a species; no bar where no camera watched."""
    months = list(study.months)
    if len(months) < 2 or not names:
        return None
    days = _days(np.array(months, "datetime64[M]").astype("datetime64[s]")).tolist()
    index = {name: i for i, name in enumerate(study.basis.names)}

    def draw_species(axes: "Axes", name: str) -> None:
        rates = [study.months[month][index[name]] for month in months]
        for x, rate in zip(days, rates, strict=True):
            if rate.pooled is None:
                axes.axvspan(x - 2, x + 28, color=PALE, lw=0)
                continue
            _rate(axes, x + 14, rate, 3.4)
        _from_zero(axes, rates)
        room = 0.015 * len(months) * 30  # without it the first and the last dot are cut
        axes.set_xlim(days[0] - room, days[-1] + 30 + room)
        axes.xaxis_date()
        _dates(axes)

    return _grid(names, draw_species)


def _rate(axes: "Axes", x: float, rate: Rate, size: float) -> None:
    """A dot with its interval, where there is one; a small ring where nothing was seen, to tell it
    from a rate too low for the axis."""
    if not rate.events or rate.pooled is None:
        axes.plot([x], [0], "o", mfc="none", mec=SOFT, mew=0.6, ms=0.6 * size)
        return
    if rate.low is not None and rate.high is not None:
        axes.plot([x, x], [rate.low, rate.high], color=GREEN, lw=2, alpha=0.4)
    axes.plot([x], [rate.pooled], "o", color=GREEN, ms=size)


def _from_zero(axes: "Axes", rates: Sequence[Rate]) -> None:
    """Room for every dot and every interval, and a whole ring at 0."""
    ends = [max(rate.pooled or 0.0, rate.high or 0.0) for rate in rates if rate.events]
    top = max(ends, default=1.0)
    axes.set_ylim(-0.05 * top, 1.06 * top)


def activity_plot(study: Study, names: Sequence[str]) -> str | None:
    """The day of each species: a curve with its band from 10 events on; with fewer only ticks."""
    days = study.days
    shown = [name for name in names if name in days.clock]
    if not shown:
        return None

    def draw_species(axes: "Axes", name: str) -> None:
        _night(axes, days.sunrise_h, days.sunset_h)
        times, curve, sun = days.clock[name], days.curves.get(name), days.sun_curves.get(name)
        top = 1.0
        if curve is not None:
            _curve(axes, curve)
            top = float(curve.high.max())
            if sun is not None:
                axes.plot(sun.hours, sun.density, color=BROWN, lw=1.1)
                top = max(top, float(sun.density.max()))
        hours = np.sort(times.angle * 12 / np.pi)[:: max(1, times.n // 400)]
        axes.plot(hours, np.full(len(hours), -0.06 * top), "|", color=INK, ms=4, mew=0.5, alpha=0.6)
        axes.set_ylim(-0.12 * top, 1.08 * top)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlim(0, 24)
        axes.set_xticks((0, 6, 12, 18, 24), ("0", "6", "12", "18", "24 h"))

    return _grid(shown, draw_species, {name: days.clock[name].n for name in shown})


def _night(axes: "Axes", sunrise: float | None, sunset: float | None) -> None:
    """Shade the mean night; nothing where it is not known."""
    if sunrise is None or sunset is None:
        return
    spans = [(0, sunrise), (sunset, 24)] if sunrise < sunset else [(sunset, sunrise)]
    for a, b in spans:
        axes.axvspan(a, b, color=PALE, zorder=0, lw=0)


def _curve(axes: "Axes", curve: Curve) -> None:
    axes.fill_between(curve.hours, curve.low, curve.high, color=GREEN, alpha=0.22, lw=0)
    axes.plot(curve.hours, curve.density, color=GREEN, lw=1.6)


def _grid(
    names: Sequence[str], draw_species: "DrawSpecies", counts: Mapping[str, int] | None = None
) -> str:
    """Small plots, three a row, the species' names above them."""
    wide = min(3, max(2, len(names)))
    rows = -(-len(names) // wide)

    def draw(figure: "Figure") -> None:
        grid = figure.subplots(rows, wide, squeeze=False).ravel()
        for axes, name in zip(grid, names, strict=False):
            draw_species(axes, name)
            axes.tick_params(labelsize=7)
            axes.xaxis.get_offset_text().set_fontsize(7)
            n = "" if counts is None else f"  ({counts[name]})"
            axes.set_title(
                f"{name}{n}", loc="left", fontsize=8.5, fontstyle="italic", parse_math=False
            )
        for axes in grid[len(names) :]:
            axes.set_visible(False)

    return svg(draw, WIDE, 1.3 * rows + 0.1)


def map_plot(
    study: Study, names: Sequence[str], places: Mapping[str, tuple[float, float]]
) -> str | None:
    """A circle a station, its area by the rate; a small cross where nothing was seen.

    places   {station: (longitude, latitude)}, rounded
    """
    basis = study.basis
    rows = [i for i, name in enumerate(basis.stations) if name in places and basis.effort[i] > 0]
    if len(rows) < 2 or not names:
        return None
    x, y = np.array([places[basis.stations[i]] for i in rows]).T
    index = {name: i for i, name in enumerate(basis.names)}
    columns = min(4, max(2, len(names)))
    lines = -(-len(names) // columns)
    side = 0.86 * WIDE / columns
    east, north, ratio = _extent(x, y, side)

    def draw(figure: "Figure") -> None:
        grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).ravel()
        for axes, name in zip(grid, names, strict=False):
            rates = study.station_rates[rows, index[name]]
            _circles(axes, x, y, rates)
            axes.set_box_aspect(ratio)
            axes.set_xlim(*east)
            axes.set_ylim(*north)
            title = f"{name}\nlargest {np.nanmax(rates):.3g}"
            axes.set_title(title, loc="left", fontsize=8, fontstyle="italic", parse_math=False)
        for axes in grid[len(names) :]:
            axes.set_visible(False)
        figure.supxlabel("longitude, degrees", fontsize=7.5)
        figure.supylabel("latitude, degrees", fontsize=7.5)

    return svg(draw, WIDE, (side * ratio + 0.75) * lines + 0.4)


def _circles(axes: "Axes", x: Floats, y: Floats, rates: Floats) -> None:
    from matplotlib.ticker import AutoLocator

    seen = rates > 0
    axes.plot(x[~seen], y[~seen], "+", color=SOFT, ms=4, mew=0.8)
    area = AREA * rates[seen] / max(float(np.nanmax(rates)), 1e-9)
    area = np.maximum(area, 5)  # a low rate is still a visible dot
    axes.scatter(x[seen], y[seen], area, color=BROWN, alpha=0.55, lw=0.4, edgecolor=INK)
    axes.tick_params(labelsize=6.5, length=2)
    for axis, ticks in ((axes.xaxis, 2), (axes.yaxis, 4)):
        locator = AutoLocator()
        locator.set_params(nbins=ticks)
        axis.set_major_locator(locator)
    axes.ticklabel_format(useOffset=False)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(True)


def _extent(
    x: Floats, y: Floats, side: float
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """(west, east), (south, north) with room for a whole circle at every edge, a degree of latitude
    as long as on the ground; and the map's height by its width. side: its width in inches."""
    stretch = 1 / max(np.cos(np.radians(y.mean())), 0.05)
    wide, tall = max(np.ptp(x), 0.01), max(np.ptp(y) * stretch, 0.01)
    ratio = float(np.clip(tall / wide, 0.45, 1.2))
    room = 2 * 1.25 * np.sqrt(AREA / np.pi) / (72 * side)  # of the width, on both sides
    wide = max(wide / (1 - room), tall / (ratio - room))
    across, up = (float(at.min() + np.ptp(at) / 2) for at in (x, y))
    half, high = float(wide / 2), float(wide * ratio / 2 / stretch)
    return (across - half, across + half), (up - high, up + high), ratio


def richness_plot(found: Richness) -> str | None:
    """Species after so many stations, and among so many events."""
    if not found.accumulated:
        return None

    def draw(figure: "Figure") -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        k = np.arange(1, len(found.accumulated) + 1)
        mean, sd = np.array(found.accumulated), np.array(found.accumulated_sd)
        low = np.maximum(mean - 1.96 * sd, 0)
        left.fill_between(k, low, mean + 1.96 * sd, color=GREEN, alpha=0.22, lw=0)
        left.plot(k, mean, color=GREEN, lw=1.6)
        left.set_xlabel("stations")
        left.set_ylabel("confirmed species")
        left.set_ylim(0, None)
        whole_numbers(left.xaxis)
        whole_numbers(left.yaxis)
        right.plot(found.sizes, found.rarefied, color=BROWN, lw=1.6)
        right.set_xlabel("events")

    return svg(draw, WIDE, 2.2)


def trend_plot(study: Study, names: Sequence[str]) -> str | None:
    """Rates of the seasons side by side, the same months of each."""
    found = study.trend
    if not found.seasons or not names:
        return None
    step = -(-len(found.seasons) // LABELS)
    index = {name: i for i, name in enumerate(study.basis.names)}

    def draw_species(axes: "Axes", name: str) -> None:
        rates = [season[index[name]] for season in found.rates]
        known = [(x, r, r.pooled) for x, r in enumerate(rates) if r.pooled is not None]
        for x, rate, _ in known:
            _rate(axes, x, rate, 4)
        at, pooled = [x for x, _, _ in known], [value for _, _, value in known]
        axes.plot(at, pooled, color=GREEN, lw=0.9, alpha=0.6, zorder=1)
        _from_zero(axes, rates)
        axes.set_xlim(-0.4, len(rates) - 0.6)
        axes.set_xticks(range(0, len(rates), step), found.seasons[::step])
        axes.set_xticks(range(len(rates)), minor=True)

    return _grid(names, draw_species)

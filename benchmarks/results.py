"""What was measured, kept: one JSON file for each benchmark, and the page and the plot that show them all."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.measure import Figure, Target, shown, spread

ROOT = Path(__file__).parent.parent
DIRECTORY = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "performance.svg"
BEGIN = "<!-- figures: written by `make bench` -->"
END = "<!-- figures: end -->"
FAR = 50  # times as good, or as bad where nothing at all is allowed, and no further
GOOD, BAD, GREY = "#2a7f62", "#b3423a", "#8a8a8a"


@dataclass(frozen=True)
class Run:
    """One run of one benchmark."""

    figures: list[Figure]
    machine: str
    date: str

    @classmethod
    def of(cls, figures: list[Figure]) -> Self:
        """Note figures that were measured here and now."""
        machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} at the end"
        return cls(figures, machine, datetime.now(UTC).date().isoformat())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a run's file."""
        fields = json.loads(path.read_text("utf-8"))
        return cls([_figure(each) for each in fields["figures"]], fields["machine"], fields["date"])

    def save(self, path: Path) -> None:
        """Write a run's file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", "utf-8")


def _figure(fields: dict[str, Any]) -> Figure:
    target = fields["target"]
    return Figure(**{**fields, "target": target and Target(**target)})


def saved(order: Iterable[str], directory: Path = DIRECTORY) -> list[Run]:
    """Read the latest run of each benchmark that has one, in this order."""
    files = (directory / f"{name}.json" for name in order)
    return [Run.load(file) for file in files if file.exists()]


def table(runs: Iterable[Run]) -> Iterable[str]:
    """Yield a Markdown table: medians, with the least and the most of the rounds."""
    yield "| figure | Midway | bare | value | must be | reached | CPU-seconds | measured |"
    yield "|---|---|---|---|---|---|---|---|"
    for run in runs:
        for each in run.figures:
            yield "| " + " | ".join(row(each, run.date)) + " |"


def row(figure: Figure, date: str) -> list[str]:
    """Return a figure's cells."""
    unit = f" {figure.unit}" if figure.unit else ""
    against = f"{figure.name} · against {figure.against}" if figure.against else figure.name
    cpu = ", ".join(f"{process} {shown(seconds)}" for process, seconds in figure.cpu.items())
    bare = spread(figure.bare) + unit if figure.bare else "–"
    value = spread(figure.values) + ("" if figure.bare else unit)
    must, reached = "–", "–"
    if figure.target:
        must = f"{figure.target}" + ("" if figure.bare else unit)
        reached = "yes" if figure.is_reached else "**no**"
    return [against, spread(figure.ours) + unit, bare, value, must, reached, cpu, date]


def redrawn(page: str, runs: Iterable[Run]) -> str:
    """Return the page with the table between its two markers made anew. Raises ValueError when a marker is missing."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} needs the lines {BEGIN} and {END}")
    rows = "\n".join(table(runs))
    return f"{head}{BEGIN}\n{rows}\n{END}{tail}"


def plot(runs: Iterable[Run], path: Path = PLOT) -> None:
    """Draw how far each figure is above its target: 1 is just enough, more is better; lines from least to most."""
    figures = [(figure, figure.target) for run in runs for figure in run.figures if figure.target][::-1]
    mpl.rcParams.update({"svg.hashsalt": "midway", "svg.fonttype": "none", "font.size": 9})
    canvas, axes = plt.subplots(figsize=(9, 0.6 + 0.36 * len(figures)), layout="constrained")
    for height, (figure, target) in enumerate(figures):
        worst, best = (max, min) if target.at_most else (min, max)
        values = (worst(figure.values), figure.value, best(figure.values))
        low, middle, high = (goodness(target, value) for value in values)
        colour = GOOD if figure.is_reached else BAD
        axes.plot([low, high], [height, height], color=colour, linewidth=1.5)
        axes.plot([middle], [height], "o", color=colour)
        axes.annotate(shown(figure.value), (high, height), (5, -3), textcoords="offset points", color=colour)
    axes.axvline(1, color=GREY, linewidth=1, linestyle="--")
    axes.set_xscale("log")
    axes.set_xticks([0.5, 1, 2, 5, 10, 50], ["0.5", "1", "2", "5", "10", "50"])
    axes.minorticks_off()
    axes.set_yticks(
        range(len(figures)), [f"{figure.name}, {target} {_bare_unit(figure)}" for figure, target in figures]
    )
    axes.set_xlabel("times as good as it must be")
    axes.spines[["top", "right"]].set_visible(False)
    canvas.savefig(path, metadata={"Date": None})
    plt.close(canvas)


def goodness(target: Target, value: float) -> float:
    """Return how many times as good as the target a value is; what is far below a bound counts as far."""
    if not target.value:
        return 1 if target.is_reached(value) else 1 / FAR
    if target.at_most:
        return target.value / max(value, target.value / FAR)
    return value / target.value


def _bare_unit(figure: Figure) -> str:
    return "" if figure.bare else figure.unit

"""The week of docs/sending.md: which message goes when, as a table and as a plot.

python docs/plots/fatigue.py
"""

from datetime import UTC, datetime
from pathlib import Path

from engine.core.events import Millis, Sent
from engine.core.sending.fatigue import earliest, level
from engine.core.sending.policy import Fatigue

_PLOT = Path(__file__).parents[1] / "docs" / "plots" / "fatigue"

RULE = Fatigue(budget=3, half_life=2 * 86_400_000)
MONDAY = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * 1_000
HOUR: Millis = 3_600_000

WEEK = (
    ("Mon 09:00", "cart reminder", 1.0),
    ("Mon 17:00", "back in stock", 1.0),
    ("Mon 19:00", "newsletter", 1.5),
    ("Wed 03:00", "cart reminder", 1.0),
    ("Thu 10:00", "price drop", 0.5),
    ("Thu 20:00", "weekend sale", 1.5),
    ("Sun 09:00", "cart reminder", 1.0),
)
"""When each message falls due, and what it weighs."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def instant(text: str) -> Millis:
    """An instant of the week."""
    day, clock = text.split()
    hour, minute = map(int, clock.split(":"))
    return MONDAY + (_DAYS.index(day) * 24 + hour) * HOUR + minute * HOUR // 60


def spoken(at: Millis) -> str:
    """The same in words, to the minute in which it lies."""
    return f"{datetime.fromtimestamp(at / 1_000, UTC):%a %H:%M}"


def play() -> list[tuple[Millis, str, float, float, Millis]]:
    """When each falls due, its name and weight, the fatigue felt then, and when it goes; in the order of going."""
    waiting = [(instant(due), name, weight) for due, name, weight in WEEK]
    sent: list[Sent] = []
    rows = []
    while waiting:
        # of those that wait, the one that may go first does; of several, the one that fell due first
        due, name, weight = min(waiting, key=lambda each: (_goes(sent, each[2], each[0]), each[0]))
        goes = _goes(sent, weight, due)
        rows.append((due, name, weight, level(RULE, sent, due), goes))
        waiting.remove((due, name, weight))
        sent.append(Sent(f"{due}", goes, "t", name, weight=weight))
    return rows


def _goes(sent: list[Sent], weight: float, due: Millis) -> Millis:
    now = max([due, *(each.at for each in sent)])
    at = earliest(RULE, sent, weight, now)
    assert at is not None  # noqa: S101 - no message of the week weighs more than the budget
    return at


def table() -> str:
    """The week, as it stands in the document."""
    lines = ["| falls due | message | weight | fatigue before it | goes |", "|---|---|---|---|---|"]
    for due, name, weight, felt, goes in play():
        when = "at once" if goes == due else f"**{spoken(goes)}**"
        lines.append(f"| {spoken(due)} | {name} | {weight:g} | {felt:.2f} | {when} |")
    return "\n".join(lines)


def plot(file: Path) -> None:
    """Draw it, as PNG and SVG."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - of the `bench` group

    rows = play()
    sent = [Sent(name + str(due), goes, "t", name, weight=weight) for due, name, weight, _, goes in rows]
    end = MONDAY + 7 * 24 * HOUR
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    axes = figure.subplots()
    times = sorted({*range(MONDAY, end, HOUR // 4), *(each.at for each in sent), *(each.at - 1 for each in sent)})
    days = [(at - MONDAY) / (24 * HOUR) for at in times]
    axes.fill_between(days, [level(RULE, sent, at) for at in times], color="#4c72b0", alpha=0.18)
    axes.plot(days, [level(RULE, sent, at) for at in times], color="#4c72b0", lw=1.8, label="fatigue")
    axes.axhline(RULE.budget, color="#c44e52", lw=1.4, ls="--", label="budget")
    for due, name, weight, _, goes in rows:
        top = level(RULE, sent, goes)
        x, waits = (goes - MONDAY) / (24 * HOUR), (due - MONDAY) / (24 * HOUR)
        if goes > due:
            axes.annotate(
                "", (x, -0.16), (waits, -0.16), arrowprops={"arrowstyle": "->", "color": "#dd8452", "lw": 1.6}
            )
            axes.plot(waits, -0.16, "o", color="#dd8452", ms=5)
        axes.plot(x, top, "o", color="#dd8452" if goes > due else "#55a868", ms=7, zorder=3)
        axes.annotate(
            f"{name}\n{weight:g}",
            (x, top),
            (0, 8),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            bbox={"facecolor": "white", "alpha": 0.85, "lw": 0, "pad": 1},
        )
    axes.set_xticks(range(8), [*_DAYS, ""])
    axes.set_xlim(0, 7)
    axes.set_ylim(-0.35, RULE.budget + 0.75)
    axes.plot([], [], "o", color="#55a868", label="goes at once")
    axes.plot([], [], "o", color="#dd8452", label="waits, and goes when it fits")
    axes.set_ylabel("fatigue")
    axes.grid(axis="x", alpha=0.25)
    axes.legend(loc="lower right", ncols=4, frameon=False, fontsize=9, bbox_to_anchor=(1, 1))
    for suffix in ("png", "svg"):
        figure.savefig(file.with_suffix(f".{suffix}"), dpi=130)


if __name__ == "__main__":
    print(table())
    plot(_PLOT)
    print("drawn: docs/plots/fatigue.png and .svg")

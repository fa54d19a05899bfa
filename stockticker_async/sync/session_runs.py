"""Finds the runs of sessions that answer whole windows at the lowest price: values in, a value out.

Theory of operation. A run is consecutive weekdays, each of which is answered for every ticker at a
price. A window that lies wholly in a run saves what its ticker would cost alone. No window saved reaches
over a gap, so with `best(day)` the most that runs before `day` can save, and `price(day)` the price of all
days before `day`,

    best(end) = max of: best(end - 1)
                        best(start) + what the windows inside [start, end) save - (price(end) - price(start))

where runs that pay start where a window starts and end where one ends. Going forward through the days
we keep each start with its value so far. A window [first, end) raises the value of every start up to
`first`, never one of a later start alone; so a later start that is not *ahead* of an earlier one will
never be, and is dropped. What is left rises strictly: the last start is the best, and raising all up
to `first` shortens one gap, dropping the starts it closes on. Each start is added and dropped once:
k distinct windows take O(k log k), however long they are.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Span = tuple[int, int]  # [first, end) in weekday numbers: 0 is Monday 0001-01-01, weekends have none
_Runs = tuple["_Runs", int, int] | None  # the runs before, and the last one's [first, end)


def best_runs(savings: Mapping[Span, int], price: Callable[[int], int]) -> list[Span]:
    """Return the runs, ascending, whose windows save the most over the price of their days. See the head.

    `price` returns the price of all days before a day.
    """
    ending: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for (first, end), saving in savings.items():
        ending[end].append((first, saving))
    starting = {first for first, _ in savings}
    best = 0
    runs: _Runs = None
    # The live starts, ascending; the lead of each over the one before, above 0; the value of the last.
    # A value is what a run from that start would save if its days cost nothing up to now: the price of all
    # days before the end is taken off when asked.
    starts: list[int] = []
    leads: list[int] = []
    top = -1
    runs_before: dict[int, _Runs] = {}
    for day in sorted(starting | ending.keys()):
        for first, saving in ending.get(day, ()):
            top += _raise_up_to(first, saving, starts, leads)
        if top - price(day) > best:
            best = top - price(day)
            runs = (runs_before[starts[-1]], starts[-1], day)
        if day in starting and (value := best + price(day)) > top:
            starts.append(day)
            leads.append(value - top)
            top = value
            runs_before[day] = runs
    return list(_unlinked(runs))[::-1]


def _raise_up_to(first: int, saving: int, starts: list[int], leads: list[int]) -> int:
    """Raise every start up to `first`, drop starts that are no longer ahead; return the rise of the top."""
    behind = ahead = bisect_right(starts, first)
    while ahead < len(starts) and leads[ahead] <= saving:
        saving -= leads[ahead]
        ahead += 1
    del starts[behind:ahead], leads[behind:ahead]
    if behind == len(starts):
        return saving
    leads[behind] -= saving
    return 0


def inside(runs: Sequence[Span], spans: Iterable[Span]) -> set[Span]:
    starts = [start for start, _ in runs]
    latest = {span: bisect_right(starts, span[0]) - 1 for span in spans}
    return {span for span, at in latest.items() if at >= 0 and span[1] <= runs[at][1]}


def _unlinked(runs: _Runs) -> Iterator[Span]:
    while runs is not None:
        runs, first, end = runs
        yield first, end

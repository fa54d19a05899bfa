"""The API's subscriptions: how many calls a plan allows, how much history, how fresh, which endpoints."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from stockticker_async.sandbox.data.sessions import (
    NEW_YORK,
    OPENING,
    closing,
    is_session,
    midnight_ms,
    session_before,
)
from stockticker_async.sandbox.data.simulated_market import Horizon


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    calls_per_minute: int | None
    years: int | None
    delay: float
    """Seconds until a window is shown; unused by the plan without today."""
    level: int
    """Compared with the level of a route."""
    shows_today: bool = True
    flat_files: bool = True

    @property
    def status(self) -> Literal["OK", "DELAYED"]:
        """The `status` of its bars."""
        return "OK" if self.name == "advanced" else "DELAYED"

    def floor(self, today: date) -> date:
        """The first day of its history."""
        if self.years is None:
            return date.min
        if (today.month, today.day) == (2, 29):
            today = today.replace(day=28)
        return today.replace(year=today.year - self.years)


PLANS = {
    plan.name: plan
    for plan in (
        Plan("basic", 5, 2, 0.0, 0, shows_today=False, flat_files=False),
        Plan("starter", None, 5, 900.0, 1),
        Plan("developer", None, 10, 900.0, 2),
        Plan("advanced", None, None, 0.0, 3),
    )
}


def horizon(plan: Plan, now: datetime, unpublished: int) -> Horizon:
    """The horizon of a plan at `now`; `unpublished` settled sessions, and today's, are held back."""
    local = now.astimezone(NEW_YORK)
    today = local.toordinal()
    if unpublished:
        last = session_before(today, unpublished + 1)
        return Horizon(last, 1.0, midnight_ms(last + 1))
    minute = local.hour * 60 + local.minute
    if not plan.shows_today or not is_session(today) or minute < OPENING:
        shown = midnight_ms(today) if not plan.shows_today else int((now.timestamp() - plan.delay) * 1000)
        return Horizon(session_before(today), 1.0, shown)
    passed = (minute - OPENING + 1) / (closing(today) - OPENING)
    return Horizon(today, min(1.0, passed), int((now.timestamp() - plan.delay) * 1000))

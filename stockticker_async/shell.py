"""What every operation is handed of the world: the clock, the output, the mask."""

from dataclasses import dataclass

from stockticker_async.clock import Clock
from stockticker_async.log import Mask
from stockticker_async.output import Output


@dataclass(frozen=True, slots=True)
class Shell:
    clock: Clock
    output: Output
    mask: Mask

"""Who works for a producer, and what it knows of each."""

from dataclasses import dataclass, field

from pipeline.messages import Weights
from pipeline.producer.occupancy import Occupancy


@dataclass(slots=True)
class Worker:
    """A registered worker.

    Attributes:
        heard_ns: when it last spoke; at first, when it registered.
        epoch: of the settings it has been told.
        ready: whether its models are loaded and warm.
        told_end: it has had its END.
        occupancy: when it was busy.
    """

    name: str
    heard_ns: int
    epoch: int
    ready: bool = False
    weights: Weights = Weights.NONE
    told_end: bool = False
    occupancy: Occupancy = field(init=False)

    def __post_init__(self) -> None:
        self.occupancy = Occupancy(self.heard_ns)

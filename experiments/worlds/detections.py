"""What the detections of a run are, and whether anybody can say how good they are: decided here alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from envs.accuracy import StreamProfile
from envs.scenario import Scenario
from envs.spec import OF_DETECTIONS, Quality
from experiments.config.schemas import RunConfig
from pipeline.messages import DetectionKind, Drawn, WorkType
from pipeline.settings import Ladders


@dataclass(frozen=True, slots=True)
class Detected:
    """What the detections of a run are.

    Attributes:
        kind: real, emulated or none.
        why: in words.
        is_judged: whether a streaming F1 of them can be known, and what settings are worth by it.
    """

    kind: DetectionKind
    why: str
    is_judged: bool = False

    @property
    def line(self) -> str:
        """All of it for people."""
        return f"detections: {self.kind}: {self.why}"


def detections_of(
    work_type: WorkType, untrained: Sequence[str], has_truth: bool, has_profile: bool
) -> Detected:
    """Decide what the detections of a pipeline are.

    Args:
        work_type: what the workers do with a frame.
        untrained: grades of the ladder without trained weights, of workers that compute.
        has_truth: whether the source knows what is in its pictures, and when each is due.
        has_profile: whether it is known what detections of its scene are worth.
    """
    match work_type:
        case WorkType.NONE:
            return Detected(DetectionKind.NONE, "workers do nothing with a frame")
        case WorkType.EMULATED:
            reason = "emulated workers compute nothing"
        case _ if not untrained:
            is_judged = has_truth and has_profile and work_type is WorkType.YOLO_DETECTION
            return Detected(DetectionKind.REAL, "of networks with trained weights", is_judged)
        case _:
            reason = f"there are no trained weights of grade {', '.join(untrained)}"
    if work_type is WorkType.YOLO_OBB:
        return Detected(DetectionKind.NONE, f"{reason}, and boxes with a rotation are not drawn")
    if has_truth and has_profile:
        drawn = "they are drawn from the truth by the profile of the stream"
        return Detected(DetectionKind.EMULATED, f"{reason}; {drawn}", is_judged=True)
    lacking = "what is found in such a scene" if has_truth else "what is really in the pictures"
    return Detected(DetectionKind.NONE, f"{reason}, and nobody knows {lacking}")


def simulated_detections(has_profile: bool) -> Detected:
    """Say what they are where there are no pictures."""
    if has_profile:
        why = "what they are worth is calculated from the profile of the stream"
        return Detected(DetectionKind.EMULATED, why, is_judged=True)
    return Detected(DetectionKind.NONE, "the simulator has no profile of the stream")


def judged_where_known(config: RunConfig, detected: Detected) -> tuple[RunConfig, Detected]:
    """Let a run be judged by its knobs where nobody could judge it by what is found, and have it say so."""
    if config.qoe.by not in OF_DETECTIONS or detected.is_judged:
        return config, detected
    why = f"{detected.why}; so quality is judged by the knobs"
    return replace(config, qoe=replace(config.qoe, by=Quality.KNOBS)), replace(detected, why=why)


def drawn_by(profile: StreamProfile, ladders: Ladders, scenario: Scenario) -> Drawn:
    """Return what the collector draws by: F1 of what is fresh, and how the content moves it."""
    return Drawn(
        f1=tuple({px: profile.f1(grade, px, 0.0) for _, px in ladders.sizes} for grade in ladders.grades),
        scene_sd=profile.scene_sd,
        second_sd=profile.second_sd,
        second_correlation=profile.second_correlation,
        offset=None if scenario.content is None else scenario.content.offset,
    )

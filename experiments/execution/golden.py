"""F1 of what a run showed of a file whose truth nobody knows: against what the highest grade finds in it.

It says how near a run comes to that grade, which itself would come to 1 if it took no time, and not how much
of what is there was found: so it has a name of its own, and is never a streaming F1.
"""

import json
import logging
from bisect import bisect_right
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.worlds.pipeline import PipelinePlan
from experiments.worlds.plan import Plan
from pipeline.allowance import usable_cores
from pipeline.class_names import class_ids
from pipeline.collector.detections import AXIS_ALIGNED
from pipeline.findings import Matches, streaming_f1
from pipeline.options import ProducerOptions
from pipeline.scoring.matching import NOTHING_FOUND, Detections, Objects, detections_of, tally
from pipeline.scoring.truth import is_low
from pipeline.sources.base import frames_at
from pipeline.sources.file import FileSource, count_pictures
from pipeline.worker.detector import Detector
from pipeline.worker.weights import TASKS, WeightsFinder, ultralytics_download
from pipeline.worker.workloads import quiet_ultralytics

logger = logging.getLogger(__name__)

TABLE, LINES = "detections.parquet", "detections.jsonl"
BOX = (*AXIS_ALIGNED, "confidence", "class_id")


def golden_f1(plan: Plan, directory: Path) -> float | None:
    """Hold what a finished run has shown against the highest grade, at the source's size; in [0, 1].

    At the time of each picture that is looked at, the newest result counts, as for a streaming F1; of the
    first stream. None where it was not asked for, where the files do not tell, and where nothing was there.

    Raises:
        SourceError, OSError: the file can no longer be read.
        Exception: whatever Ultralytics raises for weights that it cannot load.
    """
    if not isinstance(plan, PipelinePlan) or not plan.has_golden:
        return None
    if len([*directory.glob("detections.*")]) != 1:  # none, or a collector that died has left a part
        return None
    rows = detections_in(directory)
    if rows.empty:
        return None
    producer = plan.producer
    source = FileSource(producer.path)
    fps, size = source.fps, (source.width, source.height)
    source.close()
    frames = [frame for _, frame in rows.groupby("captured_s")]
    emitted_s = [float(frame["emitted_s"].iloc[0]) for frame in frames]
    first = frames[0].iloc[0]
    began_s = first["captured_s"] - first["source_index"] / fps
    n_played, n = 1 + int(frames[-1]["source_index"].iloc[0]), count_pictures(producer.path)
    every = max(1, round(1 / plan.config.output.golden_share))
    logger.info("golden_f1: the highest grade looks at one of %s pictures", every)
    references = references_of(producer, size, range(0, min(n, n_played), every))
    classes, total = class_ids(producer.classes), Matches()
    for index in range(n_played):
        reference = references.get(index % n)
        if reference is not None:
            shown = bisect_right(emitted_s, began_s + index / fps) - 1
            found = NOTHING_FOUND if shown < 0 else shown_in(frames[shown], size, classes)
            total += sum(tally(found, reference).values(), Matches())
    return streaming_f1(total) if total.found + total.present else None


def detections_in(directory: Path) -> pd.DataFrame:
    """Read the first stream's rows of the first episode from the file of detections; of none, no rows.

    Columns as `pipeline.collector.detections.SCHEMA` has them; a frame without boxes has a row without class.
    """
    if (directory / TABLE).exists():
        rows = pd.read_parquet(directory / TABLE)
    else:
        frames = [json.loads(line) for line in (directory / LINES).read_text(encoding="utf-8").splitlines()]
        rows = pd.DataFrame([frame | box for frame in frames for box in frame["detections"] or [{}]])
    if rows.empty:
        return rows
    rows = rows.reindex(columns=list(dict.fromkeys([*rows, *BOX])))
    return rows.loc[(rows["stream"] == 0) & (rows["episode"] == rows["episode"].iloc[0])]


def references_of(producer: ProducerOptions, size: tuple[int, int], wanted: range) -> dict[int, Objects]:
    """What the highest grade finds in these pictures of a file, by index; low ones count neither way."""
    grade, classes = producer.grades[-1], class_ids(producer.classes)
    with quiet_ultralytics():  # its folder
        finder = WeightsFinder(ultralytics_download)
        weights = finder.find(producer.work_type, grade, producer.weights.get(grade))
        detector = Detector(weights.source, TASKS[producer.work_type], threads=len(usable_cores()))
        references = {}
        source = FileSource(producer.path)
        for frame in frames_at(source, wanted):
            found = detections_of(detector.detect(frame.image), size, size, classes)
            references[frame.index] = Objects(found.boxes, found.labels, is_low(found.boxes))
        source.close()
    return references


def shown_in(frame: pd.DataFrame, size: tuple[int, int], classes: tuple[int, ...]) -> Detections:
    """What a result shows, in px of the source's picture of this (width, height)."""
    there = frame.loc[frame["class_id"].notna(), list(BOX)]
    processed = int(frame["width"].iloc[0]), int(frame["height"].iloc[0])
    return detections_of(np.asarray(there, dtype=np.float32), processed, size, classes)

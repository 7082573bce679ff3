"""Schemas of `conf/published/`, one per importer of ours; values are in the files."""

from collections.abc import Mapping
from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class PublishedSchema:
    """What every importer has: which it is, and where the logs are."""

    _target_: str = MISSING
    path: str = MISSING


@dataclass
class ThesisCsvSchema(PublishedSchema):
    """See `experiments.results.published.thesis.ThesisCsv`."""

    agents: dict[str, str] = MISSING
    cells: dict[str, list[str]] = MISSING


PUBLISHED: Mapping[str, type[PublishedSchema]] = {"thesis": ThesisCsvSchema}

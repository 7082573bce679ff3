"""Schemas that are derived from constructors."""

import pickle
from dataclasses import asdict

import pytest
from omegaconf import OmegaConf

from envs.hardware import Device, Link
from experiments.config.derived import schema_of
from experiments.config.schemas import HardwareSchema, ProfileSchema
from pipeline.slos import video_slo


@pytest.mark.parametrize("target", [Link, Device, video_slo])
def test_values_of_a_derived_schema_reach_another_process(target):
    """An episode is sent to the process that plays it with all its configuration."""
    schema = schema_of(target)
    assert pickle.loads(pickle.dumps(schema)) is schema
    config = OmegaConf.structured(schema)
    assert OmegaConf.get_type(pickle.loads(pickle.dumps(config))) is schema


def test_so_do_those_of_a_schema_that_is_written_out_on_top_of_one():
    profile = ProfileSchema(devices=[schema_of(Device)(times={})])
    hardware = HardwareSchema(parts={"one": profile}, counts={"one": 2})
    again = pickle.loads(pickle.dumps(hardware))
    assert type(again) is HardwareSchema
    assert asdict(again) == asdict(hardware)

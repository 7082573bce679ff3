"""The configuration: YAML, schemas and what they configure agree, and mistakes are one sentence."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from experiments.config.composing import check_keys, option, register
from experiments.config.derived import arguments_of
from experiments.config.schemas import CONF, VARIANTS, DetectorSchema, PipelineSchema, RunConfig, schema_for
from experiments.program.errors import ConfigError, sentence
from experiments.runs.provenance import GROUPS, identify
from experiments.worlds.builders import grades_and_weights
from experiments.worlds.pipeline import PipelinePlan
from experiments.worlds.plan import SimulatorPlan, plan_run
from pipeline.messages import LoadingMode, WorkType
from pipeline.options import ProducerOptions, SourceKind
from tests.experiments.programs import Done, call


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@pytest.fixture(autouse=True)
def hydra_here() -> Iterator[None]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def composed(*overrides: str) -> DictConfig:
    return compose("config", overrides=list(overrides))


def typed(*overrides: str) -> RunConfig:
    config = OmegaConf.to_object(composed(*overrides))
    assert isinstance(config, RunConfig)
    return config


def pipeline(*overrides: str) -> PipelinePlan:
    plan = plan_run(typed(*overrides))
    assert isinstance(plan, PipelinePlan)
    return plan


def simulator(*overrides: str) -> SimulatorPlan:
    plan = plan_run(typed("env=simulator", "hardware=rpi5", *overrides))
    assert isinstance(plan, SimulatorPlan)
    return plan


# --- schemas and their targets ---


@pytest.mark.parametrize("agent", [name for name in options("agent") if name != "custom"])
def test_an_agents_file_has_every_argument_of_its_class(agent):
    cfg = composed(f"agent={agent}").agent
    assert set(cfg) - {"_target_"} == set(arguments_of(get_class(cfg._target_))) - {"spec"}


@pytest.mark.parametrize("video", ["traffic", "file"])
def test_what_yaml_says_of_the_producer_is_what_its_command_line_says(video):
    config = typed(f"video={video}", "video.path=x") if video == "file" else typed()
    ours = {**dataclasses.asdict(config.video), **dataclasses.asdict(config.detector)}
    assert isinstance(config.env, PipelineSchema)
    limits = ("queue_policy", "queue_bound_s", "memory_budget_mb")
    ours |= {name: getattr(config.env, name) for name in limits}
    theirs = {field.name: field.default for field in dataclasses.fields(ProducerOptions)}
    # said by the user, or by the choice of the file
    chosen = {"source", "path", "loop", "classes", "weights"}
    for name, value in ours.items():
        if name not in chosen:
            assert (tuple(value) if isinstance(value, list) else value) == theirs[name], name


# --- composing ---


@pytest.mark.parametrize("group", [*GROUPS, "experiment"])
def test_every_option_composes_and_has_no_key_that_nobody_reads(group):
    for name in options(group):
        cfg = composed(f"{group}={name}")
        check_keys(cfg)


@pytest.mark.parametrize("program", sorted(path.stem for path in CONF.glob("*.yaml")))
def test_no_key_is_called_as_a_group_whose_option_it_would_choose(program):
    values = OmegaConf.to_container(OmegaConf.load(CONF / f"{program}.yaml"))
    assert isinstance(values, dict)
    groups = {path.parent.name for path in CONF.glob("*/*.yaml")}
    assert not groups & {str(key) for key in values}


@pytest.mark.parametrize("experiment", options("experiment"))
def test_every_experiment_can_be_carried_out(experiment):
    plan = plan_run(typed(f"experiment={experiment}"))
    assert plan.config.name == experiment


def test_the_accuracy_is_that_of_the_videos_name_unless_another_is_named_or_none_is_there():
    own = typed().accuracy
    assert own is not None and own == option("video", "traffic", "accuracy")
    assert typed("video=thesis").accuracy is None and option("video", "thesis", "accuracy") is None
    assert typed("accuracy=none").accuracy is None
    people = typed("video=file", "video.path=x", "accuracy=people").accuracy
    assert people is not None and people.scene == "people"


def test_help_lists_every_option_of_every_group():
    text = compose("config", return_hydra_config=True).hydra.help.template
    for group in (*GROUPS, "experiment"):
        for name in options(group):
            assert name in text


# --- what comes of it ---


def test_the_ladders_follow_the_video():
    spec = plan_run(typed("video.height=270", "video.width=480", "video.source_fps=12")).spec
    assert spec.knobs[0].levels == (5.0, 10.0, 12.0)
    assert spec.knobs[1].levels == (90, 180, 270)
    assert spec.knobs[2].levels == ("n", "s", "m")


def test_slos_reach_the_producer_as_it_reads_them():
    slos = pipeline().producer.slos
    assert slos[0] == "queue_size<=2.0@0.9"
    assert len(slos) == 5


def test_hardware_that_is_not_this_machine_is_emulated_and_needs_no_weights():
    producer = pipeline("hardware=rpi5").producer
    assert producer.work_type is WorkType.EMULATED and producer.weights == {}


def test_this_machine_computes_unless_it_is_to_be_emulated():
    assert pipeline().producer.work_type is WorkType.YOLO_DETECTION
    plan = pipeline("env.emulate=true", "hardware=epyc_2cores")
    assert plan.producer.work_type is WorkType.EMULATED
    assert not plan.hardware.is_native


def test_a_real_clip_sets_its_own_ladder(data):
    clip = data / "clips" / "portrait_540x960_25fps.mp4"
    plan = pipeline("video=file", f"video.path={clip}")
    assert plan.spec.knobs[1].levels[-1] == 960
    assert plan.producer.source is SourceKind.FILE
    assert plan.producer.loop


def test_a_single_path_leaves_one_grade_and_its_name_tells_which(tmp_path):
    path = tmp_path / "yolo11s_int8_openvino_model"
    path.mkdir()
    assert grades_and_weights(detector(str(path))) == (("s",), {"s": str(path)})


def test_a_path_that_does_not_tell_its_grade_is_asked_about(tmp_path):
    path = tmp_path / "best.pt"
    path.touch()
    with pytest.raises(ValueError, match="which grade is"):
        grades_and_weights(detector(str(path)))
    assert grades_and_weights(detector(str(path), ["m"])) == (("m",), {"m": str(path)})


def detector(weights: Any, grades: list[str] | None = None) -> DetectorSchema:
    return DetectorSchema(WorkType.YOLO_DETECTION, grades or ["n", "s", "m"], weights, LoadingMode.EAGER)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["env.steps=0"], "steps must be >= 1"),
        (["hardware.devices.0.capacity=2"], r"hardware: capacity must be in \(0, 1\]"),
        (["slo.slos.0.metric=happiness"], "unknown SLO metric 'happiness'"),
        (["video=file", "video.path=nowhere.mp4"], "nowhere.mp4"),
        (["video.fps_levels=[60]"], "the source's own"),
        (["detector.weights=nowhere.pt"], "no weights at 'nowhere.pt'"),
        (["detector.weights={x: nowhere.pt}"], "detector.grades"),
        (["detector.grades=[q]"], "grades must be different letters"),
        (["scenario=worker_loss", "scenario.events.0.worker=7"], "worker 7"),
        (
            ["scenario.events=[{kind: STREAMS, value: 2, at_s: 60.0}]", "env.steps=60"],
            "at 60 s never happens",
        ),
        (["detector.work_type=EMULATED"], "say env.emulate=true"),
        (["hardware=rpi5", "detector.grades=[n,x]"], "no service times of grade x"),
        (["env.initial_levels=[9,9,9]"], "one integer below"),
    ],
)
def test_a_bad_value_is_found_before_any_process_and_named(overrides, message):
    with pytest.raises(ConfigError, match=message):
        plan_run(typed(*overrides))


@pytest.mark.parametrize(
    ("group", "option", "words"),
    [
        ("env", "simulator", []),
        ("video", "file", ["video.path=x"]),
        ("video", "custom", ["video.factory=x"]),
    ],
)
def test_values_of_a_file_that_is_not_ours_find_the_schema_that_has_just_their_keys(group, option, words):
    cfg = composed(f"{group}={option}", *words)
    OmegaConf.resolve(cfg)
    values = OmegaConf.create(OmegaConf.to_yaml(cfg[group]))
    assert isinstance(values, DictConfig)
    assert schema_for(group, "mine", values) is VARIANTS[group][option]


def test_values_that_no_schema_has_find_none():
    assert schema_for("env", "mine", OmegaConf.create({"gravity": 9.8})) is None


def test_a_key_that_is_misspelt_in_a_file_of_the_users_is_named_with_its_file(tmp_path):
    (tmp_path / "hardware").mkdir()
    (tmp_path / "hardware" / "mine.yaml").write_text("devices:\n  - {native: true, capcity: 0.5}\n")
    with pytest.raises(HydraException) as caught:
        composed(f"hydra.searchpath=[file://{tmp_path}]", "hardware=mine")
    assert sentence(caught.value) == "In 'hardware/mine': there is no key 'capcity'; did you mean capacity?"


def test_an_added_key_is_refused():
    with pytest.raises(ValueError, match=r"^env has no key 'foo'; known are steps, "):
        check_keys(composed("+env.foo=1"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["agent=causal", "agent.structure=SIDEWAYS"],
            "agent.structure: Invalid value 'SIDEWAYS', expected one of",
        ),
        (
            ["agent=aif", "agent.loads.slope=steep"],
            "agent.loads.slope: Value 'steep' of type 'str'",
        ),
        (["agent=ppo", "+agent.recipe.batch=1"], "agent.recipe has no key 'batch'; did you mean batch_size?"),
    ],
)
def test_an_agents_value_of_another_type_is_named_however_deep_it_lies(words, said):
    with pytest.raises(ConfigError) as caught:
        check_keys(composed(*words))
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("env.queue_bound_s=nan", r"env\.queue_bound_s must be in \(0, 1e\+06\], got nan"),
        ("env.memory_budget_mb=inf", r"env\.memory_budget_mb must be in \[0, 1e\+09\], got inf"),
        ("video.source_fps=nan", r"video\.source_fps must be in \[0\.0001, 1000\], got nan"),
        ("video.fps_levels=[30,10]", r"video\.fps_levels must ascend, got 30\.0 10\.0"),
        ("video.heights_px=[90,90]", r"video\.heights_px must ascend, got 90 90"),
        ("scenario.streams=0", r"scenario\.streams must be in \[1, 1000\], got 0"),
        ("seed=-1", r"seed must be in \[0, 9\.22337e\+18\], got -1"),
        ("env.control_interval_s=nan", r"env\.control_interval_s must be a number, got nan"),
        ("slo.slos.0.threshold=nan", r"slo\.slos\.threshold must be a number, got nan"),
        ("hardware.devices.0.capacity=nan", r"hardware\.devices\.capacity must be a number, got nan"),
    ],
)
def test_a_number_that_cannot_be_is_one_sentence_with_its_key(override, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        check_keys(composed(override))


# --- identity ---


def test_runs_that_differ_only_in_their_luck_share_a_config_hash():
    choices = dict.fromkeys(GROUPS, "x") | {"env": "pipeline"}
    one, other, longer = (
        identify(composed(override), choices, "s") for override in ("seed=1", "seed=2", "env.steps=7")
    )
    assert one.config_hash == other.config_hash != longer.config_hash
    assert one.metadata["seed"] == 1
    assert "numpy" in one.metadata["releases"]


# --- as the user sees it ---


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("env.stepz=3", "experiments.run: env has no key 'stepz'; did you mean steps?\n"),
        (
            "video.path=café.mp4",
            "experiments.run: cannot read video.path=café.mp4; "
            "if it is a text, say 'video.path=\"café.mp4\"'\n",
        ),
        (
            "video.path=a.mp4,b.mp4",
            "experiments.run: video.path=a.mp4,b.mp4 is several values: for a sweep over them say -m; "
            "if it is a text, say 'video.path=\"a.mp4,b.mp4\"'\n",
        ),
        (
            "env.steps=many",
            "experiments.run: env.steps: Value 'many' of type 'str' could not be converted to Integer\n",
        ),
        ("video=file", "experiments.run: video.path has no value yet: say video.path=...\n"),
    ],
)
def test_a_mistake_is_one_sentence_and_no_traceback(override, sentence):
    assert call("experiments.run", override) == Done(2, "", sentence)

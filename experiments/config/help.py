"""The text of `python -m experiments.run --help`, with every option that `conf/` has."""

from pathlib import Path

from omegaconf import OmegaConf

QUESTIONS = {
    "agent": "who decides",
    "video": "on what",
    "detector": "with which model",
    "env": "in what world",
    "hardware": "on which workers",
    "scenario": "what happens meanwhile",
    "slo": "judged by what",
    "qoe": "what quality is",
    "accuracy": "what detections are worth",
    "experiment": "all of it, chosen for you",
}
HELP = """Run an agent on a stream pipeline, and record what came of it.

    python -m experiments.run [GROUP=OPTION ...] [KEY=VALUE ...]

Groups, each one question (* = without you saying so)
{groups}

Often said
    env.steps=60 seed=1                  how long, and under which seed
    live=false                           plain lines instead of the live picture
    output.video=false output.detections=JSONL output.mlflow=false
    scenario=load_burst hardware=rpi5
    env=simulator                        in no time, calculated instead of run
    env.emulate=true                     service times slept even where the hardware is this machine
    video=file video.path=clip.mp4 detector.weights=yolo11n.pt
    detector.weights={{n:a.pt,s:b.pt}} detector.grades=[n,s]
    env.control=tcp://host:5552 env.n_workers=4       a pipeline that runs already
    agent=custom agent._target_=my_package.MyAgent    --config-dir my_package/conf

Many runs
    -m agent=aif,rule 'hardware=glob(*)' 'seed=range(5)' env=simulator name=mine
                                         every combination; said again, it goes on where it stopped
    hydra/launcher={launchers}
                                         where they are played; without it, one after the other
    python -m experiments.compare runs=results/mine

Every key and its value: --cfg job.
"""


def help_text(conf: Path) -> str:
    """What the program does, the groups of conf/ with their options, and what is often said."""
    defaults = OmegaConf.to_container(OmegaConf.load(conf / "config.yaml").defaults)
    assert isinstance(defaults, list)
    chosen = {str(group): name for one in defaults if isinstance(one, dict) for group, name in one.items()}
    lines = []
    for group, question in QUESTIONS.items():
        names = sorted(path.stem for path in (conf / group).glob("*.yaml"))
        options = " | ".join(f"*{name}" if name == chosen.get(group) else name for name in names)
        lines.append(f"    {group:<12} {question:<26} {options}")
    launchers = sorted(path.stem for path in (conf / "hydra" / "launcher").glob("*.yaml"))
    return HELP.format(groups="\n".join(lines), launchers=" | ".join(launchers))

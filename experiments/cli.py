"""`elasticbench COMMAND ...`: every program as a subcommand; without one, the list of them."""

import os
import sys
from importlib.metadata import version

COMMANDS = {  # in the order in which people meet them; each is a module of this package
    "run": "Run an agent on a stream pipeline, or a sweep of such runs (-m).",
    "study": "Play every agent of a roster in every cell, and compare them.",
    "rank": "Place an agent among all others, in the published drawn worlds.",
    "compare": "Make tables, pictures and a page of how agents compare, from logged runs.",
    "runs": "List and filter logged runs.",
    "show": "Show a run's trace and figures, or draw several against each other over time.",
    "repeat": "Play a logged run again, and say whether it comes to the same.",
    "export": "Bring logged runs to MLflow.",
    "train": "Let an agent learn in the simulator, or search good figures for one that does not.",
    "calibrate": "Measure this machine, and write its profile.",
    "world": "Describe a drawn world, and draw it.",
    "forecast": "Hold what agents expect against what comes true.",
}
BROWSE = {"runs": [], "show": ["show"], "export": ["export"], "world": ["world"]}  # one module, by its words

HELP = """Find out which elasticity agent keeps a stream within its SLOs at the highest QoE.

    elasticbench COMMAND [WORD ...]    what a command takes: elasticbench COMMAND --help
    elasticbench --version

{}

The first thing to say: elasticbench run agent=aif video=traffic""".format(
    "\n".join(f"    {name:<10} {purpose}" for name, purpose in COMMANDS.items())
)


def main() -> None:
    """Become the program that is asked for; 2 if there is no such command."""
    arguments = sys.argv[1:]
    match arguments:
        case [] | ["-h" | "--help" | "help"]:
            print(HELP)
        case ["-V" | "--version"]:
            print(f"elasticbench {version('elasticbench')}")
        case [command, *arguments] if command in COMMANDS:
            module, words = ("browse", BROWSE[command]) if command in BROWSE else (command, [])
            os.execv(sys.executable, [sys.executable, "-m", f"experiments.{module}", *words, *arguments])
        case [command, *_]:
            names = ", ".join(COMMANDS)
            print(f"elasticbench: there is no command {command!r}; there are {names}", file=sys.stderr)
            sys.exit(2)


if __name__ == "__main__":
    main()

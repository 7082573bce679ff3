"""Benchmarks: `python -m benchmarks NAME` measures, prints tables, and writes results/bench/NAME.json.

- `pipeline`: the whole path beside the least that the same frames can cost, and beside Ray.
- `simulator`: the simulator beside the same system in SimPy, and beside CartPole.
- `agents`: what each agent's decisions cost.

A machine's speed drifts, so contenders take turns in alternated rounds, and two are only compared by the
ratio of their turns in the same round (`turns`). Nothing else in the repository imports this package.
"""

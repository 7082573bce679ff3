"""The distributed stream pipeline: Producer, Workers and Collector over ZeroMQ.

A complete product by itself (`python -m pipeline --help`); it knows nothing of
environments, agents or experiments.
"""

import signal
import sys

if sys.argv[:1] == ["-m"]:  # `python -m` has come this far; what is imported next takes seconds
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # till a program hears it, it ends it without a traceback

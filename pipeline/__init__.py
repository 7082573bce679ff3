"""The distributed stream pipeline: Producer, Workers and Collector over ZeroMQ.

A complete product by itself (`python -m pipeline --help`); it knows nothing of
environments, agents or experiments.
"""

"""How ratios follow demand, as the agents that fit models while they run take it to be.

Values that are alike stand here. Some have drifted apart, and keep their values until the search of the
agents' figures sets them. What change of a ratio in one interval is taken for jitter: .03 in mpc.world
(`STANDSTILL`), .02 in bayes.reading (`STANDSTILL`), in bandit and, of warn_at, in common.pressure (`GROWTH`).
How far an SLO that does not follow the work may be from where it is expected at first: `UNKNOWN` in
mpc.world, 1.0 in bayes.layout (`REST_DOUBT`).
"""

SOFT = 0.1  # added to ratios with memory before the logarithm: an empty queue is no −inf
TINY = 1e-3  # smallest ratio that others are told apart from
LEAST_DEMAND = 0.5  # in units of the capacity: less would not drain a backlog any faster
LEAST_NOISE = 0.02  # log-standard deviation below which no reading of an interval is believed to be
UNKNOWN = 1.5  # log-standard deviation of the demand before anything was measured
MENDED = -0.25  # share of ln(cost) by which lower bounds are taken to be mended
LAG = 0.5  # share of what a change of setting should do that a reading may not show yet
LAG_LEFT = (0.8, 0.85)  # what is left of that in the next interval, without and with a backlog

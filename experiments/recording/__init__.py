"""An episode as a Rerun recording: what of a run's files becomes which entity, and how it is laid out.

Needs the extra `rerun`; `experiments.episode_to_rerun` alone is imported without it.
"""

"""How fast the simulator is beside others that simulate the same system."""

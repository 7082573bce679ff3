"""The published agent of intelligentVehicle, re-implemented and not improved."""

"""What a person sees of a run or of many: live view, progress, plots, the table at the end."""

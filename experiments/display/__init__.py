"""What a person sees of a run or of many: live view, plots, the table at the end."""

"""Runs of any source as one table: found, chosen, named, and refused where they cannot be compared.

`run_row` has the columns. `run_row`, `store` and `published` find runs in folders, in MLflow, in others' logs;
`collection` says which count; `naming` what agents and cells are called; `comparable` what is refused;
`episodes` reads the traces, `references` has what scores are measured by, `metadata` the head of a report.
"""

"""Runs of any source as one table: found, chosen, named, and refused where they cannot be compared.

`run_row` has the columns and the cells, and finds runs in folders.
`collection` says which count, `naming` what agents and cells are called, `comparable` what is refused.
"""

"""Runs of any source as one table: found, chosen, named, and refused where they cannot be compared.

`run_row` has the columns and the cells, and finds runs in folders; `published` in others' logs, `thesis` in
the predecessor's. `collection` says which count, and what was run; `naming` what agents and cells are called,
`comparable` what is refused; `episodes` reads the traces, `references` has what scores are measured by.
"""

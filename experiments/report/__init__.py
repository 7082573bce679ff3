"""A comparison as tables, figures and a page.

`block` computes what cells come to that are reported together; `figures` draw it, `tables` write it,
`caveats` say what to mind, `report` puts all of it together. `forecasts` has its own.
"""

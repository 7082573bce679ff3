"""A comparison as tables, figures and a page.

`block` computes what cells come to that are reported together; `figures` draw it, `tables` write it,
`glossary` says what to know of it, `report` puts all of it together.
"""

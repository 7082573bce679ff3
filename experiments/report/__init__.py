"""A comparison as tables, figures and a page.

`block` computes what cells come to that are reported together; `over_agents` and `over_time` draw it,
`tables` write it, `glossary` says what to know of it, `report` puts all of it together.
"""

"""A comparison as tables, figures and a page.

`block` computes what cells come to that are reported together; `figures` draws it, without a time axis
(`over_agents`) or with one (`over_time`); `tables` write it; `glossary` says what to know of it; `report`
puts all of it together.
"""

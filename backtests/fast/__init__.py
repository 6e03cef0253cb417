"""Many trials at machine speed: the same execution as the engine's, compiled.

`tape` lays a feed out for it, `account` is one account's money, `bars` the order of things within a bar,
`orders` turns targets into orders, `follow` walks over the bars, `figures` measures what came out.
"""

"""Sources put together: overlapping ones reconciled, adjusted prices brought back to what was traded, a basket dated.

The readers of single files are in `indexsim.official`; what is here sees all of them at once, and the dated facts.
"""

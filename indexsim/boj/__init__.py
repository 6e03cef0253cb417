"""The Bank of Japan as buyer, holder and seller of equity funds: when, what, how much, with what effect.

`answer` says all of it for one market. `days` are the purchases beside the returns before them, `fitted`
the model of when, `allocations` and `caps` the rules, `EFFECTS` three estimates that disagree, `book` and
`look_through` what is held. The market without the purchases is the world ``no-boj`` of `indexsim.whatif`.
"""

from indexsim.boj.answers import answer
from indexsim.boj.days import days, purchases
from indexsim.boj.deciles import by_decile
from indexsim.boj.effect import EFFECTS, Effect, effect_of, remaining
from indexsim.boj.facts import SALES, allocation_on, allocations, caps
from indexsim.boj.holdings import book, look_through
from indexsim.boj.judgement import judge
from indexsim.boj.when import ON_LUNCH, ON_MORNING, ON_OVERNIGHT, fitted

__all__ = [
    "EFFECTS",
    "ON_LUNCH",
    "ON_MORNING",
    "ON_OVERNIGHT",
    "SALES",
    "Effect",
    "allocation_on",
    "allocations",
    "answer",
    "book",
    "by_decile",
    "caps",
    "days",
    "effect_of",
    "fitted",
    "judge",
    "look_through",
    "purchases",
    "remaining",
]

"""The truth of a state at an instant, and for how long it will go on by itself, in one number.

Theory of operation. A state evaluated at instant `t` answers with a *signed instant*: `+u` says "true, and true until
`u` unless an input arrives", `-u` says "false, and false until `u`". `u` is always later than `t`, hence positive, and
`INF` where nothing can change by itself.

With that, logic is order:

- `not a` is `-a`: the same promise about the opposite value;
- `a and b` is `min(a, b)`. Both true: it holds until the earlier promise ends. Any false: it stays false for as long as
  one of the false ones does, that is until the latest of the false ones, the most negative number;
- `a or b` is `max(a, b)`, by De Morgan.

A promise may be cautious (`u` earlier than the real change), never bold: whoever asks again at `u` misses nothing. For
a state that can only fall by itself (see `states.State.only_falls`) it is exact.
"""

from engine.core.events import INF, Millis

Truth = int

TRUE: Truth = INF
"""True for good."""
FALSE: Truth = -INF
"""False for good."""


def until(truth: Truth) -> Millis:
    """The instant up to which the answer is good, exclusive; INF for good."""
    return abs(truth)

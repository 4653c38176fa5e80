"""Impel's engine: from what a shopper does to what should be sent, decided at once.

The map of the house. An arrow points at what a part may import; a test over the import statements keeps it true.

    adapters --> engine.runtime --> engine.core <-- engine.language <-- adapters
                                        ^                 ^
                                        +-- engine.simulate, engine.why

core      the decision core: events, timeline, conditions, one user. Pure: no trio, no clock, no randomness,
          no logging, no I/O
language  text of a trigger -> checked, compiled trigger; errors with file, line, column and a hint. Pure
runtime   the only place in the engine that awaits: actors, router, agenda, outbox, service
simulate  the core under virtual time. Pure
rehearsal the same with messages released, to explain what would have become of them. Pure
why       a person's past lived once more, to tell why a trigger fired or did not. Pure

`from engine import simulate` gives the function of that name.
"""

from engine.simulate import simulate

__all__ = ["simulate"]

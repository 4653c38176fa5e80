"""Why a trigger fired for a person, or did not: told from what is kept of them, as of any instant.

Theory of operation. Nothing is written down for this when the engine decides. All that decides is the text of a trigger
and the person's timeline, so somebody asked later lets another live through that timeline once more, with every part of
the trigger's `when` as a trigger of its own: what happens on the way are the occurrences of that part, and where the
life stops, the states are asked what they are. What the engine did fire is the truth; where what is told from the
timeline differs, because files, traits or lists have changed since, it is said that it does.
"""

from engine.why.answer import Asked, explain
from engine.why.parts import Answer, Fired, Occurred, Part, Watched
from engine.why.subject import Subject

__all__ = ["Answer", "Asked", "Fired", "Occurred", "Part", "Subject", "Watched", "explain"]

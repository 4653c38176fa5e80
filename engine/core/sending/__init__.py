"""What is asked between a firing and its message: may this person get this message now, and if not, from when?

Theory of operation. Each rule is a pure function of what was sent so far, of the person as they are, and of an instant;
it answers with the first instant from that one on at which it lets a message go. So nothing is polled: the rules are
asked again at the latest of their answers, until all agree, and that is when the message goes.
"""

"""What services report of messages: whether it is from them (`signatures`), and what it says (`reports`).

They tell by themselves, or are asked (`asking`); what they have told is taken at the same `desk`.
"""

"""What services report of messages: whether it is from them (`signatures`), and what it says (`reports`)."""

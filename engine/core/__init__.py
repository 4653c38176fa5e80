"""The decision core: pure, told the time, answering with values."""

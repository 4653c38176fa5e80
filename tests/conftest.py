"""What holds for all tests."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "impel",
    deadline=None,  # no timed assertion: the machine may be busy
    suppress_health_check=[HealthCheck.too_slow],  # the same
    print_blob=True,  # a failing example can be repeated
)
settings.load_profile("impel")

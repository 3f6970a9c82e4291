"""Settings of all tests."""

from hypothesis import HealthCheck, settings

# A busy machine makes inputs slowly and answers late; what the tests claim about time, they measure themselves.
settings.register_profile("busy-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy-machine")

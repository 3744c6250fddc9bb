"""Generated consumer data with known truth, for the demo and for tests."""

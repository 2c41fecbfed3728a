"""Results as text, JSON and more; knows nothing of how they came about."""

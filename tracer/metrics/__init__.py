"""Results as metrics for Prometheus: families of samples, and an address or a file that has them."""

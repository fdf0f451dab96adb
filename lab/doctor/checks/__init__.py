"""The checks, by what they look at. Each takes the cluster and the plan, and returns one result."""

"""The rendered chart, and what an operator and a cluster would make of it: pods, targets, scrape configs."""

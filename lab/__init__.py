"""The chart's monitoring as local processes: rendering, tools, platform, traffic."""

"""Everything that depends on waitress: the server, its connections, the request parser, receiving bodies."""

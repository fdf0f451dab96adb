"""The HTTP server: listening, connections, parsing and receiving requests. Nothing else imports waitress."""

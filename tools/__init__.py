"""Generators of schemas, of deploy/ and of sections of docs/; steps of a release; checks of the workflows."""

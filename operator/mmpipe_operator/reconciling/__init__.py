"""One pipeline, from whatever state it is in to what its spec asks for."""

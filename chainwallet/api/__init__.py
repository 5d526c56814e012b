"""The HTTP service: routes that parse, call an answer and shape the result; the only HTTP status codes."""

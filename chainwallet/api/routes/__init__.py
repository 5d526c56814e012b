"""The routes, one module for each noun; each has a ``router`` that ``app`` takes in."""

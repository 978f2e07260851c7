"""How lines of each kind of log are understood: one module per format, ``opening`` chooses."""

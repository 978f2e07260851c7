"""Reading login and access logs: who was active on which day, as keyed hashes, sealed like readings.

A process of its own beside the agent (``starproof-agent logins``), with its own configuration, state
directory and enrolment (source ``login-log``). ``follower`` finds the lines through rotations, ``formats``
understand them, ``tally`` counts accounts as hashes, ``batch`` ties positions and chunks together so that
no line is counted twice or lost.
"""

"""Who may do what: roles, passwords, sessions, and the link that makes the first account."""

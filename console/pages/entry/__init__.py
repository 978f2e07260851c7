"""The door: setting up, signing in and out, one's own account, the language, and the live stream."""

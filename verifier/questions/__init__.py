"""Questions: what a reviewer should ask the applicant about. They change no figure and no verdict."""

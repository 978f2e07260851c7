"""覆盖率: hosts down, days across."""

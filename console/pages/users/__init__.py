"""用户: what the monthly user rate is made of."""

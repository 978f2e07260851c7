"""Sources of averages and bills: clouds and monitors that an enterprise already has."""

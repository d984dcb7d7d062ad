"""The main job: a year of real flights, from table to drift report."""

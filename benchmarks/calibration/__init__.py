"""How often statistical decisions are wrong without a change, and right with one."""

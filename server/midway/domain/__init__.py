"""Pure values and rules: what a Task, an Account and an Attempt are, and how a Task may change."""

"""The asv suite: a module per room, a class per estimator; a time never stands without its score."""

"""Pictures that a data set of others names, and the cards that bring their bytes."""

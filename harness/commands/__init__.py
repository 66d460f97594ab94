"""One module per verb. ``options`` makes a frozen request out of the command line; ``main`` hands it to its verb."""

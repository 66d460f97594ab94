"""The trainings and cells of a results folder, and how far they are."""

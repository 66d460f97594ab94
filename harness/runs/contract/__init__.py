"""The contract of a method: what every plugin must keep, as a list of named checks. It trains two steps on noise.

``reid-tables check`` prints the checks of one method; the test suite runs them on all.
"""

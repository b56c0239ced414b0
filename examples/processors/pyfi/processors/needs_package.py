"""An example processor that needs a package: add it with `-rq requirements-needs.txt`."""

import six


def python_of(value):
    """Gives the value and the version of the package that it needed."""
    return {"value": value, "six": six.__version__}

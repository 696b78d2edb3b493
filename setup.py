"""The package list. Everything else about the distribution stands in pyproject.toml.

`backends/` lies beside `netspec/` in the tree and is installed as `netspec.backends`; computing the list keeps a new
backend folder from being left out of the wheel.
"""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["netspec", "netspec.*"]),
        "netspec.backends",
        *(f"netspec.backends.{name}" for name in find_packages("backends")),
    ],
)

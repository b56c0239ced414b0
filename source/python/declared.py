"""Tells what a project declares, without the tools that build it.

Run in the project's directory; writes JSON to the file named by the argument:
what it requires, and why it is more than Python files, if it is. setup.py is
run with stand-ins for setuptools and distutils that only note what they are
asked for; an error that it raises ends this program like any other.
"""

import configparser
import importlib.abc
import importlib.machinery
import json
import os
import runpy
import sys
import types

noted = {}


def setup(**arguments):
    noted.update(arguments)


class Anything:
    """Stands for any class of the tools."""

    def __init__(self, *_, **__):
        pass

    def __init_subclass__(cls, **_):
        pass


class StandIn(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "setup":
            return setup
        if name in ("find_packages", "find_namespace_packages"):
            return lambda *_, **__: []
        return type(name, (Anything,), {})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("setuptools", "distutils"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


def listed(value):
    if isinstance(value, str):
        value = value.splitlines()
    return [line.strip() for line in value or [] if line.strip() and not line.strip().startswith("#")]


def from_setup_py():
    sys.meta_path.insert(0, Finder())
    sys.path.insert(0, os.getcwd())
    sys.argv = ["setup.py", "install"]
    runpy.run_path("setup.py", run_name="__main__")
    for field in ("ext_modules", "cmdclass", "cffi_modules", "rust_extensions"):
        if noted.get(field):
            return [], "setup.py gives " + field
    return listed(noted.get("install_requires")), ""


def from_setup_cfg():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read("setup.cfg", encoding="utf-8")
    return listed(parser.get("options", "install_requires", fallback=""))


def from_pyproject():
    """Gives what pyproject.toml requires, and why its files are not all."""
    try:
        import tomllib
    except ImportError:
        try:
            from pip._vendor import tomli as tomllib
        except ImportError:
            return [], "this Python cannot read pyproject.toml"
    with open("pyproject.toml", "rb") as file:
        content = tomllib.load(file)
    project = content.get("project", {})
    backend = content.get("build-system", {}).get("build-backend", "setuptools.build_meta")
    if backend.split(".")[0] not in ("setuptools", "flit_core", "hatchling", "poetry", "pdm", "uv_build"):
        return [], "its build tool is " + backend
    if "dependencies" in content.get("tool", {}).get("poetry", {}):
        names = set(content["tool"]["poetry"]["dependencies"]) - {"python"}
        if names:
            return [], "poetry must resolve " + ", ".join(sorted(names))
    return listed(project.get("dependencies")), ""


def main(answer):
    requires, compiled = [], ""
    if os.path.exists("pyproject.toml"):
        requires, compiled = from_pyproject()
    if not compiled and os.path.exists("setup.py"):
        more, compiled = from_setup_py()
        requires += more
    if os.path.exists("setup.cfg"):
        requires += from_setup_cfg()
    with open(answer, "w", encoding="utf-8") as file:
        json.dump({"requires": requires, "compiled": compiled}, file)


main(os.path.abspath(sys.argv[1]))

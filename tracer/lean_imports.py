"""Less of other people's modules: what recording never calls is not loaded, until something asks for it.

Of the anonymous memory of a recorder 10 MiB were numpy, 4.3 of them for linear algebra, text files, polynomials, types
of annotations and documentation, and 1.5 `inspect` with Python's parser, of which dataclasses need the name. Figures in
docs/performance.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from importlib.abc import Loader

_LATER: Final = ("ast", "inspect", "ipaddress", "locale", "shutil", "socket", "subprocess", "tempfile")
"""Modules that others import by name and call rarely or never: `dataclasses`, `urllib.parse`, numpy, ours."""
_OPENSSL: Final = "_hashlib"
_SUMS: Final = (
    ("_md5", "_sha1", "_sha2", "_sha3", "_blake2"),
    ("_md5", "_sha1", "_sha256", "_sha512", "_sha3", "_blake2"),
)
"""All that hashlib looks for, since Python 3.12 and before. Fedora and RHEL build Python without most of them, so that
sums are OpenSSL's (`--with-builtin-hashlib-hashes`)."""
_NUMPY: Final = "numpy"
_TYPING: Final = "numpy.typing"
_DOCUMENTATION: Final = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")
"""They give compiled functions their docstrings, and nothing else."""


class _Later(ModuleType):
    """A module that is run when something in it is first looked up."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a module's attribute
        if name.startswith("__"):
            raise AttributeError(name)
        self.__class__ = ModuleType  # type: ignore[assignment]
        spec = self.__spec__
        assert spec is not None
        assert spec.loader is not None
        spec.loader.exec_module(self)
        return getattr(self, name)


class _Annotation:
    """What stands for `NDArray` and the like: annotations are for who reads them."""

    def __class_getitem__(cls, _: object) -> type[_Annotation]:
        return cls


class _Matrix:
    """What stands for `numpy.matrix` until all is loaded: `ravel` asks whether it has one."""


def put_off() -> None:
    """Have modules that hardly anybody calls run when they are first used; those that are loaded stay."""
    for name in _LATER:
        if name not in sys.modules and (spec := find_spec(name)) is not None:
            module = sys.modules[name] = module_from_spec(spec)
            module.__class__ = _Later
    if any(all(map(find_spec, sums)) for sums in _SUMS):
        # hashlib then takes Python's own sums: 3 MiB of OpenSSL stay out.
        sys.modules.setdefault(_OPENSSL, None)  # type: ignore[arg-type]


def slim_numpy() -> None:
    """Have the first `import numpy` of this process bring its core alone; nothing where it is loaded already.

    What the core lacks loads the rest when it is first looked up, and then all is as ever. numpy 1 and a numpy that is
    made otherwise are loaded as a whole.
    """
    if _NUMPY not in sys.modules:
        put_off()
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds numpy where the others do, once, and has it loaded otherwise."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        """See importlib.abc.MetaPathFinder."""
        if name != _NUMPY:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Core(spec.loader)  # type: ignore[assignment]
        return spec


class _Core:
    """A loader that runs the package's core instead of the package."""

    def __init__(self, whole: Loader) -> None:
        self._whole = whole

    def create_module(self, _: ModuleSpec) -> None:
        """See importlib.abc.Loader."""

    def exec_module(self, package: ModuleType) -> None:
        """See importlib.abc.Loader."""
        whole = package.__loader__ = self._whole
        if package.__spec__ is not None:
            package.__spec__.loader = whole
        try:
            _take_core(package)
        except (ImportError, AttributeError):
            whole.exec_module(package)
            return
        sys.modules[_TYPING] = package.__dict__["typing"] = _typing()
        package.__dict__["matrix"] = _Matrix

        def look_up(name: str) -> Any:  # noqa: ANN401
            if name.startswith("__"):
                raise AttributeError(name)
            del package.__dict__["__getattr__"], package.__dict__["matrix"], package.__dict__["typing"]
            del sys.modules[_TYPING]
            whole.exec_module(package)
            return getattr(package, name)

        package.__dict__["__getattr__"] = look_up


def _take_core(package: ModuleType) -> None:
    """Raises ImportError, AttributeError."""
    for name in _DOCUMENTATION:
        sys.modules[name] = ModuleType(name)
    from numpy import _globals, version

    # What the core's modules look for in the package while they are loaded: numpy/__init__.py has it before the core.
    given = {name: getattr(_globals, name) for name in _globals.__all__}
    package.__dict__.update(given, __version__=version.version)
    with _without_documentation():
        from numpy import _core
    # bincount is the core's, but numpy/__init__.py gets it by way of numpy.lib.
    for module in (_core.multiarray, _core):
        package.__dict__.update({name: getattr(module, name) for name in module.__all__})


@contextmanager
def _without_documentation() -> Iterator[None]:
    """`numpy._core.overrides` has `inspect` read the signature of each function, and tidy its docstring."""
    inspect = sys.modules["inspect"]
    if not isinstance(inspect, _Later):
        yield
        return
    inspect.__dict__.update(cleandoc=str, signature=lambda _: None)
    try:
        yield
    finally:
        if isinstance(inspect, _Later):
            del inspect.__dict__["cleandoc"], inspect.__dict__["signature"]


def _typing() -> ModuleType:
    module = ModuleType(_TYPING)
    module.__dict__.update(ArrayLike=_Annotation, DTypeLike=_Annotation, NBitBase=_Annotation, NDArray=_Annotation)
    return module

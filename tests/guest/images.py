"""What a guest boots from, built once and kept: a root image for each userland, an initrd for each kernel."""

from __future__ import annotations

import fcntl
import hashlib
import lzma
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .debian import Apt, LabError, extract, run
from .kernels import PACKAGES, Kernel, System

CACHE_VARIABLE: Final = "RECLAIM_TRACER_GUESTS"
INSIDE: Final = Path(__file__).parent / "inside"
ROOT: Final = Path(__file__).parents[2]

MODULES: Final = (
    "virtio_pci", "virtio_blk", "virtio_console", "virtio_balloon", "zram", "i6300esb",
)  # fmt: skip
"""Loaded by the initrd where the kernel has them as modules, but for the balloon: `inside/agent.py` loads that."""
WHEELS: Final = ("numpy>=2.0,<2.4", "zstandard>=0.22", "typer>=0.29")
"""What recording needs. numpy since 2.4 wants cmpxchg16b of the processor, which the emulation had better not have."""
_COMPILER: Final = (
    "usr/lib/python3/dist-packages/bcc*", "usr/share/bcc", "usr/lib/llvm-*",
    *(f"usr/lib/x86_64-linux-gnu/lib{name}*" for name in ("bcc", "bpf", "LLVM", "clang", "z3")),
)  # fmt: skip
"""What a target lacks that has no compiler: bcc, its libraries, LLVM and what only that needs."""
_PRUNED: Final = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/perl5", "boot")

_USERS: Final = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"


def cache_dir() -> Path:
    """Where images, packages and lists are kept: `$RECLAIM_TRACER_GUESTS`, or under the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reclaim-tracer" / "guests"
    return Path(os.environ.get(CACHE_VARIABLE) or default)


@dataclass(frozen=True)
class Image:
    """Files to boot from. `tree` is what the root image was made from, with bcc also where that has none."""

    kernel: Kernel
    release: str
    vmlinuz: Path
    initrd: Path
    root: Path
    tree: Path


def image(kernel: Kernel, *, compiler: bool = True) -> Image:
    """The kernel's image, built where the cache lacks it; without bcc and LLVM on request. Raises LabError."""
    cache, userland = cache_dir(), kernel.system
    with locked():
        more = (*userland.packages, *userland.wheels)
        name = f"system-{userland.name}-{_recipe(userland, *more)}"
        system = kept(cache / name, lambda into: _build_system(userland, into))
        root = system / "root.img"
        if not compiler:
            name = f"bare-{userland.name}-{_recipe(userland, *more, *_COMPILER)}"
            root = kept(cache / name, lambda into: _build_bare(system / "tree", into)) / "root.img"
        boot = kept(cache / f"kernel-{kernel.name}-{_recipe(kernel)}", lambda into: _build_kernel(kernel, into))
    release = (boot / "release").read_text()
    return Image(kernel, release, boot / "vmlinuz", boot / "initrd", root, system / "tree")


@contextmanager
def locked() -> Iterator[None]:
    """Alone in the cache."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def apt(system: System) -> Apt:
    """apt over the system's suites, its lists fetched."""
    found = Apt(cache_dir() / f"apt-{system.name}", system.suites, system.pinned)
    found.update()
    return found


def python_command(tree: Path, system: System) -> list[str]:
    """The guest's own Python, run on the host through the guest's own loader: no root, no chroot."""
    libraries = tree / "usr/lib/x86_64-linux-gnu"
    loader = libraries / "ld-linux-x86-64.so.2"
    return [
        "env", "-i", f"PYTHONHOME={tree / 'usr'}", "PYTHONHASHSEED=0", "LC_ALL=C.UTF-8",
        str(loader), "--library-path", str(libraries), str(tree / f"usr/bin/python{system.python}"), "-S",
    ]  # fmt: skip


def compile_python(tree: Path, system: System, folder: Path, shown: str) -> None:
    """Byte code for the guest, which would take seconds over it at each start. `shown` is the folder's path there."""
    options = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", shown]
    # A package may carry files that are no Python of this version (tests, templates).
    run(["bash", "-c", '"$@" >/dev/null 2>&1 || true', "compile", *python_command(tree, system), *options, str(folder)])


def make_filesystem(tree: Path, target: Path, spare_mib: int) -> None:
    """An ext4 image with the tree's content, made without mounting anything."""
    used_kib = int(run(["du", "-sk", "--apparent-size", str(tree)]).split()[0])
    files = int(run(["bash", "-c", 'find "$1" | wc -l', "count", str(tree)]))
    size_kib = used_kib + used_kib // 20 + files * 5 + (spare_mib << 10)
    options = ["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-N", str(files + 1024)]
    run(["/usr/sbin/mke2fs", *options, "-d", str(tree), str(target), f"{size_kib}k"])


def kept(folder: Path, build: Callable[[Path], None]) -> Path:
    """The cache's folder, built under another name and moved into place when it is whole."""
    if folder.exists():
        return folder
    print(f"guests: building {folder}", file=sys.stderr, flush=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        build(staging)
        staging.rename(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return folder


def _recipe(what: System | Kernel, *more: str) -> str:
    """Changes when what an image is made from changes."""
    text = repr((what, *more, PACKAGES, WHEELS, MODULES, _PRUNED)) + (INSIDE / "initrd.sh").read_text()
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _build_system(system: System, into: Path) -> None:
    source, tree = apt(system), into / "tree"
    debs = source.fetch(source.closure((*PACKAGES, *system.packages)), into / "debs")
    extract(debs, tree)
    shutil.rmtree(into / "debs")
    _require_bcc(tree, system.bcc)
    for name in _PRUNED:
        shutil.rmtree(tree / name, ignore_errors=True)
    _link_applets(tree)
    site = tree / "opt/site"
    _install_wheels(site, system)
    for name in ("proc", "sys", "dev", "run", "tmp", "payload", "mnt", "root", "etc", "var", "var/tmp", "var/cache"):
        (tree / name).mkdir(exist_ok=True)
    (tree / "etc/passwd").write_text(_USERS)
    (tree / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
    for folder in (f"usr/lib/python{system.python}", "usr/lib/python3/dist-packages", "opt/site"):
        compile_python(tree, system, tree / folder, f"/{folder}")
    make_filesystem(tree, into / "root.img", spare_mib=16)


def _build_bare(tree: Path, into: Path) -> None:
    bare = into / "tree"
    run(["cp", "-al", str(tree), str(bare)])
    unwanted = [path for pattern in _COMPILER for path in bare.glob(pattern)]
    run(["rm", "-r", *map(str, unwanted)])
    make_filesystem(bare, into / "root.img", spare_mib=16)
    shutil.rmtree(bare)


def _require_bcc(tree: Path, wanted: str) -> None:
    """Raises LabError where the packages brought another version than the one the guest is for."""
    found = re.search(r"'(.*)'", (tree / "usr/lib/python3/dist-packages/bcc/version.py").read_text())
    if not found or not found[1].startswith(f"{wanted}."):
        raise LabError(f"the guest was to have bcc {wanted}, apt gave {found[1] if found else 'an unknown one'}")


def _link_applets(tree: Path) -> None:
    busybox = tree / "usr/bin/busybox"
    for applet in run([str(busybox), "--list"]).split():
        place = tree / "usr/bin" / applet
        if not place.exists() and not place.is_symlink():
            place.symlink_to("busybox")


def _install_wheels(site: Path, system: System) -> None:
    platforms = [
        part
        for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
        for part in ("--platform", f"{tag}_x86_64")
    ]
    options = ["--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--no-compile", *platforms]
    target = ["--python-version", system.python, "--target", str(site)]
    run([sys.executable, "-m", "pip", "install", *options, *target, *WHEELS, *system.wheels])


def _build_kernel(kernel: Kernel, into: Path) -> None:
    source = apt(kernel.system)
    wanted = source.closure(["linux-image-cloud-amd64"], kernel.suite)
    debs = source.fetch((package for package in wanted if package.name.startswith("linux-")), into / "debs")
    tree = into / "tree"
    extract(debs, tree)
    busybox = source.fetch((p for p in source.closure(["busybox-static"]) if p.name == "busybox-static"), into / "bb")
    extract(busybox, tree)
    (modules,) = (path for path in (tree / "usr/lib/modules").iterdir() if (path / "kernel").is_dir())
    (vmlinuz,) = (*tree.glob("boot/vmlinuz-*"), *modules.glob("vmlinuz"))
    shutil.copy(vmlinuz, into / "vmlinuz")
    (into / "release").write_text(modules.name)
    _make_initrd(tree / "usr/bin/busybox", modules, into)
    for scratch in ("debs", "bb", "tree"):
        shutil.rmtree(into / scratch)


def _make_initrd(busybox: Path, modules: Path, into: Path) -> None:
    with tempfile.TemporaryDirectory(dir=into) as folder:
        root = Path(folder)
        for name in ("bin", "dev", "proc", "sys", "root", "modules"):
            (root / name).mkdir()
        shutil.copy(busybox, root / "bin/busybox")
        shutil.copy(INSIDE / "initrd.sh", root / "init")
        (root / "init").chmod(0o755)
        order = _copy_modules(modules, root / "modules")
        (root / "modules/order").write_text("".join(f"{name}\n" for name in order))
        run(["bash", "-o", "pipefail", "-c", 'cd "$1" && find . | cpio --quiet -o -H newc >"$2"', "initrd",
             str(root), str(into / "initrd")])  # fmt: skip


def _copy_modules(modules: Path, into: Path) -> list[str]:
    """Copy MODULES and what they depend on, uncompressed; their names, dependencies first."""
    by_name = {_module_name(path): path for path in modules.rglob("*.ko*")}
    order: list[str] = []

    def add(name: str) -> None:
        if name in order or name not in by_name:
            return
        content = _module_bytes(by_name[name])
        for needed in _depends(content):
            add(needed)
        (into / f"{name}.ko").write_bytes(content)
        order.append(name)

    for name in MODULES:
        add(name)
    return order


def _module_name(path: Path) -> str:
    return path.name.partition(".")[0].replace("-", "_")


def _module_bytes(path: Path) -> bytes:
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".ko":
        return path.read_bytes()
    raise LabError(f"{path}: a module compressed in a way the lab doesn't know")


def _depends(content: bytes) -> list[str]:
    found = re.search(rb"\0depends=([^\0]*)\0", content)
    return [name.decode() for name in found[1].split(b",") if name] if found else []

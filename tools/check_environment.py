"""What is left to do in the ./openmtz environment, a word a line: venv, ros, libraries, interfaces, project.

A line `damaged NAME==VERSION` names an installed distribution of which something is missing. Nothing printed:
the environment is complete. Run with `python -I -S`, from the environment itself and before anything is
installed: standard library only, no site packages, and quick, as every ./openmtz command begins with it.

    check_environment.py ROOT VENV wheels|sourced             what is left to do
    check_environment.py ROOT VENV wheels|sourced --deep      ... comparing installed files with their record
    check_environment.py ROOT VENV wheels|sourced --tools     ... with the tools of ./openmtz test
    check_environment.py ROOT VENV wheels|sourced --clean     remove what an interrupted pip left half-written
    check_environment.py ROOT VENV wheels|sourced --done STEP remember that a step (or `manifest`) succeeded
"""

from __future__ import annotations

import hashlib
import os
import re
import sys

PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
STEPS = ("ros", "libraries", "interfaces", "project")
TOOLS = "tools"
"""A step of its own, asked for by ./openmtz test alone: nobody else needs what it installs."""
NOT_KEPT = re.compile(
    "cmeel.prefix/include/|open3d/resources/|open3d/cpu/open3d_torch_ops"
    "|(numpy|scipy|numba|matplotlib)/(.*/)?tests/"
)
"""Files of libraries that nothing here uses, in site-packages: tools/slim_environment.py removes them."""
INTERFACES = ("openmtz_interfaces", "simulation_interfaces", "tf2_msgs")
# Folders that must be there when their step is done, whatever the manifest says.
KEY_MODULES = {
    "ros": ("rclpy", "rosidl_generator_py", "sensor_msgs"),
    "libraries": (
        "cobs",
        "jinja2",
        "matplotlib",
        "mcap",
        "mujoco",
        "numba",
        "numpy",
        "open3d",
        "pluggy",
        "pydantic",
        "rich",
        "scipy",
        "serial",
        "typer",
        "yaml",
    ),
    "interfaces": ("openmtz_interfaces",),
}
KEY_TOOLS = ("hypothesis", "mypy", "pytest")


class Environment:
    def __init__(self, root: str, venv: str, mode: str) -> None:
        self.root, self.venv, self.mode = root, os.path.abspath(venv), mode
        self.state = os.path.join(self.venv, ".openmtz")
        self.site = os.path.join(self.venv, "lib", PYTHON, "site-packages")

    # -- stamps: a step is done when the hash of all it depends on is the one stored after its success

    def wanted(self, step: str) -> str:
        """The hash of everything a step depends on."""
        parts = [self.mode, sys.version, self.venv]
        if step == "ros":
            files = self._under("requirements", names=("ros.txt", "build.txt", "constraints.txt"))
        elif step == "libraries":
            files = self._under("requirements", names=("run.txt", "open3d.txt", "constraints.txt"))
        elif step == TOOLS:
            files = self._under("requirements", names=("test.txt", "constraints.txt"))
        elif step == "interfaces":
            parts.append(self.wanted("ros"))
            parts.append(os.environ.get("AMENT_PREFIX_PATH", "") if self.mode == "sourced" else "")
            files = self._under("ros2_ws")
        elif step == "project":
            parts.append(self.root)
            files = [os.path.join(self.root, name) for name in ("setup.cfg", "setup.py")]
            for plugin in sorted(_listdir(os.path.join(self.root, "plugins"))):
                files += self._under(
                    os.path.join("plugins", plugin), names=("setup.cfg", "setup.py", "pyproject.toml")
                )
        else:
            files = []
        digest = hashlib.sha256("\0".join(parts).encode())
        for path in files:
            try:
                with open(path, "rb") as file:
                    content = file.read()
            except OSError:
                content = b"missing"
            digest.update(f"\0{os.path.relpath(path, self.root)}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def _under(self, folder: str, names: tuple[str, ...] = ()) -> list[str]:
        top = os.path.join(self.root, folder)
        if names:
            return [os.path.join(top, name) for name in names]
        found = []
        for here, folders, files in os.walk(top):
            folders[:] = sorted(f for f in folders if f not in ("build", "install", "log", "__pycache__"))
            found += [os.path.join(here, name) for name in sorted(files)]
        return found

    def is_done(self, step: str) -> bool:
        return _read(os.path.join(self.state, "stamp-" + step)).strip() == self.wanted(step)

    def set_done(self, step: str) -> None:
        content = "\n".join(self.entries()) if step == "manifest" else self.wanted(step)
        target = os.path.join(self.state, "manifest" if step == "manifest" else "stamp-" + step)
        with open(target + ".new", "w") as file:
            file.write(content + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(target + ".new", target)

    # -- what is installed

    def entries(self) -> list[str]:
        """What lies in site-packages, lib and share: the first two levels of a complete environment."""
        listed = []
        for label, folder in (
            ("site", self.site),
            ("lib", os.path.join(self.venv, "lib")),
            ("share", os.path.join(self.venv, "share")),
        ):
            listed += [
                label + "/" + name
                for name in sorted(_listdir(folder))
                if name != "__pycache__" and not name.startswith("~")
            ]
        return listed

    def distributions(self) -> list[str]:
        return [name for name in _listdir(self.site) if name.endswith(".dist-info")]

    def pins(self) -> dict[str, str]:
        """Name -> version, of constraints.txt, for this Python."""
        pins = {}
        here = f'"{PYTHON.removeprefix("python")}"'
        for line in _read(os.path.join(self.root, "requirements", "constraints.txt")).splitlines():
            requirement, _, marker = line.partition(";")
            name, _, version = requirement.partition("==")
            if version and (not marker or here in marker):
                pins[_normal(name)] = version.strip()
        return pins

    def missing(self) -> set[str]:
        """The distributions and steps that own what the manifest lists and the disk no longer has."""
        gone = set(_read(os.path.join(self.state, "manifest")).splitlines()) - set(self.entries())
        if not gone:
            return set()
        answer, unowned, pins = set(), set(), self.pins()
        for entry in gone:
            label, _, name = entry.partition("/")
            if re.match(f"(lib)?({'|'.join(INTERFACES)})([-_.]|$)", name):
                answer.add("interfaces")
            elif re.match("(__editable__|openmtz)", name) and label == "site":
                answer.add("project")
            elif name.endswith(".dist-info"):
                found = _normal(name.rsplit("-", 2)[0])
                if found in pins:
                    answer.add(f"damaged {found}=={pins[found]}")
            else:
                unowned.add({"site": "", "lib": "../../", "share": "../../../share/"}[label] + name)
        for folder in self.distributions() if unowned else ():
            name = _normal(folder.rsplit("-", 2)[0])
            paths = [path for path, _ in _record(os.path.join(self.site, folder))]
            if name in pins and any(path == u or path.startswith(u + "/") for path in paths for u in unowned):
                answer.add(f"damaged {name}=={pins[name]}")
        return answer

    def damaged(self) -> set[str]:
        """The distributions of which a file is missing or has another size than when it was installed."""
        answer, pins = set(), self.pins()
        installed = {}
        claimed: dict[str, int] = {}
        for folder in self.distributions():
            name = _normal(folder.rsplit("-", 2)[0])
            version = folder[: -len(".dist-info")].rsplit("-", 1)[-1]
            if name in pins:
                installed[name] = _record(os.path.join(self.site, folder))
                for path, _ in installed[name]:
                    claimed[path] = claimed.get(path, 0) + 1
                if version != pins[name]:
                    answer.add(f"damaged {name}=={pins[name]}")
        for name, record in installed.items():
            for path, size in record:
                if path.endswith(".pyc") or NOT_KEPT.match(path):
                    continue
                try:
                    wrong = (
                        os.stat(os.path.join(self.site, path)).st_size != size
                        and size >= 0
                        and claimed[path] == 1
                    )
                except OSError:
                    wrong = True
                if wrong:
                    print(f"{name}: {path} is missing or changed", file=sys.stderr)
                    answer.add(f"damaged {name}=={pins[name]}")
                    break
        return answer

    def clean(self) -> None:
        """Remove what an interrupted pip left: metadata without its record, and folders being replaced."""
        import shutil

        for name in _listdir(self.site):
            path = os.path.join(self.site, name)
            if name.startswith("~") or (
                name.endswith(".dist-info") and not os.path.exists(os.path.join(path, "RECORD"))
            ):
                print("removing", path)
                shutil.rmtree(path, ignore_errors=True)

    # -- the answer

    def todo(self, deep: bool, tools: bool) -> list[str]:
        healthy = os.path.exists(os.path.join(self.venv, "pyvenv.cfg")) and os.path.isdir(
            os.path.join(self.site, "pip")
        )
        if not healthy or not self.is_done("venv"):
            return ["venv", *STEPS, *([TOOLS] if tools else [])]
        answer = {step for step in STEPS if not self.is_done(step)}
        answer |= self.missing()
        if deep:
            answer |= self.damaged()
        for step, modules in KEY_MODULES.items():
            if step != "interfaces" and self.mode == "sourced":
                continue  # the system's own packages may serve
            if not self._has(modules):
                answer.add(step)
        if tools and not (self.is_done(TOOLS) and self._has(KEY_TOOLS)):
            answer.add(TOOLS)
        if not answer and not os.path.exists(os.path.join(self.state, "manifest")):
            answer.add("manifest")
        return sorted(answer)

    def _has(self, modules: tuple[str, ...]) -> bool:
        return all(os.path.isdir(os.path.join(self.site, module)) for module in modules)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).strip().lower()


def _listdir(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _record(folder: str) -> list[tuple[str, int]]:
    """Path (relative to site-packages) and size of every file of a distribution; -1 where not recorded."""
    import csv

    rows = csv.reader(_read(os.path.join(folder, "RECORD")).splitlines())
    return [(row[0], int(row[2]) if len(row) > 2 and row[2] else -1) for row in rows if row]


def main(arguments: list[str]) -> None:
    environment = Environment(*arguments[:3])
    options = arguments[3:]
    if options[:1] == ["--done"]:
        environment.set_done(options[1])
    elif options == ["--clean"]:
        environment.clean()
    else:
        print("\n".join(environment.todo("--deep" in options, "--tools" in options)))


if __name__ == "__main__":
    main(sys.argv[1:])

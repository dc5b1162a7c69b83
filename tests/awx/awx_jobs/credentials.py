# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a credential of a custom type gives a job: variables of the environment, files, extra variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

# Keeps a text, or a file's content, for the job, and returns its path.
Keep = Callable[[str], Path]


class DefinitionLoader(yaml.SafeLoader):
    """Reads `!unsafe` as the text it marks."""


class UnsafeDumper(yaml.SafeDumper):
    """Marks every text, as AWX does with extra variables."""


DefinitionLoader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))  # type: ignore[arg-type]
UnsafeDumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("!unsafe", text))


def dump_unsafe(variables: Mapping[str, Any]) -> str:
    return yaml.dump(dict(variables), Dumper=UnsafeDumper)


def read_types(file: Path) -> dict[str, dict[str, Any]]:
    """The credential types of playbooks/files/awx, by name."""
    (types,) = yaml.load(file.read_text(), Loader=DefinitionLoader).values()  # noqa: S506 # a SafeLoader
    return {item["name"]: item for item in types}


def inject(definition: Mapping[str, Any], inputs: Mapping[str, Any], keep: Keep) -> tuple[dict[str, str], list[Path]]:
    """Return the variables of the environment, and the files that hold extra variables."""
    injectors = definition["injectors"]
    given = {name: value for name, value in inputs.items() if value}
    namespace: dict[str, Any] = {**given, "tower": SimpleNamespace(filename=SimpleNamespace())}

    def render(template: str) -> str:
        return ImmutableSandboxedEnvironment().from_string(template).render(**namespace)

    for label, template in injectors.get("file", {}).items():
        # `template.NAME`; AWX also knows `template` alone, for a single file.
        setattr(namespace["tower"].filename, label.partition(".")[2], keep(render(template)))
    environment = {name: render(template) for name, template in injectors.get("env", {}).items()}
    extra = {name: render(template) for name, template in injectors.get("extra_vars", {}).items()}
    return environment, [keep(dump_unsafe(extra))] if extra else []

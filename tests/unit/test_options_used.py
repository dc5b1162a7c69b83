# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of every module is used by an integration target, in a call that is meant to work.

Read from the targets' YAML: a module's arguments, the defaults of the action group, the arguments that setup_sandbox's
cycle.yml is given, and what the role passes on. A template counts for the dictionaries written in it and for the
variables it names, as far as the target says what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from awx_jobs.credentials import DefinitionLoader
from jinja2 import Environment, TemplateSyntaxError, nodes

from ansible_collections.fleetops.argocd.plugins.module_utils import arguments

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ROOT / "tests" / "integration" / "targets"
SPECS = {
    f"fleetops.argocd.{spec.name}": spec for spec in vars(arguments).values() if isinstance(spec, arguments.ModuleSpec)
}
GROUPS = ("group/fleetops.argocd.argocd", "group/fleetops.argocd.argocd_user")
# Templates come in {{ }} only; filters need not exist to be parsed.
JINJA = Environment(autoescape=True)


def mappings(shape: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in it, itself included."""
    if isinstance(shape, dict):
        yield shape
    for item in shape.values() if isinstance(shape, dict) else shape if isinstance(shape, list) else ():
        yield from mappings(item)


def written(node: nodes.Node) -> Any:
    """What a Jinja expression says literally; None for the rest of it."""
    if isinstance(node, nodes.Dict):
        return {written(pair.key): written(pair.value) for pair in node.items}
    if isinstance(node, nodes.List):
        return [written(item) for item in node.items]
    return node.value if isinstance(node, nodes.Const) else None


class Target:
    """The YAML of one target."""

    def __init__(self, documents: list[Any]) -> None:
        self._mappings = [mapping for document in documents for mapping in mappings(document)]

    def values_of(self, name: str) -> Iterator[Any]:
        """What the target gives for the name, anywhere: as a variable, or as a key of one."""
        return (mapping[name] for mapping in self._mappings if name in mapping)

    def parts(self, value: Any, seen: frozenset[str] = frozenset()) -> Iterator[Any]:
        """The literal values that `value` may be, or may be put together from."""
        if not isinstance(value, str) or "{{" not in value:
            yield value
            return
        try:
            expression = JINJA.parse(value)
        except TemplateSyntaxError:
            return
        yield from (written(node) for node in expression.find_all(nodes.Dict))
        names = {node.name for node in expression.find_all(nodes.Name)}
        names |= {node.attr for node in expression.find_all(nodes.Getattr)}
        for name in names - seen:
            for found in self.values_of(name):
                yield from self.parts(found, seen | names)

    def calls(self) -> Iterator[tuple[str, Any]]:
        """Module and arguments of every call."""
        for mapping in self._mappings:
            yield from ((module, mapping[module]) for module in SPECS if module in mapping)
            defaults = mapping.get("module_defaults") or {}
            for group in GROUPS:
                if isinstance(defaults, dict) and group in defaults:
                    yield from ((module, defaults[group]) for module in self.modules())
            if "cycle_args" in mapping:
                yield from ((module, mapping["cycle_args"]) for module in self.cycled(mapping))

    def modules(self) -> set[str]:
        return {module for mapping in self._mappings for module in SPECS if module in mapping}

    def cycled(self, mapping: dict[str, Any]) -> set[str]:
        named = [mapping["cycle_module"]] if "cycle_module" in mapping else self.values_of("cycle_module")
        return {part for name in named for part in self.parts(name) if part in SPECS}

    def used(self) -> set[str]:
        """`<module> <option>` and `<module> <option>.<suboption>` of every call."""
        return {
            f"{module} {option}"
            for module, given in self.calls()
            for option in self._options(SPECS[module].argument_spec, given)
        }

    def _options(self, spec: arguments.Spec, given: Any, before: str = "") -> Iterator[str]:
        for part in self.parts(given):
            for mapping in part if isinstance(part, list) else [part]:
                for name in (mapping.keys() & spec.keys()) if isinstance(mapping, dict) else ():
                    yield before + name
                    yield from self._options(spec[name].get("options") or {}, mapping[name], f"{before}{name}.")


def documents_of(directory: Path) -> list[Any]:
    files = sorted(directory.rglob("*.yml"))
    # A SafeLoader that knows `!unsafe`.
    return [document for file in files for document in yaml.load_all(file.read_text(), DefinitionLoader)]


def shared_with(directory: Path) -> list[Any]:
    """What the target includes of others: `../<target>/<file>`."""
    named = [mapping.get("ansible.builtin.include_tasks") for mapping in mappings(documents_of(directory))]
    others = {Path(name).parts[1] for name in named if isinstance(name, str) and name.startswith("../")}
    return [document for other in sorted(others) for document in documents_of(TARGETS / other)]


def used_by_all() -> set[str]:
    role = documents_of(ROOT / "roles" / "argocd_user" / "tasks")
    used: set[str] = set()
    for directory in sorted(path for path in TARGETS.iterdir() if path.is_dir()):
        documents = documents_of(directory) + shared_with(directory)
        used |= Target(documents + (role if directory.name == "role_argocd_user" else [])).used()
    return used


def all_options(spec: arguments.Spec, before: str) -> Iterator[str]:
    for name, option in spec.items():
        yield before + name
        yield from all_options(option.get("options") or {}, f"{before}{name}.")


@pytest.mark.parametrize("module", SPECS)
def test_every_option_is_used_by_a_target(module: str) -> None:
    assert sorted(set(all_options(SPECS[module].argument_spec, f"{module} ")) - used_by_all()) == []


TOKEN = "fleetops.argocd.argocd_token"


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("- fleetops.argocd.argocd_token: {account: a, store: [{file: f}]}", {"account", "store", "store.file"}),
        ("- fleetops.argocd.argocd_token: \"{{ base | combine({'recover': true}) }}\"", {"recover"}),
        ("- vars: {base: {account: a}}\n  fleetops.argocd.argocd_token: '{{ base }}'", {"account"}),
        ("- vars: {cycle_module: fleetops.argocd.argocd_token, cycle_args: {account: a}}", {"account"}),
        (
            "- vars: {m: fleetops.argocd.argocd_token, cycle_module: '{{ m }}'}\n- vars: {cycle_args: {account: a}}",
            {"account"},
        ),
        (
            """
            - module_defaults: {group/fleetops.argocd.argocd: '{{ way.one }}'}
              block: [fleetops.argocd.argocd_token: {}]
            - loop: [{one: {context: c}}]
            """,
            {"context"},
        ),
        ("- vars: {refused_module: fleetops.argocd.argocd_token, refused_args: {account: a}}", set()),
        ("- vars: {account: a}\n  fleetops.argocd.argocd_token: {nothing: 1}", set()),
    ],
)
def test_what_counts_as_used(text: str, used: set[str]) -> None:
    assert Target([yaml.safe_load(text)]).used() == {f"{TOKEN} {option}" for option in used}

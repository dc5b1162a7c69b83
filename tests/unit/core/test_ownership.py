# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else owns an object: what would be undone is refused, what might be is warned of."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.argocd.plugins.module_utils._core.ownership import Owner, check_owners, find_owners

OPERATOR = {"ownerReferences": [{"apiVersion": "argoproj.io/v1beta1", "kind": "ArgoCD", "name": "main"}]}
TRACKED = {"annotations": {"argocd.argoproj.io/tracking-id": "argo:/ConfigMap:argocd/argocd-cm"}}
HELM = {"annotations": {"meta.helm.sh/release-name": "argo"}}

FOUND: dict[str, tuple[dict[str, Any], list[Owner]]] = {
    "nobody": ({}, []),
    "nulls": ({"ownerReferences": None, "annotations": None}, []),
    "operator": (OPERATOR, [Owner("operator", "ArgoCD main", reverts=True)]),
    "another-controller": ({"ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}]}, []),
    "argo-cd-itself": (TRACKED, [Owner("argocd", "Application argo", reverts=True)]),
    "helm": (HELM, [Owner("helm", "release argo", reverts=False)]),
    "a-label-is-no-owner": ({"labels": {"meta.helm.sh/release-name": "argo"}}, []),
}


@pytest.mark.parametrize(("metadata", "owners"), FOUND.values(), ids=FOUND)
def test_owners_are_found_in_the_metadata(metadata: dict[str, Any], owners: list[Owner]) -> None:
    assert find_owners(metadata) == owners


def warning(owner: str) -> str:
    return (
        f"ConfigMap argocd-cm belongs to {owner}, and the next change there may undo this one; put this there:\nkey: x"
    )


@pytest.mark.parametrize(
    ("metadata", "owner"), [(OPERATOR, "ArgoCD main (operator)"), (TRACKED, "Application argo (argocd)")]
)
def test_an_owner_that_reverts_is_refused_with_what_to_put_there_unless_forced(
    metadata: dict[str, Any], owner: str
) -> None:
    shown = {"name": "argocd-cm", **metadata}
    with pytest.raises(Refused) as caught:
        check_owners(shown, fragment="key: x", force=False)
    assert str(caught.value) == (
        f"cannot write ConfigMap argocd-cm: it belongs to {owner}, which would undo the change; put this there "
        "instead, or set force_owner to true:\nkey: x"
    )
    assert check_owners(shown, fragment="key: x", force=True) == [warning(owner)]


def test_helm_without_gitops_is_a_warning_only() -> None:
    assert check_owners({"name": "argocd-cm", **HELM}, fragment="key: x", force=False) == [
        warning("release argo (helm)")
    ]
    assert check_owners({"name": "argocd-cm"}, fragment="key: x", force=False) == []

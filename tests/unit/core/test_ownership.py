# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else owns an object: what would be undone is refused, what might be is warned of."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.argocd.plugins.module_utils._core.ownership import (
    Application,
    Owner,
    check_owners,
    find_owners,
    find_secret_owners,
    heals_itself,
    is_local_user,
    last_writers,
    other_writers,
    tracking_application,
)

KEY = "accounts.octopus"
KEYS: dict[str, str | None] = {KEY: "apiKey,login", f"{KEY}.enabled": "true"}
OPERATOR = {"ownerReferences": [{"apiVersion": "argoproj.io/v1beta1", "kind": "ArgoCD", "name": "main"}]}
CHART = {"helm.sh/chart": "argo-cd-9.1.4", "app.kubernetes.io/instance": "argo"}
HELM = {"annotations": {"meta.helm.sh/release-name": "argo"}, "labels": CHART}
RENDERED = {"labels": CHART}
ARGO = Application("", "argo", certain=True)

# The metadata, the Application that was found, whether it heals itself, the owners.
FOUND: dict[str, tuple[dict[str, Any], Application | None, bool | None, list[Owner]]] = {
    "nobody": ({}, None, None, []),
    "nulls": ({"ownerReferences": None, "annotations": None, "labels": None}, None, None, []),
    "operator": (OPERATOR, None, None, [Owner("operator", "ArgoCD main", reverts=True)]),
    "another-controller": (
        {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}]},
        None,
        None,
        [],
    ),
    "another-of-argo-projects": (
        {"ownerReferences": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "x"}]},
        None,
        None,
        [],
    ),
    "argo-cd-that-heals": ({}, ARGO, True, [Owner("argocd", "Application argo", reverts=True)]),
    "argo-cd-that-does-not-say": ({}, ARGO, None, [Owner("argocd", "Application argo", reverts=True)]),
    "argo-cd-that-does-not-heal": ({}, ARGO, False, [Owner("argocd", "Application argo", reverts=False)]),
    "helm": (HELM, None, None, [Owner("helm", "release argo", reverts=False)]),
    "a-chart-that-somebody-rendered": (RENDERED, None, None, [Owner("helm", "chart argo-cd-9.1.4", reverts=False)]),
    "a-chart-that-argo-cd-renders": (RENDERED, ARGO, False, [Owner("argocd", "Application argo", reverts=False)]),
    "a-label-is-no-release": ({"labels": {"meta.helm.sh/release-name": "argo"}}, None, None, []),
}


@pytest.mark.parametrize(("metadata", "application", "heals", "owners"), FOUND.values(), ids=FOUND)
def test_owners_are_found_in_the_metadata(
    metadata: dict[str, Any],
    application: Application | None,
    heals: bool | None,  # noqa: FBT001 # a column of the table
    owners: list[Owner],
) -> None:
    assert find_owners(metadata, application, heals=heals) == owners


TRACKED: dict[str, tuple[dict[str, Any], str, Application | None]] = {
    "not": ({}, "", None),
    "by-annotation": (
        {"annotations": {"argocd.argoproj.io/tracking-id": "argo:/ConfigMap:argocd/argocd-cm"}},
        "",
        Application("", "argo", certain=True),
    ),
    "by-annotation-of-another-namespace": (
        {"annotations": {"argocd.argoproj.io/tracking-id": "apps_argo:/ConfigMap:argocd/argocd-cm"}},
        "",
        Application("apps", "argo", certain=True),
    ),
    "by-label": ({"labels": CHART}, "", Application("", "argo", certain=False)),
    "by-a-label-of-its-own": ({"labels": {"our/instance": "cd"}}, "our/instance", Application("", "cd", certain=False)),
    "by-another-label": ({"labels": CHART}, "our/instance", None),
    "helm-has-the-same-label": (HELM, "", None),
}


@pytest.mark.parametrize(("metadata", "label", "application"), TRACKED.values(), ids=TRACKED)
def test_the_application_is_found_by_its_mark(
    metadata: dict[str, Any], label: str, application: Application | None
) -> None:
    assert tracking_application(metadata, label=label) == application


@pytest.mark.parametrize(
    ("spec", "heals"),
    [
        ({}, False),
        ({"syncPolicy": None}, False),
        ({"syncPolicy": {"automated": None}}, False),
        ({"syncPolicy": {"automated": {}}}, False),
        ({"syncPolicy": {"automated": {"prune": True}}}, False),
        ({"syncPolicy": {"automated": {"selfHeal": True}}}, True),
        ({"syncPolicy": {"automated": {"selfHeal": True, "enabled": False}}}, False),
    ],
)
def test_an_application_heals_itself_where_it_says_so(
    spec: dict[str, Any],
    heals: bool,  # noqa: FBT001 # a column of the table
) -> None:
    assert heals_itself({"spec": spec}) is heals


def test_the_accounts_of_the_operator_are_known_by_name() -> None:
    resource = {"spec": {"localUsers": [{"name": "ci"}, {"name": "octopus"}]}}
    assert is_local_user(resource, "octopus")
    assert not is_local_user(resource, "octopus-eu")
    assert not is_local_user({"spec": {}}, "octopus")


# --- what to put there ---------------------------------------------------------------------------------------------

ACCOUNT_LINES = "    accounts.octopus: apiKey,login\n    accounts.octopus.enabled: {}\n"
FRAGMENTS = {
    "operator": (OPERATOR, None, 'spec:\n  extraConfig:\n    accounts.octopus: apiKey,login\n    {}: "true"\n'),
    "argocd": ({}, ARGO, 'data:\n  accounts.octopus: apiKey,login\n  {}: "true"\n'),
    "argocd-with-the-chart": (RENDERED, ARGO, 'configs:\n  cm:\n    accounts.octopus: apiKey,login\n    {}: "true"\n'),
}
OWNER_WORDS = {
    "operator": "ArgoCD main (operator)",
    "argocd": "Application argo (argocd)",
    "argocd-with-the-chart": "Application argo (argocd)",
}


@pytest.mark.parametrize("case", FRAGMENTS)
def test_an_owner_that_reverts_is_refused_with_what_to_put_there_unless_forced(case: str) -> None:
    metadata, application, text = FRAGMENTS[case]
    shown, fragment = {"name": "argocd-cm", **metadata}, text.format(f"{KEY}.enabled")
    owners = find_owners(shown, application)
    with pytest.raises(Refused) as caught:
        check_owners(shown, owners, KEYS, force=False)
    assert str(caught.value) == (
        f"cannot write ConfigMap argocd-cm: it belongs to {OWNER_WORDS[case]}, which would undo the change; put this "
        f"there instead, or set force_owner to true:\n{fragment}"
    )
    (warning,) = check_owners(shown, owners, KEYS, force=True)
    assert warning == (
        f"ConfigMap argocd-cm belongs to {OWNER_WORDS[case]}, and the next change there may undo this one; put this "
        f"there:\n{fragment}"
    )


def test_helm_without_gitops_is_a_warning_only() -> None:
    shown = {"name": "argocd-cm", **HELM}
    (warning,) = check_owners(shown, find_owners(shown), {KEY: "apiKey"}, force=False)
    assert warning == (
        "ConfigMap argocd-cm belongs to release argo (helm), and the next change there may undo this one; put this "
        "there:\nconfigs:\n  cm:\n    accounts.octopus: apiKey\n"
    )
    assert check_owners({"name": "argocd-cm"}, [], KEYS, force=False) == []


def test_the_fragment_of_a_policy_is_in_the_owners_own_words() -> None:
    keys: dict[str, str | None] = {"policy.csv": "p, a, b, c, d, allow\n", "policy.default": "role:x", "scopes": None}
    operator = {"name": "argocd-rbac-cm", **OPERATOR}
    (warning,) = check_owners(operator, find_owners(operator), keys, force=True)
    assert warning.endswith(
        "there:\nspec:\n  rbac:\n    policy: |\n      p, a, b, c, d, allow\n"
        '    defaultPolicy: "role:x"\n    scopes: ""\n'
    )
    helm = {"name": "argocd-rbac-cm", **HELM}
    (warning,) = check_owners(helm, find_owners(helm), keys, force=True)
    assert warning.endswith(
        'configs:\n  rbac:\n    policy.csv: |\n      p, a, b, c, d, allow\n    policy.default: "role:x"\n'
        "    # without scopes\n"
    )


# --- who wrote last ------------------------------------------------------------------------------------------------


def managed(manager: str, time: str, *keys: str) -> dict[str, Any]:
    fields = {".": {}, **{f"f:{key}": {} for key in keys}}
    return {"manager": manager, "time": time, "operation": "Update", "fieldsV1": {"f:data": fields}}


FOLLOWED = {
    "managedFields": [
        managed("kubectl-edit", "2026-01-01T00:00:00Z", "policy.csv", "policy.default"),
        managed("argocd-controller", "2026-01-03T00:00:00Z", "policy.csv"),
        managed("fleetops.argocd", "2026-01-04T00:00:00Z", "policy.octopus.csv"),
        {"manager": "labeller", "time": "2026-01-05T00:00:00Z", "fieldsV1": {"f:metadata": {"f:labels": {}}}},
    ]
}


def test_the_last_writer_of_each_key_is_named() -> None:
    assert last_writers(FOLLOWED, ["policy.csv", "policy.default", "scopes"]) == {
        "policy.csv": "argocd-controller at 2026-01-03T00:00:00Z",
        "policy.default": "kubectl-edit at 2026-01-01T00:00:00Z",
    }
    assert last_writers({}, ["policy.csv"]) == {}
    assert other_writers(FOLLOWED) == [
        "argocd-controller at 2026-01-03T00:00:00Z",
        "kubectl-edit at 2026-01-01T00:00:00Z",
    ]


def test_the_message_names_them() -> None:
    shown = {"name": "argocd-rbac-cm", **OPERATOR, **FOLLOWED}
    with pytest.raises(
        Refused, match=r"undo the change \(last written: policy\.csv by argocd-controller at 2026-01-03"
    ):
        check_owners(shown, find_owners(shown), {"policy.csv": "x\n"}, force=False)


# --- argocd-secret -------------------------------------------------------------------------------------------------

EXTERNAL = {"annotations": {"reconcile.external-secrets.io/data-hash": "x"}}
SEALED = {"annotations": {"sealedsecrets.bitnami.com/managed": "true"}}
PATCHED = {"annotations": {**SEALED["annotations"], "sealedsecrets.bitnami.com/patch": "true"}}
ESO_WRITES = managed("externalsecrets.external-secrets.io/argocd", "2026-01-01T00:00:00Z", f"{KEY}.password")
SECRETS: dict[str, tuple[dict[str, Any], list[Owner]]] = {
    "nobody": ({}, []),
    "helm-and-argo-cd-leave-our-keys-alone": ({**HELM, **OPERATOR}, []),
    "external-secrets-owns-it": (
        {"ownerReferences": [{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "cd"}]},
        [Owner("external-secrets", "ExternalSecret cd", reverts=True)],
    ),
    "external-secrets-merges-other-keys": (EXTERNAL, [Owner("external-secrets", "External Secrets", reverts=False)]),
    "external-secrets-writes-our-key": (
        {**EXTERNAL, "managedFields": [ESO_WRITES]},
        [Owner("external-secrets", "External Secrets", reverts=True)],
    ),
    "sealed-secrets": (SEALED, [Owner("sealed-secrets", "Sealed Secrets", reverts=True)]),
    "sealed-secrets-owns-it": (
        {"ownerReferences": [{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "cd"}]},
        [Owner("sealed-secrets", "SealedSecret cd", reverts=True)],
    ),
    "sealed-secrets-patches": (PATCHED, [Owner("sealed-secrets", "Sealed Secrets", reverts=False)]),
}


@pytest.mark.parametrize(("metadata", "owners"), SECRETS.values(), ids=SECRETS)
def test_owners_of_the_secret_are_found(metadata: dict[str, Any], owners: list[Owner]) -> None:
    assert find_secret_owners(metadata, [f"{KEY}.password"]) == owners


@pytest.mark.parametrize(
    ("case", "fragment"),
    [
        ("external-secrets-owns-it", "spec:\n  target:\n    creationPolicy: Merge\n"),
        ("sealed-secrets", 'metadata:\n  annotations:\n    sealedsecrets.bitnami.com/patch: "true"\n'),
    ],
)
def test_what_makes_them_leave_our_keys_alone_is_said_and_no_value(case: str, fragment: str) -> None:
    metadata = {"name": "argocd-secret", **SECRETS[case][0]}
    with pytest.raises(Refused) as caught:
        check_owners(metadata, SECRETS[case][1], {f"{KEY}.password": "a hash"}, force=False, noun="Secret")
    assert str(caught.value).startswith("cannot write Secret argocd-secret: it belongs to ")
    assert str(caught.value).endswith(fragment)
    assert "a hash" not in str(caught.value)

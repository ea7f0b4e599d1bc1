"""Pod templates: Kubernetes' own terms, typed and closed, with the mistakes that can be seen in them."""

from __future__ import annotations

import pytest
import yaml

from mmpipe.spec import SpecError, parse
from mmpipe.spec.template import PodTemplate

HEAD = "apiVersion: mmpipe.dev/v1alpha1\nkind: MultimodalPipeline\nmetadata: {name: media}\n"

WHOLE = """
labels: {team: search}
annotations: {example.com/note: "anything, also with blanks"}
image: mmpipe/services:1
imagePullPolicy: IfNotPresent
imagePullSecrets: [{name: pull}]
resources: {requests: {cpu: 500m, memory: 1.5Gi}, limits: {nvidia.com/gpu: "1"}}
env:
- {name: A, value: "1"}
- {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}
- {name: C, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
volumes:
- {name: models, persistentVolumeClaim: {claimName: models, readOnly: true}}
- {name: scratch, emptyDir: {sizeLimit: 1Gi}}
volumeMounts: [{name: models, mountPath: /models, readOnly: true}]
nodeSelector: {disk: fast}
tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a]}]}]
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 1
      podAffinityTerm: {topologyKey: zone, labelSelector: {matchLabels: {app: a}}}
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]
runtimeClassName: gvisor
priorityClassName: high
schedulerName: other
"""


def _worker(template: str) -> PodTemplate:
    return parse(f"{HEAD}spec: {{worker: {{template: {template}}}}}").spec.worker.template


def test_the_whole_template_is_read_and_written_back_as_it_was() -> None:
    written = yaml.safe_load(WHOLE)
    document = yaml.safe_load(HEAD) | {"spec": {"worker": {"template": written}}}

    template = parse(yaml.safe_dump(document)).spec.worker.template

    assert template.model_dump(mode="json", by_alias=True, exclude_unset=True) == written


PROBLEMS = {
    "{hostNetwork: true}": "hostNetwork: found an unknown field",
    "{volumes: [{name: a, hostPath: {path: /}}]}": "volumes[0].hostPath: found an unknown field",
    "{volumes: [{name: a}]}": "volumes[0]: found nothing, expected exactly one source of the volume",
    "{volumes: [{name: a, emptyDir: {}, csi: {driver: d}}]}": "volumes[0]: found emptyDir, csi, expected exactly one",
    "{volumes: [{name: a, emptyDir: {}}, {name: a, emptyDir: {}}]}": "volumes: found a twice",
    "{env: [{name: A}, {name: A}]}": "env: found A twice",
    "{env: [{name: A, valueFrom: {}}]}": "env[0].valueFrom: found nothing, expected exactly one source",
    "{env: [{name: A, value: a, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]}": "env[0].valueFrom: found it",
    "{volumeMounts: [{name: a, mountPath: /a}, {name: b, mountPath: /a}]}": "volumeMounts: found /a twice",
    "{volumeMounts: [{name: a, mountPath: a}]}": "volumeMounts[0].mountPath: found 'a', expected text like",
    "{imagePullSecrets: [{name: a}, {name: a}]}": "imagePullSecrets: found a twice",
    "{resources: {requests: {cpu: half}}}": "resources.requests.cpu: found 'half', expected text like",
    "{labels: {team: 'two words'}}": "labels.team: found 'two words', expected text like",
    "{imagePullPolicy: Sometimes}": "imagePullPolicy: found 'Sometimes'",
    "{tolerations: [{operator: Equals}]}": "tolerations[0].operator: found 'Equals'",
}


@pytest.mark.parametrize(("template", "problem"), PROBLEMS.items(), ids=PROBLEMS)
def test_a_mistake_in_a_template_is_named_by_its_field(template: str, problem: str) -> None:
    with pytest.raises(SpecError) as caught:
        _worker(template)

    assert [str(each).startswith(f"spec.worker.template.{problem}") for each in caught.value.problems] == [True]


def test_an_empty_template_changes_nothing() -> None:
    assert _worker("{}") == PodTemplate()

"""What kubectl complained about, told apart and said with a remedy. Pure: it reads kubectl's own words.

MmpipeError
 └── PluginError           what was asked for cannot be had          exit code 2
      ├── NoKubectl        there is no kubectl to run                 2
      ├── NoContext        the kubeconfig has no such cluster         2
      ├── NotServed        the cluster does not know a kind           2
      ├── NotFound         there is no object of that name            2
      └── ClusterError     the API server cannot be used              3
           ├── Forbidden   the user lacks a right                     3
           ├── Unreachable nobody answers, or the login is not valid  3
           └── Complained  anything else, in kubectl's own words      3
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mmpipe.errors import MmpipeError
from mmpipe.telemetry.secrets import starred
from mmpipe_operator import names

PIPELINES = f"{names.PLURAL}.{names.GROUP}"
"""What kubectl calls the pipelines, whoever else has a kind of that name."""

_FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]*)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]*)")?'
)
_NOT_FOUND = re.compile(r'\(NotFound\): (?P<kind>\S+) "(?P<name>[^"]*)" not found')
_NOT_SERVED = re.compile(r'the server doesn\'t have a resource type "(?P<kind>[^"]*)"|no matches for kind')
_NO_CONTEXT = re.compile(
    r"context .* does not exist|Error in configuration|no configuration has been provided|stat \S+: no such file"
)
_ANSWERED = re.compile(r"Error from server \((?P<reason>\w+)\): (?P<text>.*)")
_UNSERVED = ("the server could not find the requested resource", "the server is currently unable to handle the request")
_NO_LOGIN = re.compile(r"Unauthorized|must be logged in|provide credentials|getting credentials")
_NO_ANSWER = re.compile(
    r"connection to the server|Unable to connect|connection refused|no such host|i/o timeout|context deadline exceeded"
    r"|was refused|TLS handshake|x509|ServiceUnavailable|net/http"
)


class PluginError(MmpipeError):
    """What was asked for cannot be had."""


class NoKubectl(PluginError):  # noqa: N818  # says what is the case, as mmpipe's other faults do
    """There is no kubectl to run."""

    def __init__(self) -> None:
        remedy = "install kubectl (kubernetes.io/docs/tasks/tools), or add its folder to PATH"
        super().__init__(f"kubectl: found none on PATH; expected the program that reaches your cluster; {remedy}")


class NoContext(PluginError):  # noqa: N818  # as NoKubectl
    """The kubeconfig names no such cluster."""


class NotServed(PluginError):  # noqa: N818  # as NoKubectl
    """The cluster does not know a kind."""


class NotFound(PluginError):  # noqa: N818  # as NoKubectl
    """There is no object of that name."""


class ClusterError(PluginError):
    """The API server cannot be used."""

    exit_code = 3


class Forbidden(ClusterError):  # noqa: N818  # as NoKubectl
    """The user lacks a right."""


class Unreachable(ClusterError):  # noqa: N818  # as NoKubectl
    """Nobody answers, or the login is not valid."""


class Complained(ClusterError):  # noqa: N818  # as NoKubectl
    """Anything else, in kubectl's own words."""


def fault(what: str, complaint: str) -> PluginError:
    """The error that kubectl's ``complaint`` (its stderr) means; ``what`` was asked for."""
    said = _first_line(complaint)
    for pattern, read in _READERS_OF_A_PATH if "--raw" in what else _READERS:
        if found := pattern.search(complaint):
            return read(what, said, found)
    return Complained(f"{what}: kubectl said {said!r}; run it by hand, with -v=6 for more")


def _forbidden(_what: str, _said: str, found: re.Match[str]) -> PluginError:
    """Which right is missing, where, and how to ask for it."""
    resource = f"{found['resource']}.{found['group']}".rstrip(".")
    where = f" in namespace {found['namespace']}" if found["namespace"] else " in the whole cluster"
    scope = f" -n {found['namespace']}" if found["namespace"] else " --all-namespaces"
    remedy = f"ask for that right; kubectl auth can-i {found['verb']} {resource}{scope} says whether you have it"
    lacking = f"{found['user']} may not {found['verb']} them{where}"
    return Forbidden(f"{resource}: found that {lacking}; expected the right; {remedy}")


def _not_served(what: str, _said: str, _found: re.Match[str]) -> PluginError:
    if PIPELINES not in what:
        return NotServed(f"{what}: found that this cluster does not serve them; expected their API; leave them out")
    remedy = "install the operator (helm install mmpipe charts/mmpipe), or choose another cluster with --context"
    expected = "the CustomResourceDefinition"
    return NotServed(f"{PIPELINES}: found no such kind in this cluster; expected {expected}; {remedy}")


def _not_found(_what: str, _said: str, found: re.Match[str]) -> PluginError:
    return NotFound(f"{found['kind']} {found['name']}: found none; expected one of that name; correct the name")


def _answered(what: str, _said: str, found: re.Match[str]) -> PluginError:
    """Who serves that path said it, if anybody does."""
    text = starred(found["text"].strip())
    if not text.startswith(_UNSERVED):
        return Complained(f"{what}: found {found['reason']}: {text}; see who serves that API")
    remedy = "see kubectl get apiservices, and whether the chart's metricsAdapter (or KEDA) runs"
    return NotServed(f"{what}: found nobody who answers ({found['reason']}); expected a metrics adapter; {remedy}")


def _no_login(what: str, said: str, _found: re.Match[str]) -> PluginError:
    return Unreachable(f"{what}: found no valid login ({said}); expected one; log in to the cluster again")


def _no_context(what: str, said: str, _found: re.Match[str]) -> PluginError:
    remedy = "kubectl config get-contexts lists what there is"
    return NoContext(f"{what}: found {said}; expected a cluster to ask; {remedy}")


def _no_answer(what: str, said: str, _found: re.Match[str]) -> PluginError:
    remedy = "see kubectl cluster-info, and --context for another cluster"
    return Unreachable(f"{what}: found no API server ({said}); expected an answer; {remedy}")


_READERS: tuple[tuple[re.Pattern[str], Callable[[str, str, re.Match[str]], PluginError]], ...] = (
    (_FORBIDDEN, _forbidden),
    (_NOT_SERVED, _not_served),
    (_NOT_FOUND, _not_found),
    (_NO_LOGIN, _no_login),
    (_NO_CONTEXT, _no_context),
    (_NO_ANSWER, _no_answer),
)
"""Tried in this order: the more certain first."""
_READERS_OF_A_PATH = ((_FORBIDDEN, _forbidden), (_ANSWERED, _answered), *_READERS[1:])
"""Behind a path stands any server: what it answers is its own, not the API server's."""


def _first_line(complaint: str) -> str:
    """The line that says it, without passwords; kubectl's own log lines (klog: E1124 ...) only where nothing else."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    spoken = [line for line in lines if not re.match(r"[EWIF]\d{4} ", line)]
    return starred((spoken or lines or ["nothing"])[0].removeprefix("error: ").removeprefix("Error from server "))

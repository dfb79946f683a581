"""The manifests for Kubernetes are valid, agree with each other, and their commands do what they say, as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.target.settings.options import OPTIONS, SECRET_VARIABLES
from tests.ci.pipeline import KIT
from tests.run.command import environment, report_of
from tests.waiting import RUN_PATIENCE_S

KUBERNETES = KIT / "kubernetes"
VARIANTS = ("volume", "bucket")
CHOSEN = ("--workers=0", "--requirement=RUL-08", "--requirement=BAN-08")

_REAL = '#!/bin/sh\nexec {python} -m conformance.commands.cli "$@"\n'
_PRETENDED = '#!/bin/sh\necho "$@" >> "$LOG"\n[ "$1" != run ] || exit "$CODE"\n'
_RCLONE = """\
#!/bin/sh
# Stands in for rclone: the bucket is a folder, and what is excluded does no harm.
where() { case "$1" in bucket:*) echo "$STORE/${1#bucket:}" ;; *) echo "$1" ;; esac; }
command="$1"; shift
while [ $# -gt 0 ]; do case "$1" in --exclude | --include) shift 2 ;; --*) shift ;; *) break ;; esac; done
from="$(where "$1")"
case "$command" in
lsf) cd "$from" && find . -name done | sed 's|^\\./||' ;;
copy) to="$(where "$2")"; mkdir -p "$to"; if [ -d "$from" ]; then cp -r "$from/." "$to/"; else cp "$from" "$to/"; fi ;;
esac
"""


def documents(variant: str) -> list[dict[str, Any]]:
    """What ``kubectl apply -k`` sends, but for the names of generated ConfigMaps."""
    folder = KUBERNETES / variant
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = []
    for resource in kustomization["resources"]:
        if (folder / resource).is_dir():
            found += documents(os.path.relpath(folder / resource, KUBERNETES))
        else:
            found += yaml.safe_load_all((folder / resource).read_text(encoding="utf-8"))
    for generator in kustomization.get("configMapGenerator", ()):
        data = {name: (folder / name).read_text(encoding="utf-8") for name in generator["files"]}
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": data})
    for patch in kustomization.get("patches", ()):
        change = yaml.safe_load((folder / patch["path"]).read_text(encoding="utf-8"))
        (index,) = [number for number, one in enumerate(found) if _name(one) == _name(change)]
        found[index] = patched(found[index], change)
    return found


def _name(document: dict[str, Any]) -> tuple[str, str]:
    return document["kind"], document["metadata"]["name"]


def patched(value: Any, change: Any) -> Any:
    """A strategic merge: objects by key, where null removes one, and lists of named objects by their names."""
    if isinstance(value, dict) and isinstance(change, dict):
        merged = {
            key: patched(value.get(key), change[key]) if key in change else value[key] for key in {**value, **change}
        }
        return {key: member for key, member in merged.items() if member is not None}
    if isinstance(value, list) and isinstance(change, list) and all(isinstance(one, dict) for one in (*value, *change)):
        by_name = {one["name"]: one for one in value}
        return list({**by_name, **{one["name"]: patched(by_name.get(one["name"], {}), one) for one in change}}.values())
    return change


def one(kind: str, name: str, variant: str = "volume") -> dict[str, Any]:
    return next(document for document in documents(variant) if _name(document) == (kind, name))


@pytest.mark.parametrize("variant", VARIANTS)
def test_manifests_are_valid(variant: str) -> None:
    for document in documents(variant):
        kubernetes_validate.validate(document, "1.37", strict=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_pods_refer_to_is_there(variant: str) -> None:
    found = documents(variant)
    names = {_name(document) for document in found}
    for job in (document for document in found if document["kind"] == "Job"):
        pod = job["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for volume in volumes.values():
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in names
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in names
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes.keys()
            (shell, script) = container["command"]
            scripts = next(m["name"] for m in container["volumeMounts"] if script.startswith(m["mountPath"] + "/"))
            data = one("ConfigMap", volumes[scripts]["configMap"]["name"], variant)["data"]
            assert (shell, Path(script).name in data) == ("sh", True)
            assert container["securityContext"]["readOnlyRootFilesystem"]


def test_there_are_as_many_shards_as_pods() -> None:
    job, config = one("Job", "conformance-shards")["spec"], one("ConfigMap", "conformance")["data"]
    assert str(job["completions"]) == str(job["parallelism"]) == config["SHARDS"]
    assert job["completionMode"] == "Indexed"
    known = {option.variable for option in OPTIONS} | set(SECRET_VARIABLES)
    (container,) = job["template"]["spec"]["containers"]
    named = {*config, *(entry["name"] for entry in container["env"])}
    assert {name for name in named if name.startswith("EMQX_CONFORMANCE")} <= known


class Pods:
    """Runs the commands of containers as they stand, with the folders of this machine where they mount theirs."""

    def __init__(self, folder: Path, script: str, env: dict[str, str]) -> None:
        self.reports, self.log = folder / "reports", folder / "log"
        self._bin = folder / "bin"
        self._bin.mkdir()
        for name, text in {"emqx-conformance": script, "rclone": _RCLONE}.items():
            (self._bin / name).write_text(text.format(python=sys.executable) if text is _REAL else text)
            (self._bin / name).chmod(0o755)
        (folder / "store").mkdir()
        config = {**one("ConfigMap", "conformance")["data"], "SHARDS": "2", "REPORTS": str(self.reports)}
        own = {"LOG": str(self.log), "STORE": str(folder / "store"), "PAUSE_S": "1", "BUCKET": "b"}
        self._env = {**config, **env, **own, "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}"}
        self._folder = folder

    def run(self, job: str, container: str, *arguments: str, variant: str = "volume", **env: str) -> int:
        pod = one("Job", job, variant)["spec"]["template"]["spec"]
        found = next(c for c in (*pod["containers"], *pod.get("initContainers", ())) if c["name"] == container)
        shell, script = found["command"]
        room = KUBERNETES / ("bucket" if script.startswith("/bucket/") else "base")
        given = {entry["name"]: entry["value"] for entry in found.get("env", ()) if "$" not in entry.get("value", "$")}
        command = [shell, str(room / Path(script).name), *arguments]
        env = {**self._env, **given, **env}
        return subprocess.run(command, env=env, cwd=self._folder, check=False, timeout=RUN_PATIENCE_S).returncode

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


def test_shards_run_and_are_merged(target: EmbeddedDeployment, tmp_path: Path) -> None:
    assert target.mqtt is not None
    pods = Pods(tmp_path, _REAL, environment(target, MQTT=target.mqtt))
    for index in ("0", "1"):
        assert pods.run("conformance-shards", "shard", *CHOSEN, JOB_COMPLETION_INDEX=index) == 0
    assert pods.run("conformance-merge", "merge", "--format=markdown") == 0

    reports = pods.reports / "1"
    shards = [report_of(reports / index) for index in ("0", "1")]
    assert [shard["shard"]["index"] for shard in shards] == [1, 2]
    merged = report_of(reports / "merged")
    assert merged["selection"]["options"] == ["--requirement RUL-08", "--requirement BAN-08"]
    outcomes = {entry["id"]: entry["outcome"] for entry in merged["requirements"]}
    assert (outcomes["RUL-08"], outcomes["BAN-08"]) == ("passed", "passed")
    assert (reports / "merged" / "summary.md").exists()


@pytest.mark.parametrize(
    ("code", "ended", "done"), [(0, 0, True), (1, 0, True), (3, 0, True), (2, 2, True), (137, 137, False)]
)
def test_what_a_shard_found_is_left_to_the_merge(code: int, ended: int, done: bool, tmp_path: Path) -> None:
    pods = Pods(tmp_path, _PRETENDED, {"CODE": str(code)})
    assert pods.run("conformance-shards", "shard", "-q", JOB_COMPLETION_INDEX="1") == ended
    folder = pods.reports / "1" / "1"
    assert pods.lines() == [f"run --quiet --shard 2/2 --report-dir {folder} -q"]
    assert (folder / "done").exists() is done
    assert (folder / "ended").exists()


def test_a_pod_that_was_killed_is_swept_after(tmp_path: Path) -> None:
    pods = Pods(tmp_path, _PRETENDED, {"CODE": "0"})
    folder = pods.reports / "1" / "0"
    folder.mkdir(parents=True)
    (folder / "journal-0tp6u02rz46-main.jsonl").write_text("")
    (folder / "done").write_text("")
    assert pods.run("conformance-shards", "shard", JOB_COMPLETION_INDEX="0") == 0
    assert [line.split()[0] for line in pods.lines()] == ["sweep", "run"]
    assert pods.lines()[0] == f"sweep --journal {folder}"


def test_the_merge_does_not_wait_for_ever(tmp_path: Path) -> None:
    pods = Pods(tmp_path, _PRETENDED, {})
    (pods.reports / "1" / "1").mkdir(parents=True)
    assert pods.run("conformance-merge", "merge", MERGE_AFTER_S="0") == 0
    root = pods.reports / "1"
    assert pods.lines() == [f"report merge --report-dir {root / 'merged'} {root / '1'}"]


def test_reports_go_through_a_bucket(tmp_path: Path) -> None:
    pods = Pods(tmp_path, _PRETENDED, {"CODE": "0"})
    for index in ("0", "1"):
        assert pods.run("conformance-shards", "shard", variant="bucket", JOB_COMPLETION_INDEX=index) == 0
        assert pods.run("conformance-shards", "upload", variant="bucket", JOB_COMPLETION_INDEX=index) == 0
    stored = {str(file.relative_to(tmp_path / "store")) for file in (tmp_path / "store").rglob("done")}
    assert stored == {"b/1/0/done", "b/1/1/done"}

    pods.reports.rename(tmp_path / "of the shards")
    assert pods.run("conformance-merge", "download", variant="bucket") == 0
    assert pods.run("conformance-merge", "merge", variant="bucket") == 0
    assert pods.lines()[-1].endswith(f" {pods.reports / '1' / '0'} {pods.reports / '1' / '1'}")
    assert pods.run("conformance-merge", "upload", variant="bucket") == 0
    assert (tmp_path / "store" / "b" / "1" / "merged" / "done").exists()

"""deploy/: the tools that will read a file read it here too, and what one file names is there in the other."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node.clock import SystemClock
from tests.conftest import program
from tests.project.tree import ROOT, documents, project_files, text_of

DEPLOY = ROOT / "deploy"
SYSTEMD = DEPLOY / "systemd"
UNITS = sorted(SYSTEMD.glob("*.service")) + sorted(SYSTEMD.glob("*.timer"))
PROMETHEUS = DEPLOY / "prometheus"
MOST_EXPOSED = 1.5
USER = "7443"


def run(*command: object, cwd: Path = ROOT) -> str:
    """Run a tool that must be content; returns all that it says."""
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def settings(unit: Path) -> dict[str, list[str]]:
    """Return the settings of a unit by their names."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"(?m)^(\w+)=(.*)$", unit.read_text(encoding="utf-8")):
        found.setdefault(name, []).append(value)
    return found


# --- systemd ---


def test_systemd_accepts_the_units(tmp_path: Path):
    """`systemd-analyze verify` has nothing to say about the units, the program's path aside."""
    analyze = program("systemd-analyze", "systemd")
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace("/opt/entente/.venv/bin/entente", "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    said = run(analyze, "verify", "--man=no", *(tmp_path / unit.name for unit in UNITS))
    assert [line for line in said.splitlines() if str(tmp_path) in line or line.startswith("entente")] == []


@pytest.mark.parametrize("unit", sorted(SYSTEMD.glob("*.service")), ids=lambda unit: unit.name)
def test_a_service_is_hardly_exposed(unit: Path):
    """An exposure of 1.5 at most is counted (10 is the worst), and docs/operating.md tells the figure."""
    said = run(program("systemd-analyze", "systemd"), "security", "--offline=true", "--no-pager", unit)
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert exposure is not None, said
    assert float(exposure[1]) <= MOST_EXPOSED
    assert re.search(rf"deploy/systemd/{unit.name}`[^\n]*{re.escape(exposure[1])}", text_of("docs/operating.md"))


@pytest.mark.parametrize("unit", sorted(SYSTEMD.glob("*.service")), ids=lambda unit: unit.name)
def test_a_service_writes_nothing_but_data(unit: Path):
    """Everything is read only but what a unit has to write, and the master key is handed over by systemd."""
    found = settings(unit)
    (written,) = found["ReadWritePaths"]
    more = {
        "entente.service": {"/srv/entente/keys"},
        "entente-backup.service": {"/backup/entente", "/media/keys/entente"},
    }
    assert set(written.split()) == {"/srv/entente/data"} | more.get(unit.name, set())
    assert (found["ProtectSystem"], found["User"], found["CapabilityBoundingSet"]) == (["strict"], ["entente"], [""])
    assert found["LoadCredential"] == ["master.key:/etc/entente/master.key"]


def test_the_wrapper_for_commands_is_a_shell_script():
    """`entente-command` is plain POSIX shell, and hands the same key to the same user as the service."""
    command = SYSTEMD / "entente-command"
    run("sh", "-n", command)
    text = command.read_text(encoding="utf-8")
    assert settings(SYSTEMD / "entente.service")["LoadCredential"][0] in text
    assert command.stat().st_mode & 0o111


# --- containers ---


def test_the_image_has_nothing_of_one_machine():
    """The image runs as a user without rights, from pinned packages, and nothing but the four packages goes into it."""
    lines = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    final = lines.rpartition("\nFROM ")[2]
    assert re.search(rf"^USER {USER}:{USER}$", final, re.MULTILINE)
    assert "--require-hashes" in lines
    copied = {source for match in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", lines) for source in match.split()}
    assert copied == {
        *("requirements.txt", "LICENSE", "README.md", "pyproject.toml"),
        *("protocol", "directory_sync", "translations", "node"),
    }
    assert all((ROOT / source).exists() for source in copied)


def compose() -> dict[str, Any]:
    """Return the compose file, anchors resolved."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return read


def test_the_nodes_of_the_compose_file_are_confined():
    """Both nodes are read only without rights, watched, and only their peers' port is open to others."""
    for name, service in compose()["services"].items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert service["healthcheck"]["test"][0] == "CMD"
        open_to_others = [port for port in service["ports"] if not port.startswith("127.0.0.1:")]
        assert [port.rpartition(":")[2] for port in open_to_others] == ["7443"]
        (secret,) = service["secrets"]
        assert secret == {"source": f"{name}-master-key", "target": "master.key"}
        assert service["environment"]["CREDENTIALS_DIRECTORY"] == "/run/secrets"
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_the_compose_file_declares_what_it_uses():
    """Volumes and secrets of the nodes are declared, and no port of the machine is used twice."""
    read = compose()
    services = read["services"].values()
    assert {volume.partition(":")[0] for one in services for volume in one["volumes"]} == set(read["volumes"])
    assert {secret["source"] for one in services for secret in one["secrets"]} == set(read["secrets"])
    ports = [port.split(":")[-2] for one in services for port in one["ports"]]
    assert len(ports) == len(set(ports))


# --- proxies ---


def certificate(folder: Path) -> None:
    """Make what an operator's certificate for the dashboard would be."""
    key, now = ec.generate_private_key(ec.SECP256R1()), SystemClock().now()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "entente.at.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now.replace(year=now.year + 1))
    signed = builder.sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "dashboard.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "dashboard.key").write_bytes(key.private_bytes(*form))


def test_nginx_accepts_both_examples(tmp_path: Path):
    """`nginx -t` takes the passthrough for peers and the proxy for the dashboard together."""
    nginx = program("nginx", "nginx libnginx-mod-stream")
    certificate(tmp_path)
    for name in ("entente-peers.conf", "entente-dashboard.conf"):
        text = (DEPLOY / "nginx" / name).read_text(encoding="utf-8")
        text = text.replace("/etc/ssl/entente/", f"{tmp_path}/").replace("/var/log/nginx/", f"{tmp_path}/")
        text = text.replace("listen 443 ssl", "listen 127.0.0.1:10443 ssl").replace(
            "listen 7443", "listen 127.0.0.1:17443"
        )
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "nginx.conf").write_text(
        f"include /etc/nginx/modules-enabled/*.conf;\npid {tmp_path}/pid;\nevents {{}}\n"
        f"include {tmp_path}/entente-peers.conf;\n"
        f"http {{ access_log off; include {tmp_path}/entente-dashboard.conf; }}\n",
        encoding="utf-8",
    )
    run(nginx, "-t", "-c", tmp_path / "nginx.conf", "-g", f"error_log {tmp_path}/errors;")


def test_haproxy_accepts_its_example():
    """`haproxy -c` takes the passthrough for peers without a warning."""
    said = run(program("haproxy", "haproxy"), "-c", "-f", DEPLOY / "haproxy/haproxy.cfg")
    assert "WARNING" not in said


# --- monitoring ---


def test_promtool_accepts_configuration_and_alerts():
    """Prometheus takes the example configuration with the alert rules in it."""
    run(program("promtool", "prometheus"), "check", "config", PROMETHEUS / "prometheus.yml")


def test_each_alert_fires_when_it_should_and_not_before():
    """The examples in alerts_test.yml come out as written, and there is one for each alert."""
    rules = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))
    examples = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text(encoding="utf-8"))
    tests = [one for group in examples["tests"] for one in group["alert_rule_test"]]
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in alerts} == {one["alertname"] for one in tests if one["exp_alerts"]}
    assert {rule["labels"]["severity"] for rule in alerts} == {"warning", "critical"}
    assert all(rule["annotations"].keys() == {"summary", "action", "runbook"} for rule in alerts)
    run(program("promtool", "prometheus"), "test", "rules", PROMETHEUS / "alerts_test.yml")


def test_each_alert_leads_to_a_section_that_tells_what_to_do():
    """The runbook of each alert is a heading that docs/operating.md has."""
    rules = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))
    runbooks = {rule["annotations"]["runbook"] for group in rules["groups"] for rule in group["rules"]}
    headings = re.findall(r"(?m)^#+ (.+)$", text_of("docs/operating.md"))
    anchors = {"docs/operating.md#" + re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}
    assert len(runbooks) > 3
    assert runbooks - anchors == set()


def test_the_dashboard_is_whole():
    """Grafana's file is JSON with panels of different ids that don't overlap, each with a question to Prometheus."""
    dashboard = json.loads((DEPLOY / "grafana/dashboard.json").read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(target["expr"] for panel in panels for target in panel["targets"])
    covered: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not covered & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        covered |= cells


# --- documentation ---


def test_each_file_is_explained():
    """Each file of deploy/ is named in docs/operating.md, which the README leads to."""
    page = documents()["docs/operating.md"]
    files = [path.removeprefix("deploy/") for path in project_files() if path.startswith("deploy/")]
    assert files
    assert [path for path in files if f"deploy/{path}" not in page] == []
    assert "(docs/operating.md)" in documents()["README.md"]

"""The presets of style.md §11 exist, each with a build preset and a workflow; all but fuzz, whose programs are not tests, with a
test preset that fails when there are no tests; `release` builds into build/release."""
import json

from tree import Case

FILE = "CMakePresets.json"
NAMES = ["dev", "release", "asan-ubsan", "tsan", "clang", "coverage", "fuzz"]


def check(tree):
    if not tree.exists(FILE):
        return []
    presets = json.loads(tree.read(FILE))

    def names(kind):
        return {preset["name"]: preset for preset in presets.get(kind, []) if not preset.get("hidden")}

    findings = []
    for kind in ("configurePresets", "buildPresets", "testPresets", "workflowPresets"):
        wanted = [name for name in NAMES if not (kind == "testPresets" and name == "fuzz")]
        findings += [f"{FILE}: no {kind} “{name}”" for name in wanted if name not in names(kind)]
        findings += [f"{FILE}: {kind} “{name}” is in no document" for name in names(kind) if name not in NAMES]
    for name, workflow in names("workflowPresets").items():
        steps = [(step["type"], step["name"]) for step in workflow["steps"]]
        wanted = [("configure", name), ("build", name)] + ([("test", name)] if name != "fuzz" else [])
        if steps != wanted:
            findings.append(f"{FILE}: workflow “{name}” does {steps}, not {wanted}")
    if not any(preset.get("binaryDir") == "${sourceDir}/build/${presetName}" for preset in presets.get("configurePresets", [])):
        findings.append(f"{FILE}: no preset builds into build/<preset>")
    if not any(preset.get("execution", {}).get("noTestsAction") == "error" for preset in presets.get("testPresets", [])):
        findings.append(f"{FILE}: no test preset fails when there are no tests")
    return findings


def document(**changes):
    presets = {"configurePresets": [{"name": "base", "hidden": True, "binaryDir": "${sourceDir}/build/${presetName}"}]
                                   + [{"name": name, "inherits": "base"} for name in NAMES],
               "buildPresets": [{"name": name, "configurePreset": name} for name in NAMES],
               "testPresets": [{"name": "t", "hidden": True, "execution": {"noTestsAction": "error"}}]
                              + [{"name": name, "inherits": "t"} for name in NAMES[:-1]],
               "workflowPresets": [{"name": name, "steps": [{"type": kind, "name": name} for kind in ("configure", "build", "test")]}
                                   for name in NAMES[:-1]]
                                  + [{"name": "fuzz", "steps": [{"type": kind, "name": "fuzz"} for kind in ("configure", "build")]}]}
    return {FILE: json.dumps(presets | changes)}


CASES = [
    Case("all there", document()),
    Case("one is not", document(buildPresets=[{"name": name} for name in NAMES if name != "tsan"]), "no buildPresets “tsan”"),
    Case("one too many", document(buildPresets=[{"name": name} for name in NAMES + ["fast"]]), "“fast” is in no document"),
    Case("a workflow without its tests", document(workflowPresets=[
        {"name": name, "steps": [{"type": kind, "name": name} for kind in (("configure", "build", "test") if name not in ("dev", "fuzz")
                                                                          else ("configure", "build"))]} for name in NAMES]),
         "workflow “dev” does"),
    Case("another place", document(configurePresets=[{"name": name, "binaryDir": "/tmp"} for name in NAMES]), "builds into build/"),
    Case("no tests is no error", document(testPresets=[{"name": name} for name in NAMES[:-1]]), "no test preset fails"),
]

"""The process in which the C2PA library runs: one request on standard input, one answer on standard output.

Started by credentials_library.py, which owns the limits; what the library refuses is answered with the reason.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from kinema.trust.credentials_library import MAX_STORE, PURPOSES, WITH_SIDECAR, mime_of, sidecar_of
from kinema.trust.verify_form import FormError, deviations, store_in

OURS = ("org.kinema.", "c2pa.actions", "c2pa.soft-binding")
MAX_PART_CHARS, MAX_PARTS = 1 << 20, 100


class Refused(Exception):
    """What is asked cannot be done, for a reason that a person is told."""


def main() -> None:
    """Answers the request on standard input, within its limits."""
    request = json.load(sys.stdin)
    _limit(request["limits"])
    json.dump(answer(request), sys.stdout)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What the library makes of the request, or why it refuses."""
    from c2pa import C2paError

    try:
        return {"sign": _sign, "read": _read}[request["do"]](request)
    except (Refused, FormError, C2paError) as error:
        return {"refused": str(error)}


def _limit(limits: dict[str, Any]) -> None:
    """No more memory and processor time than that, where the system can hold a process to it."""
    if find_spec("resource") is None:
        return
    import resource

    for kind, most in ((resource.RLIMIT_AS, limits["memory"]), (resource.RLIMIT_CPU, limits["seconds"])):
        ceiling = resource.getrlimit(kind)[1]
        most = int(most) if ceiling == resource.RLIM_INFINITY else min(int(most), ceiling)
        resource.setrlimit(kind, (most, ceiling))


def _context(anchors: str) -> Any:
    """A context that trusts these anchors alone and asks nobody on the network."""
    from c2pa import Context

    return Context.from_dict(
        {
            "trust": {"trust_config": "\n".join(PURPOSES)} | ({"trust_anchors": anchors} if anchors else {}),
            "verify": {
                "verify_trust": True,
                "verify_after_sign": True,
                "remote_manifest_fetch": False,
                "ocsp_fetch": False,
            },
            "builder": {"thumbnail": {"enabled": False}},
        }
    )


def _sign(request: dict[str, Any]) -> dict[str, Any]:
    """Writes the signed film to `target`, or its credentials where the format cannot hold them.

    An ingredient whose own credentials cannot be read, or are too large, enters without them, and the answer says so.
    """
    source, target = Path(request["source"]), Path(request["target"])
    bare = _unreadable(request)
    store = _signed(request, source, target, bare)
    if len(store) > MAX_STORE:
        bare = {each["path"]: f"more than {MAX_STORE >> 20} MB of credentials" for each in request["ingredients"]}
        store = _signed(request, source, target, bare)
    if source.suffix in WITH_SIDECAR:
        target.write_bytes(store)
    return {"bytes": len(store), "bare": bare}


def _unreadable(request: dict[str, Any]) -> dict[str, str]:
    """The ingredients that cannot be taken in whole, with the reasons."""
    from c2pa import Builder, C2paError

    bare = {}
    for each in request["ingredients"]:
        if each["bare"]:
            continue
        with Builder({"assertions": []}, context=_context(request["anchors"])) as builder:
            try:
                with open(each["path"], "rb") as file:
                    builder.add_ingredient(each["fields"], mime_of(Path(each["path"])), file)
            except C2paError as error:
                bare[each["path"]] = str(error)[:300]
    return bare


def _signed(request: dict[str, Any], source: Path, target: Path, bare: dict[str, str]) -> bytes:
    """The film's credentials, once they are in the target too where its format holds them."""
    from c2pa import Builder, C2paSignerInfo, Signer

    mime, no_embed = mime_of(source), source.suffix in WITH_SIDECAR
    whole = [each for each in request["ingredients"] if each["path"] not in bare and not each["bare"]]
    named = [each for each in request["ingredients"] if each not in whole]
    manifest = request["manifest"] | {
        "ingredients": [each["fields"] | {"format": mime_of(Path(each["path"]))} for each in named]
    }
    if bare:
        notes = {"unreadable": {Path(path).name: reason for path, reason in bare.items()}}
        manifest["assertions"] = [*manifest["assertions"], {"label": "org.kinema.ingredients", "data": notes}]
    key = Path(request["key"]).read_bytes()
    clock = request["clock"].encode() if request["clock"] else None
    info = C2paSignerInfo(request["algorithm"].encode(), request["chain"].encode(), key, clock)
    with ExitStack() as stack:
        signer = stack.enter_context(Signer.from_info(info))
        builder = stack.enter_context(Builder(manifest, context=_context(request["anchors"])))
        if no_embed:
            builder.set_no_embed()
        for each in whole:
            with open(each["path"], "rb") as file:
                builder.add_ingredient(each["fields"], mime_of(Path(each["path"])), file)
        opened = stack.enter_context(open(source, "rb"))
        written = BytesIO() if no_embed else stack.enter_context(open(target, "w+b"))
        return builder.sign(signer, mime, opened, written)


def _read(request: dict[str, Any]) -> dict[str, Any]:
    """What the film's credentials say and how they fare under the first of the anchors that trusts them."""
    from c2pa import C2paError

    path = Path(request["path"])
    store = store_in(path, MAX_STORE)
    sidecar = sidecar_of(path)
    detached = None
    if path.suffix.lower() in WITH_SIDECAR or (store is None and sidecar.is_file()):
        detached = store = _sidecar(sidecar)
        if store is None:
            return {"state": "none"}
    told: dict[str, Any] = {}
    try:
        for anchor in request["anchors"] or [{"name": None, "pem": ""}]:
            told = _judged(path, detached, anchor["pem"], request["clocks"])
            if told["state"] == "Trusted":
                told["anchor"] = anchor["name"]
                break
    except (C2paError.ManifestNotFound, C2paError.NotSupported):
        return {"state": "none"}
    if told["maker"] == "Kinema" and store is not None:
        head = told["parts"].get("org.kinema.film", {}).get("head", "")
        told["deviations"] = deviations(path, store, head, detached, stamped=bool(told["time"]))
    return told


def _judged(path: Path, detached: bytes | None, anchor: str, clocks: str) -> dict[str, Any]:
    """What a film's credentials say under certificates of signers, and of time authorities, which vouch for no signer.

    The library knows a single list of anchors. So what is trusted under both is looked at again under the signers'
    and, where that is not enough since a certificate has run out, it must not be trusted under the clocks' alone.
    """
    told = _summary(path, detached, anchor + clocks)
    if told["state"] != "Trusted" or not clocks:
        return told
    alone = _summary(path, detached, anchor)
    if alone["state"] == "Trusted":
        return told
    other = "".join(each for each in _certificates(clocks) if each not in _certificates(anchor))
    by_clock = _summary(path, detached, other)["state"] == "Trusted"
    return alone if by_clock else told | {"by_time": True}


def _certificates(pem: str) -> list[str]:
    end = "-----END CERTIFICATE-----"
    return [f"{each.strip()}\n{end}\n" for each in pem.split(end)[:-1]]


def _sidecar(path: Path) -> bytes | None:
    if not path.is_file():
        return None
    if path.stat().st_size > MAX_STORE:
        raise Refused(f"{path.name} has {path.stat().st_size:,} bytes; at most {MAX_STORE:,} are read")
    return path.read_bytes()


def _summary(path: Path, detached: bytes | None, anchors: str) -> dict[str, Any]:
    """Of the library's report under these anchors what is told further: bounded, whatever strangers wrote."""
    from c2pa import Reader

    with (
        open(path, "rb") as file,
        Reader(mime_of(path), file, manifest_data=detached, context=_context(anchors)) as reader,
    ):
        found, state = json.loads(reader.json()), reader.get_validation_state()
    active = found.get("manifests", {}).get(found.get("active_manifest"))
    if active is None:
        raise Refused("the statements that they name are missing")
    generators = active.get("claim_generator_info") or [{}]
    parts = {}
    for each in active.get("assertions", [])[:MAX_PARTS]:
        if each["label"].startswith(OURS):
            if len(json.dumps(each["data"])) > MAX_PART_CHARS:
                raise Refused(f"the part {each['label']} is longer than {MAX_PART_CHARS:,} characters")
            parts[each["label"]] = each["data"]
    results = found.get("validation_results", {})
    failures = results.get("activeManifest", {}).get("failure", [])
    for delta in results.get("ingredientDeltas") or []:
        failures = failures + delta.get("validationDeltas", {}).get("failure", [])
    signature = active.get("signature_info") or {}
    ingredients = [
        {"title": _short(each.get("title")), "relation": _short(each.get("relationship")), "state": _state(each)}
        for each in active.get("ingredients", [])[:MAX_PARTS]
    ]
    return {
        "state": state or "Invalid",
        "maker": _short(generators[0].get("name")),
        "version": _short(generators[0].get("version")),
        "signer": _short(signature.get("common_name") or signature.get("issuer")),
        "issuer": _short(signature.get("issuer")),
        "serial": _short(signature.get("cert_serial_number")),
        **_stamp(signature, results.get("activeManifest", {}).get("success", [])),
        "failures": [{"code": _short(each["code"]), "said": _short(each.get("explanation"))} for each in failures[:20]],
        "ingredients": ingredients,
        "parts": parts,
    }


def _stamp(signature: dict[str, Any], good: list[dict[str, str]]) -> dict[str, Any]:
    """When it was signed, by whose clock, and whether that is one of the anchors'; empty where no stamp fits."""
    said = {each["code"]: each.get("explanation") or "" for each in good if each["code"].startswith("timeStamp.")}
    if "timeStamp.validated" not in said:
        return {"time": "", "clock": "", "clock_named": False}
    clock = said["timeStamp.validated"].partition(": ")[2]
    return {"time": _short(signature.get("time")), "clock": _short(clock), "clock_named": "timeStamp.trusted" in said}


def _state(ingredient: dict[str, Any]) -> str:
    """Whether the ingredient came with credentials, and whether these were found broken when it was taken in."""
    if "active_manifest" not in ingredient:
        return "without credentials"
    failures = ingredient.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    broken = [each["code"] for each in failures if each["code"] != "signingCredential.untrusted"]
    return f"broken: {_short(broken[0])}" if broken else "intact"


def _short(text: object) -> str:
    return " ".join(str(text or "").split())[:200]

"""What a film says about itself: every format and task, checked by a verifier that shares no code with the signer."""

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import encypher_c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from kinema.clip import Clip
from kinema.energy import Receipt
from kinema.errors import TrustError
from kinema.how import HOWS
from kinema.recipe import Recipe
from kinema.settings import read_settings
from kinema.trust import keys
from kinema.trust.credentials import Ingredient, Model, Provenance, Watermark, ingredients_of, sign
from kinema.trust.credentials_library import MIMES, PURPOSES, sidecar_of
from kinema.trust.verify import verify

FORMATS = (".mp4", ".webm", ".gif", ".webp", ".png")
SECOND = dict.fromkeys(FORMATS, "encypher-c2pa 1.7.1")
"""Format: the second implementation that checks it; written in Rust apart from c2pa-rs, whose code is not in it."""
DETACHED_MIME = "video/mp4"  # the second implementation knows no webm, and beside a file its format does not matter
PROMPT = "a red dog jumps in the snow"
HOW = {
    "storyboard": {"cards": [{"at": 0, "text": "a red dog"}, {"at": 1, "source": 0}]},
    "recut": {"pieces": [{"source": 0}, {"source": 1}]},
}
SOURCES = {"blend": 2, "fill": 2, "recut": 2}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys of its own for every test, and a second implementation that tells nobody anything."""
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ENCYPHER_C2PA_TELEMETRY", "off")
    monkeypatch.setenv("ENCYPHER_C2PA_ONLINE", "off")
    monkeypatch.setenv("ENCYPHER_C2PA_CONFIG_DIR", str(tmp_path))
    return tmp_path / "home"


def clip(shift: int = 0) -> Clip:
    ramp = np.add.outer(np.arange(4) * 9 + shift, np.add.outer(np.arange(32), np.arange(48))) % 256
    return Clip(np.repeat(ramp[..., None].astype(np.uint8), 3, -1), Fraction(8))


def recipe_of(task: str, *sources: Path) -> Recipe:
    parts = {"prompt": PROMPT, "task": task, "seed": 77_777_777, "sources": [{"path": str(path)} for path in sources]}
    if task in HOWS:
        parts["how"] = {"task": task} | HOW.get(task, {})
    return Recipe.model_validate(parts)


def provenance(recipe: Recipe, **parts: object) -> Provenance:
    said = {"frames_sha256": "5" * 64, "ingredients": ingredients_of(recipe)} | parts
    return Provenance(recipe.canonical().decode(), **said)


def second_opinion(path: Path) -> dict:
    anchor = keys.own_anchor(read_settings())
    store = sidecar_of(path).read_bytes() if path.suffix == ".webm" else None
    mime = DETACHED_MIME if store else MIMES[path.suffix]
    return encypher_c2pa.verify(path.read_bytes(), mime, manifest_store=store, trust_pem=anchor, no_default_trust=True)


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_trusted_by_two_implementations_and_plays_as_before(tmp_path: Path, suffix: str):
    path = clip().write(tmp_path / f"film{suffix}")
    before = Clip.read(path).frames
    sign(path, provenance(recipe_of("generate")))
    verdict = verify(path)
    assert verdict.state == "trusted" and verdict.maker.startswith("Kinema ")
    found = second_opinion(path)
    assert (found["validation_state"], found["hard_binding"], found["signature"]) == ("Trusted", "match", "valid")
    assert np.array_equal(Clip.read(path).frames, before)
    assert sorted(each.name for each in tmp_path.glob("*")) == sorted(
        ["film.c2pa", "film.webm", "home"] if suffix == ".webm" else [path.name, "home"]
    )


@pytest.mark.parametrize("task", ["generate", "still", *HOWS])
def test_every_task_names_its_actions_and_ingredients_and_both_implementations_trust_it(tmp_path: Path, task: str):
    sources = [clip(each).write(tmp_path / f"source{each}.png") for each in range(SOURCES.get(task, 1))]
    sign(sources[0], provenance(recipe_of("still")))
    recipe = recipe_of(task, *([] if task in ("generate", "still") else sources))
    path = clip().write(tmp_path / "film.mp4")
    sign(path, provenance(recipe))
    verdict = verify(path)
    assert verdict.state == "trusted" and second_opinion(path)["validation_state"] == "Trusted"
    actions = [each["action"] for each in verdict.parts["c2pa.actions.v2"]["actions"]]
    relations = [each["relation"] for each in verdict.ingredients]
    opened = ["c2pa.opened", "c2pa.edited"]
    assert (actions, relations) == {
        "generate": (["c2pa.created"], []),
        "still": (["c2pa.created"], []),
        "animate": (["c2pa.created", "c2pa.placed"], ["componentOf"]),
        "extend": (opened, ["parentOf"]),
        "fill": (opened, ["parentOf", "inputTo"]),
        "loop": (opened, ["parentOf"]),
        "blend": (["c2pa.created", "c2pa.placed", "c2pa.placed"], ["componentOf", "componentOf"]),
        "remix": (opened, ["parentOf"]),
        "storyboard": (["c2pa.created", "c2pa.placed"], ["componentOf"]),
        "recut": (["c2pa.created", "c2pa.placed", "c2pa.placed"], ["componentOf", "componentOf"]),
    }[task]
    if relations:
        assert verdict.ingredients[0]["state"] == "intact"


def test_all_that_is_known_of_the_film_is_said(tmp_path: Path):
    path = clip().write(tmp_path / "film.mp4")
    model = Model("nano", "Apache-2.0", {"weights.safetensors": "a" * 64}, "b" * 64, 7776)
    receipt = Receipt(2.0, 0.5, 0.2, "estimate: wall time x declared watts", 445.0, "IEA")
    mark = Watermark("org.kinema.watermark.1", "c0ffee")
    review = {"frames": 4, "of": 4, "faces": "none", "consent": None}
    recipe = recipe_of("generate")
    sign(path, provenance(recipe, model=model, receipt=receipt, watermark=mark, review=review))
    verdict = verify(path)
    assert verdict.state == "trusted" and second_opinion(path)["validation_state"] == "Trusted"
    assert Recipe.model_validate(verdict.part("recipe")["recipe"]) == recipe
    assert verdict.part("model")["training_merkle_root"] == "b" * 64
    assert verdict.part("receipt")["energy_wh"] == 0.5 and verdict.part("review")["frames"] == 4
    assert verdict.parts["c2pa.soft-binding"]["blocks"][0]["value"] == "c0ffee"
    assert verdict.parts["c2pa.actions.v2"]["actions"][-1]["action"] == "c2pa.watermarked.bound"


def test_where_sources_lie_is_not_said(tmp_path: Path):
    source = clip().write(tmp_path / "picture.png")
    path = clip().write(tmp_path / "film.mp4")
    sign(path, provenance(recipe_of("animate", source)))
    assert str(tmp_path).encode() not in path.read_bytes() and b"picture.png" in path.read_bytes()


def test_private_mode_says_nothing_that_leads_back_to_the_prompt_and_keeps_it_here(tmp_path: Path, home: Path):
    source = clip().write(tmp_path / "secret.png")
    sign(source, provenance(recipe_of("still")))
    assert b"red dog" in source.read_bytes()
    for task in ("animate", "storyboard"):
        path = clip().write(tmp_path / "film.mp4")
        about = provenance(recipe_of(task, source), private=True)
        sign(path, about)
        verdict = verify(path)
        assert verdict.state == "trusted" and second_opinion(path)["validation_state"] == "Trusted"
        told = path.read_bytes()
        assert not any(word in told for word in (b"red dog", b"77777777", b"secret", b"5" * 64, str(tmp_path).encode()))
        private = verdict.part("recipe")["private"]
        kept = keys.recall_private(home, private["id"])
        assert kept is not None and kept[0] == about.recipe
        assert keys.salted(kept[1], PROMPT) == private["prompt_hmac_sha256"]
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in (home / "private").iterdir())


def test_the_development_keys_are_made_once_and_are_their_owners_alone(home: Path):
    first, second = keys.identity(read_settings()), keys.identity(read_settings())
    assert first == second
    assert stat.S_IMODE((home / "credentials").stat().st_mode) == 0o700
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in (home / "credentials").iterdir())
    first.key.chmod(0o640)
    with pytest.raises(TrustError, match="chmod 600"):
        keys.identity(read_settings())


def own_certificate(folder: Path, *, days: int = 30, purpose: str = PURPOSES[1], self_signed: bool = False) -> None:
    """A person's certificate and key in a folder, under an authority of its own."""
    folder.mkdir(exist_ok=True)
    root_key, leaf_key = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1())
    now = datetime.now(UTC)

    def name(common: str) -> x509.Name:
        organisation = x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Studio")
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common), organisation])

    def certificate(subject: str, key: ec.EllipticCurvePrivateKey, is_root: bool) -> x509.Certificate:
        usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
        usage |= dict.fromkeys(("encipher_only", "decipher_only"), False)
        usage |= {"digital_signature": not is_root, "key_cert_sign": is_root, "crl_sign": is_root}
        issuer = subject if self_signed else "Studio authority"
        builder = x509.CertificateBuilder(name(issuer), name(subject), key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=60)).not_valid_after(now + timedelta(days=days))
        builder = builder.add_extension(x509.BasicConstraints(is_root, None), True)
        builder = builder.add_extension(x509.KeyUsage(**usage), True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        if not is_root:
            builder = builder.add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(purpose)]), False)
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
            builder = builder.add_extension(identifier, False)
        return builder.sign(root_key, hashes.SHA384())

    (folder / "anchor.pem").write_bytes(certificate("Studio authority", root_key, True).public_bytes(Encoding.PEM))
    (folder / "chain.pem").write_bytes(certificate("Studio", leaf_key, False).public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "key.pem").chmod(0o600)


def use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINEMA_CERTIFICATE", str(folder / "chain.pem"))
    monkeypatch.setenv("KINEMA_CERTIFICATE_KEY", str(folder / "key.pem"))


def test_a_persons_own_certificate_signs_and_is_trusted_once_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    own_certificate(tmp_path / "studio")
    use(tmp_path / "studio", monkeypatch)
    path = clip().write(tmp_path / "film.mp4")
    sign(path, provenance(recipe_of("generate")))
    assert verify(path).state == "intact"
    named = verify(path, [tmp_path / "studio" / "anchor.pem"])
    assert named.state == "trusted" and named.signer == "Studio"
    monkeypatch.setenv("KINEMA_ANCHORS", str(tmp_path / "studio" / "anchor.pem"))
    assert verify(path).state == "trusted"


def test_certificates_and_keys_that_are_of_no_use_are_refused_and_the_film_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = clip().write(tmp_path / "film.mp4")
    before = path.read_bytes()
    folder = tmp_path / "studio"
    use(folder, monkeypatch)

    def refused(match: str) -> None:
        with pytest.raises(TrustError, match=match):
            sign(path, provenance(recipe_of("generate")))
        assert path.read_bytes() == before

    refused("cannot be read")
    own_certificate(folder, days=-1)
    refused("not today")
    own_certificate(folder, purpose="1.3.6.1.5.5.7.3.1")
    refused("not for signing films")
    own_certificate(folder, self_signed=True)
    refused("signed by itself")
    own_certificate(tmp_path / "other")
    own_certificate(folder)
    key = (folder / "key.pem").read_bytes()
    (folder / "key.pem").write_bytes((tmp_path / "other" / "key.pem").read_bytes())
    refused("is not that of the first certificate")
    locked = load_pem_private_key(key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")
    )
    (folder / "key.pem").write_bytes(locked)
    refused("without a passphrase")
    (folder / "key.pem").write_bytes(b"no key")
    refused("no private key")
    (folder / "chain.pem").write_bytes(b"no certificate")
    refused("no certificate in PEM form")
    monkeypatch.delenv("KINEMA_CERTIFICATE_KEY")
    refused("go together")


def test_a_film_is_not_signed_without_what_it_was_made_from(tmp_path: Path):
    path = clip().write(tmp_path / "film.mp4")
    gone = Ingredient(tmp_path / "gone.png", "componentOf")
    with pytest.raises(TrustError, match=r"gone\.png is gone"):
        sign(path, provenance(recipe_of("generate"), ingredients=(gone,)))


def test_sources_without_a_file_of_their_own_are_named_all_the_same(tmp_path: Path):
    (tmp_path / "frames").mkdir()
    path = clip().write(tmp_path / "film.mp4")
    unnamed = (Ingredient(tmp_path / "frames", "componentOf"), Ingredient(None, "componentOf"))
    sign(path, provenance(recipe_of("generate"), ingredients=unnamed))
    verdict = verify(path)
    assert verdict.state == "trusted" and [each["title"] for each in verdict.ingredients] == ["frames", "source-2"]
    assert second_opinion(path)["validation_state"] == "Trusted"


def test_an_ingredient_whose_credentials_are_broken_is_said_to_be(tmp_path: Path):
    source = clip().write(tmp_path / "source.png")
    sign(source, provenance(recipe_of("still")))
    source.write_bytes(source.read_bytes().replace(b"red dog", b"red cat"))
    path = clip().write(tmp_path / "film.mp4")
    sign(path, provenance(recipe_of("animate", source)))
    verdict = verify(path)
    assert verdict.state == "trusted" and verdict.ingredients[0]["state"].startswith("broken")


def test_an_ingredient_whose_credentials_cannot_be_read_enters_without_them_and_that_is_said(tmp_path: Path):
    source = clip().write(tmp_path / "source.png")
    sign(source, provenance(recipe_of("still")))
    source.write_bytes(source.read_bytes().replace(b"jumdc2pa", b"jumdxxxx"))
    path = clip().write(tmp_path / "film.mp4")
    sign(path, provenance(recipe_of("animate", source)))
    verdict = verify(path)
    assert verdict.state == "trusted" and verdict.ingredients[0]["state"] == "without credentials"
    assert "source.png" in verdict.part("ingredients")["unreadable"]
    assert second_opinion(path)["validation_state"] == "Trusted"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    folder = tmp_path / "locked"
    folder.mkdir()
    path = clip().write(folder / "film.mp4")
    keys.identity(read_settings())
    folder.chmod(0o500)
    with pytest.raises(Exception, match=r"film\.mp4 cannot be signed"):
        sign(path, provenance(recipe_of("generate")))


def test_the_embedded_model_names_its_weights_and_what_it_was_trained_on():
    import kinema

    folder = Path(kinema.__file__).parent / "weights" / "nano"
    model = Model.in_folder(folder)
    assert model.training_merkle_root == json.loads((folder / "manifest.json").read_text())["merkle_root"]
    assert "weights.safetensors" in model.files

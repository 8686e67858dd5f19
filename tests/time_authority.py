"""A time authority of RFC 3161 on this machine, for tests: a root, a certificate, and an address that stamps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from asn1crypto import cms, core, tsp
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

CLOCK = "Test clock"
POLICY = "1.2.3.4"


class TimeAuthority:
    """A clock: `root_pem` is what somebody names who believes it."""

    def __init__(self, years: int = 50) -> None:
        self.root_key, self.key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.years = years
        purpose = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING])
        self.root = self.certificate(f"{CLOCK} root", self.root_key)
        self.leaf = self.certificate(CLOCK, self.key, (purpose, True))
        self.root_pem = self.root.public_bytes(Encoding.PEM).decode()

    def certificate(
        self, subject: str, key: ec.EllipticCurvePrivateKey, purpose: tuple[x509.ExtensionType, bool] | None = None
    ) -> x509.Certificate:
        """A certificate under the root; the root's own where no purpose is named."""
        names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
        names += ["key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
        allowed = ("digital_signature",) if purpose else ("key_cert_sign", "crl_sign")
        begin = datetime.now(UTC) - timedelta(days=1)
        builder = x509.CertificateBuilder(
            _name(f"{CLOCK} root"), _name(subject), key.public_key(), x509.random_serial_number()
        )
        builder = builder.not_valid_before(begin).not_valid_after(begin + timedelta(days=365 * self.years))
        builder = builder.add_extension(x509.BasicConstraints(purpose is None, None), True)
        builder = builder.add_extension(x509.KeyUsage(**{name: name in allowed for name in names}), True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        if purpose:
            issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key())
            builder = builder.add_extension(issuer, False).add_extension(*purpose)
        return builder.sign(self.root_key, hashes.SHA256())

    def answer(self, query: bytes) -> bytes:
        """The time of now for a request, signed (RFC 3161, section 2.4.2)."""
        asked = tsp.TimeStampReq.load(query)
        leaf, root = (Certificate.load(each.public_bytes(Encoding.DER)) for each in (self.leaf, self.root))
        told = {"version": "v1", "policy": POLICY, "message_imprint": asked["message_imprint"]}
        told |= {"serial_number": x509.random_serial_number(), "gen_time": datetime.now(UTC).replace(microsecond=0)}
        info = tsp.TSTInfo(told | ({} if asked["nonce"].native is None else {"nonce": asked["nonce"]})).dump()
        by = tsp.SigningCertificateV2({"certs": [tsp.ESSCertIDv2({"cert_hash": sha256(leaf.dump()).digest()})]})
        said = {"content_type": "tst_info", "message_digest": sha256(info).digest(), "signing_certificate_v2": by}
        signed = cms.CMSAttributes(
            [cms.CMSAttribute({"type": name, "values": [value]}) for name, value in said.items()]
        )
        whose = cms.IssuerAndSerialNumber({"issuer": leaf.issuer, "serial_number": leaf.serial_number})
        signer = {
            "version": "v1",
            "sid": cms.SignerIdentifier({"issuer_and_serial_number": whose}),
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": signed,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": self.key.sign(signed.dump(), ec.ECDSA(hashes.SHA256())),
        }
        content = {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(info)},
            "certificates": [leaf, root],
            "signer_infos": [cms.SignerInfo(signer)],
        }
        token = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(content)})
        return tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump()


@contextmanager
def serving(authority: TimeAuthority | None) -> Iterator[str]:
    """The address at which the authority stamps; without one it answers with no stamp."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            body = authority.answer(query) if authority else b"no stamp"
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/stamp"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _name(common: str) -> x509.Name:
    organisation = x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Test time")
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common), organisation])

"""The node's private keys as files of mode 0600, behind one small interface.

`message.pem` (P-256, with `message.crt`), `tls.pem` and `tls.crt` (`tls-next.*`: those that follow),
`encryption.seed` (HPKE; earlier ones as `encryption-<kid>.seed`, for what was sealed to them), `list.seed`
(signs the country's member record), `log-<n>.seed` and `witness.seed` (Ed25519; sign the checkpoints of the country's
n-th directory log, and those of others as their witness), `master.key` (wraps the case keys; earlier ones as
`master-<name>.key`),
`state.seed` (signs the member list; belongs offline once the node is a member).
"""

import base64
import contextlib
import datetime as dt
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import NameOID

from node.clock import Entropy
from node.config import MASTER_KEY, credentials
from node.errors import NodeError
from protocol.encoding import sha256_b64u
from protocol.jws import KeySigner
from protocol.slot import HpkePrivateKey, private_key_from_seed

SUITE: Final = "MLKEM768-X25519"
MASTER_BYTES: Final = 32
LIST_SEED_BYTES: Final = 32
LOG_SEED: Final = "log-{}.seed"
WITNESS_SEED: Final = "witness.seed"
_SEED_BYTES: Final = 96
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order n of the group (SEC 2, 2.4.2)."""
_FROM, _UNTIL = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, tzinfo=dt.UTC)


@dataclass(frozen=True)
class NodeKeys:
    """The keys that a running node uses."""

    signer: KeySigner
    message_certificate: bytes
    encryption_kid: str
    encryption_public: bytes
    encryption_private: HpkePrivateKey
    masters: tuple[bytes, ...]
    """The master key, then the earlier ones: what was wrapped under them still opens."""
    tls_certificate: Path
    tls_key: Path
    list_seed: bytes
    log_seed: bytes
    log_number: int
    """Which log of the country this is: it grows only where a log had to begin anew."""
    witness_seed: bytes
    tls_der: bytes = b""
    earlier: Mapping[str, HpkePrivateKey] = field(default_factory=dict)

    @property
    def master(self) -> bytes:
        """The master key that wraps what is new."""
        return self.masters[0]

    def private_key(self, kid: str) -> HpkePrivateKey | None:
        """Return the encryption key of that name, the present one or an earlier one (protocol.slot.Opener)."""
        return self.encryption_private if kid == self.encryption_kid else self.earlier.get(kid)


def write_secret(path: Path, data: bytes) -> None:
    """Write a new file of mode 0600; an existing one is never overwritten (`exists`)."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise NodeError("exists", f"{path} exists already.", "Remove it yourself if it may go.") from None
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read_secret(path: Path) -> bytes:
    """Read a secret file; raises `key-missing`, or `key-exposed` where group or others can read it."""
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError:
        raise NodeError("key-missing", f"{path} can't be read.") from None
    if exposed(path, stat.S_IMODE(mode)):
        raise NodeError("key-exposed", f"{path} has mode {stat.S_IMODE(mode):04o}, 0600 is needed.")
    return data


def exposed(path: Path, mode: int) -> bool:
    """Say whether others can read a secret file of this mode.

    A credential of systemd has mode 0440 where an access list lets the service's user read it: the group's bits
    are the mask of that list, and no group reads it.
    """
    return bool(mode & (0o037 if path.parent == credentials() else 0o077))


def make_keys(folder: Path, country: str, entropy: Entropy) -> None:
    """Make all keys of a node in a new directory of mode 0700."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for stem, purpose in (("message", "messages"), ("tls", "transport")):
        key = _private_key(entropy)
        write_secret(folder / f"{stem}.pem", _private_pem(key))
        (folder / f"{stem}.crt").write_bytes(_certificate(key, country, purpose, entropy))
    for name in ("list.seed", "state.seed", MASTER_KEY):
        write_secret(folder / name, base64.b64encode(entropy.random(32)) + b"\n")
    make_log_keys(folder, entropy)
    write_secret(folder / "encryption.seed", base64.b64encode(entropy.random(_SEED_BYTES)) + b"\n")


def make_log_keys(folder: Path, entropy: Entropy) -> bool:
    """Make the keys of the directory log and of the witness where they are missing; returns whether one was."""
    missing = [WITNESS_SEED] if not (folder / WITNESS_SEED).exists() else []
    if not log_number(folder):
        missing.append(LOG_SEED.format(1))
    for name in missing:
        write_secret(folder / name, base64.b64encode(entropy.random(32)) + b"\n")
    return bool(missing)


def log_number(folder: Path) -> int:
    """Return which log of the country the keys are for: the highest number among the files, 0 without one."""
    names = (path.stem.removeprefix("log-") for path in folder.glob(LOG_SEED.format("*")))
    return max((int(name) for name in names if name.isascii() and name.isdigit()), default=0)


def begin_log(folder: Path, entropy: Entropy) -> int:
    """Make the key of a log that begins anew, under the next number, which is returned."""
    number = log_number(folder) + 1
    write_secret(folder / LOG_SEED.format(number), base64.b64encode(entropy.random(32)) + b"\n")
    _settle(folder)
    return number


def renew_seed(path: Path, entropy: Entropy) -> None:
    """Put a new Ed25519 seed in the place of the present one, which is gone afterwards."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    write_secret(new, base64.b64encode(entropy.random(32)) + b"\n")
    new.replace(path)
    _settle(path.parent)


def _private_key(entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key from 128 bits more than it has (FIPS 186-5, A.2.1), so that no value is likelier."""
    return ec.derive_private_key(int.from_bytes(entropy.random(48), "big") % (_P256_ORDER - 1) + 1, ec.SECP256R1())


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certificate(key: ec.EllipticCurvePrivateKey, country: str, purpose: str, entropy: Entropy) -> bytes:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, country),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Entente {country} {purpose}"),
        ]
    )
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(int.from_bytes(entropy.random(16), "big") >> 1)
    builder = builder.not_valid_before(_FROM).not_valid_after(_UNTIL)  # validity is the member list's
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(serialization.Encoding.PEM)


def certificate_der(path: Path) -> bytes:
    """Read a PEM certificate as DER."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError, x509.InvalidVersion):
        raise NodeError("key-missing", f"{path} isn't a certificate.") from None
    return certificate.public_bytes(serialization.Encoding.DER)


def read_seed(path: Path, size: int | None = None) -> bytes:
    """Read a secret of so many bytes that is stored in base64; raises `key-missing`, also where it is damaged."""
    try:
        seed = base64.b64decode(b"".join(read_secret(path).split()), validate=True)
    except ValueError:
        raise NodeError("key-missing", f"{path} isn't base64.") from None
    if size is not None and len(seed) != size:
        raise NodeError("key-missing", f"{path} has {len(seed)} bytes, a key of this kind has {size}.")
    return seed


def _read_private_key(path: Path) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(read_secret(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise NodeError("key-missing", f"{path} isn't a private key without a password.") from None


def _read_encryption_key(path: Path) -> tuple[HpkePrivateKey, bytes]:
    try:
        return private_key_from_seed(SUITE, read_seed(path))
    except ValueError:
        raise NodeError("key-missing", f"{path} isn't an encryption key.") from None


def read_masters(path: Path) -> tuple[bytes, ...]:
    """Read the master key, and the earlier ones that lie beside it.

    Raises `key-missing` with where it may lie, or `key-exposed`.
    """
    try:
        return tuple(read_seed(each, MASTER_BYTES) for each in (path, *earlier_masters(path)))
    except NodeError as error:
        if error.code != "key-missing":
            raise
        hint = f"Put it back, or say where it is: node.master_key, or LoadCredential={MASTER_KEY}:FILE of systemd."
        raise NodeError("key-missing", f"The master key isn't there: {error.message}", hint) from None


def load_keys(folder: Path, master_key: Path | None = None) -> NodeKeys:
    """Read all keys of a running node and check their modes; the master key may lie apart from the others."""
    private = _read_private_key(folder / "message.pem")
    if not (isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1)):
        raise NodeError("key-missing", f"{folder / 'message.pem'} isn't a P-256 key.")
    certificate = certificate_der(_certificate_of(folder, "message", "message.crt.new"))
    encryption, public = _read_encryption_key(folder / "encryption.seed")
    tls = _certificate_of(folder, "tls", "tls-next.crt")
    number = log_number(folder)
    return NodeKeys(
        signer=KeySigner.with_certificate(private, certificate),
        message_certificate=certificate,
        encryption_kid=sha256_b64u(public),
        encryption_public=public,
        encryption_private=encryption,
        masters=read_masters(master_key or folder / MASTER_KEY),
        tls_certificate=tls,
        tls_der=certificate_der(tls),
        tls_key=folder / "tls.pem",
        list_seed=read_seed(folder / "list.seed", LIST_SEED_BYTES),
        log_seed=read_seed(folder / LOG_SEED.format(number), LIST_SEED_BYTES) if number else b"",
        log_number=number,
        witness_seed=read_seed(folder / WITNESS_SEED, LIST_SEED_BYTES) if (folder / WITNESS_SEED).exists() else b"",
        earlier={kid: _read_encryption_key(path)[0] for kid, path in earlier_seeds(folder).items()},
    )


def _certificate_of(folder: Path, stem: str, following: str) -> Path:
    """Return the file of the certificate that belongs to a private key; raises `key-missing`.

    Two files can't be replaced at once: after an interruption it may still have the name it had before.
    """
    private = _read_private_key(folder / f"{stem}.pem")
    spki = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    for path in (folder / f"{stem}.crt", folder / following):
        if path.exists():
            certificate = x509.load_der_x509_certificate(certificate_der(path))
            with contextlib.suppress(ValueError, UnsupportedAlgorithm):  # of a key that nobody can read
                if certificate.public_key().public_bytes(*spki) == private.public_key().public_bytes(*spki):
                    return path
    raise NodeError("key-missing", f"{folder / stem}.pem and {stem}.crt don't belong together.")


def earlier_seeds(folder: Path) -> dict[str, Path]:
    """Return the files of earlier encryption keys, by the key's name."""
    found = sorted(folder.glob("encryption-*.seed"))
    return {path.stem.removeprefix("encryption-"): path for path in found}


def earlier_masters(path: Path) -> list[Path]:
    """Return the files of earlier master keys, which lie beside the present one as `master-<name>.key`."""
    return sorted(path.parent.glob("master-*.key"))


def renew_message(folder: Path, country: str, entropy: Entropy) -> None:
    """Make a new message key with its certificate in place of the present one, which is gone afterwards."""
    _renew_pair(folder, "message", ("message", "messages"), country, entropy)


def next_tls(folder: Path, country: str, entropy: Entropy) -> None:
    """Make the TLS key and certificate that will follow the present ones: `tls-next.pem`, `tls-next.crt`."""
    _renew_pair(folder, "tls-next", ("tls-next", "transport"), country, entropy)


def _renew_pair(folder: Path, stem: str, what: tuple[str, str], country: str, entropy: Entropy) -> None:
    key = _private_key(entropy)
    new = {"pem": folder / f"{what[0]}.pem.new", "crt": folder / f"{what[0]}.crt.new"}
    for path in new.values():
        path.unlink(missing_ok=True)  # what an interruption left
    write_secret(new["pem"], _private_pem(key))
    write_secret(new["crt"], _certificate(key, country, what[1], entropy))
    for kind, path in new.items():
        path.replace(folder / f"{stem}.{kind}")
    _settle(folder)


def use_next_tls(folder: Path) -> None:
    """Put the next TLS key pair in place of the present one."""
    for kind in ("pem", "crt"):
        (folder / f"tls-next.{kind}").replace(folder / f"tls.{kind}")
    _settle(folder)


def renew_encryption(folder: Path, entropy: Entropy) -> str:
    """Make a new encryption key; the present one stays as an earlier one. Returns the name of that one."""
    present = folder / "encryption.seed"
    seed = read_seed(present)
    _, public = private_key_from_seed(SUITE, seed)
    _replace_seed(present, folder / f"encryption-{sha256_b64u(public)}.seed", seed, entropy.random(_SEED_BYTES))
    return sha256_b64u(public)


def renew_master(path: Path, entropy: Entropy) -> None:
    """Make a new master key; the present one stays beside it, for what is wrapped under it.

    Raises `key-missing` where the file can't be replaced, as what systemd hands over.
    """
    present = read_seed(path)
    try:
        _replace_seed(path, path.with_name(f"master-{master_name(present)}.key"), present, entropy.random(len(present)))
    except OSError as error:
        hint = "Replace the file that systemd loads, and let it load the earlier one too: docs/operating.md"
        raise NodeError("key-missing", f"{path} can't be replaced: {error.strerror}.", hint) from None


def master_name(master: bytes) -> str:
    """Return the name of a master key, which says nothing about it: the start of a hash, in hex."""
    return hashlib.sha256(b"entente master key name 1" + master).hexdigest()[:16]


def _replace_seed(path: Path, kept: Path, seed: bytes, new_seed: bytes) -> None:
    """Put a new seed in the place of another, which is durable in `kept` before."""
    if not kept.exists():
        write_secret(kept, base64.b64encode(seed) + b"\n")
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    write_secret(new, base64.b64encode(new_seed) + b"\n")
    new.replace(path)
    _settle(path.parent)


def _settle(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def operator_token(folder: Path) -> str:
    """Return the operator's token for the local API, which `entente init` wrote."""
    return read_secret(folder / "operator.token").decode("ascii").strip()

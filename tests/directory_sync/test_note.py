"""Signed notes and checkpoints are C2SP's, byte for byte, and nothing is believed that no known key signed."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.checkpoint import LogKeys, make_checkpoint, origin_of, read_checkpoint, witness_keys
from directory_sync.note import COSIGNATURE, PLAIN, Note, Signer, VerifierKey, from_base64, parse_note
from directory_sync.problem import DirectoryError
from tests.directory_sync.log_world import DE, FR, KEYS, LOG, ORIGIN, Log, leaves

VECTOR = Path(__file__).parents[3] / "shared" / "vectors" / "c2sp" / "signed-note.json"

# the examples of tlog-checkpoint and tlog-cosignature: their form must be read, their keys aren't published
BEHIND_THE_SOFA = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""


@pytest.mark.skipif(not VECTOR.exists(), reason="the public vectors lie beside the project")
def test_the_public_vector_of_signed_notes_verifies() -> None:
    """SPEC S-206: our notes are those of the specification."""
    vector = json.loads(VECTOR.read_text(encoding="utf-8"))
    key = VerifierKey.parse(vector["vkey"])
    note = parse_note(vector["note"].encode())
    assert note.verified([key]) == {key: 0}
    assert str(note) == vector["note"]
    assert str(key) == vector["vkey"]


def test_a_foreign_checkpoint_with_a_cosignature_is_read() -> None:
    """The form is the common one: size, root, and signatures by keys that nobody here knows."""
    checkpoint = read_checkpoint(BEHIND_THE_SOFA.encode())
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.note.verified(KEYS.keys) == {}
    assert int.from_bytes(checkpoint.note.signatures[1].blob[:8], "big") == 1679315147
    assert str(checkpoint.note) == BEHIND_THE_SOFA


def test_a_checkpoint_is_signed_by_its_log_and_cosigned_by_witnesses() -> None:
    """A cosignature says when; of two by one witness the later counts."""
    checkpoint = Log(leaves(5)).checkpoint()
    checkpoint.signed_by(KEYS)
    text = checkpoint.note.text
    whole = read_checkpoint(
        str(checkpoint.note.also([FR.sign(text, 100), FR.sign(text, 200), DE.sign(text, 150)])).encode()
    )
    whole.signed_by(KEYS)
    assert whole.witnessed([FR.verifier, DE.verifier]) == {"entente/FR/witness": 200, "entente/DE/witness": 150}
    assert whole.witnessed([DE.verifier]) == {"entente/DE/witness": 150}


def test_a_cosignature_with_another_time_is_refused() -> None:
    """The time is signed: who moves it makes the witness's signature wrong, and the note with it."""
    checkpoint = Log(leaves(5)).checkpoint()
    signature = FR.sign(checkpoint.note.text, 100)
    moved = type(signature)(signature.name, signature.key_id, (101).to_bytes(8, "big") + signature.blob[8:])
    with pytest.raises(DirectoryError, match="directory-signature"):
        read_checkpoint(str(checkpoint.note.also([moved])).encode()).witnessed([FR.verifier])


def test_another_logs_checkpoint_isnt_taken_for_this_one() -> None:
    """Neither under another name nor by another key with the right name."""
    other = Signer.from_seed("entente/FR/directory/1", PLAIN, b"\x01" * 32)
    with pytest.raises(DirectoryError, match="directory-wrong-issuer"):
        make_checkpoint(other, 1, b"\x00" * 32).signed_by(KEYS)
    stolen = Signer.from_seed(ORIGIN, PLAIN, b"\x09" * 32)
    with pytest.raises(DirectoryError, match="directory-signature"):
        make_checkpoint(stolen, 1, b"\x00" * 32).signed_by(KEYS)


def test_a_witness_key_cant_sign_as_a_log() -> None:
    """The types are apart: the same private key under the same name gives another key."""
    as_witness = Signer.from_seed(ORIGIN, COSIGNATURE, b"\x01" * 32)
    checkpoint = make_checkpoint(as_witness, 1, b"\x00" * 32)
    with pytest.raises(DirectoryError, match="directory-signature"):
        checkpoint.signed_by(KEYS)


@pytest.mark.parametrize(
    "broken",
    [
        BEHIND_THE_SOFA[:-1],
        BEHIND_THE_SOFA.replace("20852163", "020852163"),
        BEHIND_THE_SOFA.replace("20852163", "-1"),
        BEHIND_THE_SOFA.replace("20852163\n", ""),
        BEHIND_THE_SOFA.replace("CsUY", "CsU"),
        BEHIND_THE_SOFA.replace("q2I=", "q2J="),
        BEHIND_THE_SOFA.replace("\n\n", "\n"),
        BEHIND_THE_SOFA.replace("— example", "- example"),
        BEHIND_THE_SOFA.replace("example.com/behind", "example.com/\tbehind"),
        BEHIND_THE_SOFA.replace("— witness.example.com/w1", "— witness example"),
        "\n\n",
        "",
    ],
)
def test_what_isnt_a_checkpoint_is_refused(broken: str) -> None:
    """A cut, a leading zero, a control character, a name with a space: refused, never guessed at."""
    with pytest.raises(DirectoryError, match="directory-note"):
        read_checkpoint(broken.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "entente/HU/directory/1+00000000+" + str(LOG.verifier).rpartition("+")[2],
        str(LOG.verifier)[:-4],
        str(LOG.verifier).replace("+", " ", 1),
        "x+12345678+AAAA",
    ],
)
def test_what_isnt_a_verifier_key_is_refused(text: str) -> None:
    """Above all one that is written under another key's id."""
    with pytest.raises(DirectoryError, match="directory-note"):
        VerifierKey.parse(text)


def test_a_record_names_the_keys_of_the_latest_log() -> None:
    """SPEC S-206: a country that began a log anew speaks with the new one alone; foreign names and types mean nothing."""
    second = Signer.from_seed(origin_of("HU", 2), PLAIN, b"\x05" * 32)
    foreign = Signer.from_seed(origin_of("FR", 7), PLAIN, b"\x06" * 32)
    texts = [str(LOG.verifier), str(second.verifier), str(foreign.verifier), str(FR.verifier), "nonsense"]
    assert LogKeys.read("HU", texts) == LogKeys(second.name, (second.verifier,))
    assert LogKeys.read("HU", texts[:1]) == KEYS
    assert LogKeys.read("HU", texts[2:]) is None
    assert witness_keys("FR", texts) == (FR.verifier,)
    assert witness_keys("HU", texts) == ()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_note_or_refused(data: bytes) -> None:
    """Nothing but DirectoryError ever comes out, and what is read is written back the same."""
    try:
        note = parse_note(data)
    except DirectoryError:
        return
    assert str(note).encode() == data


@given(st.text(max_size=40))
def test_base64_has_one_form(text: str) -> None:
    """Two spellings of one signature would be two notes."""
    try:
        from_base64(text)
    except DirectoryError:
        return
    assert text.isascii()


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1, max_size=60))
def test_what_is_signed_is_verified_and_any_other_text_isnt(text: str) -> None:
    """A signature is of the text, to the last character."""
    note = parse_note(str(Note(f"{text}\n", (LOG.sign(f"{text}\n"),))).encode())
    assert note.verified([LOG.verifier]) == {LOG.verifier: 0}
    with pytest.raises(DirectoryError, match="directory-signature"):
        Note(f"{text}.\n", note.signatures).verified([LOG.verifier])

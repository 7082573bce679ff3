"""Files of keys: who makes them, which are refused, and what a change of the list does."""

import shutil
import stat

import pytest

from pipeline.keymaking import main, make_keys
from pipeline.keys import AllowList, KeysError, Role, credentials, key_pair
from pipeline.options import KeysOptions
from tests.pipeline.keyrings import introduce, keyring


@pytest.fixture
def keys(tmp_path):
    return keyring(tmp_path / "keys")


def test_what_is_made_is_its_owners_alone(keys):
    made = [path for path in keys.rglob("*") if path.is_file()]
    assert len(made) == 8 and (keys / "control" / "control.key_secret") in made
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in [keys, *keys.rglob("*")])


def test_what_is_there_already_stays(keys):
    before = key_pair(keys / "server.key_secret")
    made = make_keys(KeysOptions(folder=str(keys), worker=("cam-1", "worker")))
    assert made == [keys / "worker" / "cam-1.key_secret"] and key_pair(keys / "server.key_secret") == before


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden"])
def test_a_name_that_is_no_files_is_one_sentence(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--folder", "never-made", "--worker", name])
    assert ended.value.code == 2 and "a name has letters" in capsys.readouterr().err


def test_a_secret_that_others_can_read_is_refused(keys):
    secret = keys / "worker" / "worker.key_secret"
    secret.chmod(0o640)
    with pytest.raises(KeysError, match=r"others can read the secret in .* \(mode 640\): say chmod 600 "):
        credentials(str(keys), Role.WORKER)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b'public-key = "short"\nsecret-key = "short"\n'])
def test_a_file_without_a_key_is_named(keys, text):
    secret = keys / "server.key_secret"
    secret.write_bytes(text)
    with pytest.raises(KeysError, match=r"server\.key_secret is no file with a key"):
        key_pair(secret)


def test_a_secret_must_belong_to_its_public_key(keys):
    ours, theirs = keys / "server.key_secret", keys / "worker" / "worker.key_secret"
    lines = ours.read_text().splitlines()
    other = next(line for line in theirs.read_text().splitlines() if "secret-key" in line)
    ours.write_text("\n".join([line for line in lines if "secret-key" not in line] + [other]))
    with pytest.raises(KeysError, match="the secret that belongs to it"):
        key_pair(ours)


@pytest.mark.parametrize("n", [0, 2])
def test_a_host_has_one_key_of_a_role(keys, n):
    folder = keys / "worker"
    for i in range(n):
        shutil.copy(folder / "worker.key_secret", folder / f"{i}.key_secret")
    (folder / "worker.key_secret").unlink()
    with pytest.raises(KeysError, match=f"must have one file NAME.key_secret, this host's own, got {n};"):
        credentials(str(keys), Role.WORKER)


def test_without_a_folder_there_are_no_credentials():
    assert credentials("", Role.CONTROL) is None


def test_a_list_is_what_the_folder_has_now(keys, tmp_path):
    allowed, host = AllowList(keys / "worker"), keyring(tmp_path / "host")
    public, _ = key_pair(host / "worker" / "worker.key_secret")
    assert not allowed.callback("worker", public)
    listed = introduce(host, Role.WORKER, keys)
    assert allowed.callback("worker", public) and not allowed.revoked
    listed.unlink()
    assert not allowed.callback("worker", public) and allowed.revoked == {public.decode()}
    introduce(host, Role.WORKER, keys)
    assert allowed.callback("worker", public) and not allowed.revoked


def test_a_bad_file_shuts_nobody_else_out(keys):
    (keys / "worker" / "broken.key").write_text("half a line")
    public, _ = key_pair(keys / "worker" / "worker.key_secret")
    assert AllowList(keys / "worker").callback("worker", public)


def test_a_list_that_others_can_write_to_is_refused(keys):
    (keys / "worker").chmod(0o777)
    with pytest.raises(KeysError, match="others can let anybody in"):
        AllowList(keys / "worker")


def test_a_list_that_is_not_there_is_named(tmp_path):
    with pytest.raises(KeysError, match="must be a folder with the public keys"):
        AllowList(tmp_path / "worker")

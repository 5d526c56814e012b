"""Settings: where they come from, which one counts, and what is refused."""

import os
from pathlib import Path

import pytest

from chainwallet.errors import BadValue, DamagedHome
from chainwallet.settings import load_config, secret_variables

KEY = "0x" + "4c" * 32


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def settings_file(home: Path, text: str) -> None:
    (home / "chainwallet.toml").write_text(text, "utf-8")


def test_without_any_setting_there_are_defaults(home: Path) -> None:
    """Nothing set means the default home, its local chain, and everything found or kept there."""
    config = load_config({"home": None, "rpc": None}, {}, home)
    assert config.home == home
    assert (config.rpc, config.anvil, config.kek_file, config.keystore, config.deployer_key) == (None,) * 5
    assert config.database is None


def test_a_flag_beats_the_environment_which_beats_the_file(home: Path) -> None:
    """Of one setting given in three places, the flag counts, then the environment, then the file."""
    settings_file(home, 'rpc = "http://file"')
    environment = {"CHAINWALLET_RPC": "http://environment"}
    assert load_config({"rpc": None}, {}, home).rpc == "http://file"
    assert load_config({"rpc": None}, environment, home).rpc == "http://environment"
    assert load_config({"rpc": "http://flag"}, environment, home).rpc == "http://flag"


def test_the_home_comes_from_flag_or_environment(home: Path, tmp_path: Path) -> None:
    """The home is the flag's, else the environment's, else the default; each home has a file of its own."""
    settings_file(home, 'rpc = "http://file"')
    elsewhere = {"CHAINWALLET_HOME": str(tmp_path / "elsewhere")}
    assert load_config({}, elsewhere, home).home == tmp_path / "elsewhere"
    assert load_config({}, elsewhere, home).rpc is None
    assert load_config({"home": str(home)}, elsewhere, tmp_path).rpc == "http://file"


def test_an_empty_variable_is_no_setting(home: Path) -> None:
    """A variable that is set to nothing counts as not set."""
    assert load_config({}, {"CHAINWALLET_RPC": "", "CHAINWALLET_HOME": ""}, home).home == home


def test_an_unknown_setting_is_refused(home: Path) -> None:
    """A misspelt setting in the file is named, with those there are."""
    settings_file(home, 'rcp = "http://file"')
    with pytest.raises(BadValue, match="'rcp', expected one of account_per_minute, ") as refusal:
        load_config({}, {}, home)
    there_are = refusal.value.expected.removeprefix("one of ").split(", ")
    assert there_are == sorted(there_are)
    assert {"confirmations", "database", "fee_cap_gwei", "keystore", "relayers", "rpc", "signer_command"} <= set(
        there_are
    )


@pytest.mark.parametrize("fee", ["1", "-1"])
def test_a_service_fee_that_is_not_taken_is_refused(home: Path, fee: str) -> None:
    """A fee other than 0 is refused at the start, because a quote would show what nobody takes."""
    assert load_config({}, {"CHAINWALLET_SERVICE_FEE_MINOR": "0"}, home).service_fee_minor == 0
    with pytest.raises(BadValue) as refused:
        load_config({}, {"CHAINWALLET_SERVICE_FEE_MINOR": fee}, home)
    assert (refused.value.field, refused.value.value) == ("service_fee_minor", int(fee))


@pytest.mark.parametrize("name", ["deployer_key", "passphrase", "deployer-key"])
def test_secrets_in_the_file_are_refused_and_not_shown(home: Path, name: str) -> None:
    """A key or passphrase does not belong in the file, and the refusal does not repeat it."""
    settings_file(home, f'{name} = "{KEY}"')
    with pytest.raises(BadValue) as refused:
        load_config({}, {}, home)
    assert name in str(refused.value)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("value", ["5", "true", "[1]", '["http://file"]'])
def test_a_setting_of_another_type_is_refused(home: Path, value: str) -> None:
    """Every setting in the file is text in quotes."""
    settings_file(home, f"rpc = {value}")
    with pytest.raises(BadValue, match=r"rpc in .*text in quotes"):
        load_config({}, {}, home)


@pytest.mark.parametrize("content", [b"rpc = ", b'rpc = "\xff"', b"\x00"])
def test_a_file_that_is_no_toml_is_refused(home: Path, content: bytes) -> None:
    """A settings file that does not read is named."""
    (home / "chainwallet.toml").write_bytes(content)
    with pytest.raises(DamagedHome, match=r"chainwallet\.toml"):
        load_config({}, {}, home)


def test_secrets_come_from_the_environment_and_are_not_shown(home: Path) -> None:
    """The deployer's key and the passphrase are read from the environment, and a ``Config`` never shows them."""
    config = load_config({}, {"CHAINWALLET_DEPLOYER_KEY": KEY, "CHAINWALLET_PASSPHRASE": "open sesame"}, home)
    assert (config.deployer_key, config.passphrase) == (KEY, "open sesame")
    assert KEY not in f"{config} {config!r}"
    assert "sesame" not in f"{config} {config!r}"
    for name in ("CHAINWALLET_DATABASE", "CHAINWALLET_DEPLOYER_KEY", "CHAINWALLET_PASSPHRASE", "PGPASSWORD"):
        assert name in secret_variables()


def test_a_way_to_the_key_beats_all_others_below_it(home: Path) -> None:
    """A signer given by flag is used although the environment has a key and the file a keystore."""
    settings_file(home, 'keystore = "deployer.json"')
    environment = {"CHAINWALLET_DEPLOYER_KEY": KEY}
    by_key = load_config({}, environment, home)
    assert (by_key.keystore, by_key.signer_command, by_key.deployer_key) == (None, None, KEY)
    by_signer = load_config({"signer_command": "my-signer", "keystore": None}, environment, home)
    assert (by_signer.keystore, by_signer.signer_command, by_signer.deployer_key) == (None, "my-signer", None)


def test_two_ways_to_the_key_in_one_place_are_refused(home: Path) -> None:
    """Two ways to the deployer's key side by side are refused: which one is meant cannot be known."""
    with pytest.raises(BadValue, match="deployer's key: got 'keystore and signer_command', expected one of them"):
        load_config({"keystore": "deployer.json", "signer_command": "my-signer"}, {}, home)


def test_relative_paths_start_where_they_were_written(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path in the file starts at the home, one in a flag or a variable at the working directory."""
    monkeypatch.chdir(tmp_path)
    settings_file(home, 'kek_file = "safe/kek"')
    config = load_config({"anvil": "bin/anvil"}, {"CHAINWALLET_KEYSTORE": "deployer.json"}, home)
    assert config.kek_file == home / "safe" / "kek"
    assert config.anvil == tmp_path / "bin" / "anvil"
    assert config.keystore == tmp_path / "deployer.json"


def test_a_tilde_is_the_users_own_directory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~`` in a path stands for the user's own directory."""
    monkeypatch.setenv("HOME", "/home/somebody")
    assert load_config({"anvil": "~/anvil"}, dict(os.environ), home).anvil == Path("/home/somebody/anvil")


@pytest.mark.parametrize("path", ["", "~nobody-of-this-name/x", "a\0b"])
def test_what_is_no_path_is_refused(home: Path, path: str) -> None:
    """An empty path, an unknown user's and one with a zero byte are refused; none of them becomes the home."""
    with pytest.raises(BadValue, match=r"^home: "):
        load_config({"home": path}, {}, home)


# ------------------------------------------------------------------------------------------------ the service


def test_where_the_service_listens_and_whom_it_bounds(home: Path) -> None:
    """Address, port, bounds of callers, origins and proxies are settings, and have defaults."""
    usual = load_config({}, {}, home)
    assert (usual.host, usual.port, usual.cors_origins, usual.trusted_proxies) == ("127.0.0.1", 8420, (), ())
    settings_file(home, 'port = 1\nbody_bytes = 1000\ncors_origins = "https://shop.example, https://a.example"')
    config = load_config({"port": 0, "host": "::1"}, {"CHAINWALLET_TRUSTED_PROXIES": "10.0.0.0/8,"}, home)
    assert (config.host, config.port, config.api_limits.body_bytes) == ("::1", 0, 1000)
    assert config.cors_origins == ("https://shop.example", "https://a.example")
    assert config.trusted_proxies == ("10.0.0.0/8",)


def test_where_people_reach_it_is_a_url(home: Path) -> None:
    """What stands in texts that people sign is the URL of the service, and no other text can be set for it."""
    url = "https://wallet.example"
    assert load_config({}, {"CHAINWALLET_PUBLIC_URL": url}, home).public_url == url
    for text in ("wallet.example", "https://wallet.example/", "https://a@wallet.example", "https://w.example\nURI: x"):
        with pytest.raises(BadValue, match=r"^public_url: "):
            load_config({}, {"CHAINWALLET_PUBLIC_URL": text}, home)


NO_BOUNDS = [("port", "65536"), ("port", "-1"), ("port", "x"), ("body_bytes", "0")]


@pytest.mark.parametrize(("name", "value"), NO_BOUNDS)
def test_a_bound_outside_its_limits_is_refused(home: Path, name: str, value: str) -> None:
    """A port that is none and a bound below 1 are named with their value."""
    with pytest.raises(BadValue, match=rf"^{name}: got '?{value}'?, expected "):
        load_config({}, {f"CHAINWALLET_{name.upper()}": value}, home)


# ------------------------------------------------------------------------------------------------ the database

URL, WITH_PASSWORD = "postgresql://ana@host/wallet", "postgresql://ana:geheim@host/wallet"


def test_the_database_is_a_url_or_a_path(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is a server's URL as it is, or a path, which starts where it was written."""
    monkeypatch.chdir(tmp_path)
    assert load_config({"database": URL}, {}, home).database == URL
    assert load_config({"database": "books.db"}, {}, home).database == str(tmp_path / "books.db")
    settings_file(home, 'database = "books.db"')
    assert load_config({}, {}, home).database == str(home / "books.db")
    assert load_config({}, {"CHAINWALLET_DATABASE": URL}, home).database == URL
    assert load_config({"database": "flag.db"}, {"CHAINWALLET_DATABASE": URL}, home).database == str(
        tmp_path / "flag.db"
    )


def test_a_database_password_comes_from_the_environment(home: Path) -> None:
    """A URL with a password is taken from the environment, and a ``Config`` does not show it."""
    config = load_config({}, {"CHAINWALLET_DATABASE": WITH_PASSWORD}, home)
    assert config.database == WITH_PASSWORD
    assert "geheim" not in f"{config} {config!r}"


@pytest.mark.parametrize("url", [WITH_PASSWORD, f"{URL}?password=geheim", f"{URL}?sslpassword=geheim"])
@pytest.mark.parametrize("place", ["flag", "file"])
def test_a_database_password_elsewhere_is_refused_unseen(home: Path, place: str, url: str) -> None:
    """A password in a flag, which every process can see, or in the file is refused and not repeated."""
    if place == "file":
        settings_file(home, f'database = "{url}"')
    with pytest.raises(BadValue, match=r"got 'postgresql://ana@host/wallet', expected no password here") as refused:
        load_config({"database": url} if place == "flag" else {}, {}, home)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("url", ["mysql://ana:geheim@host/wallet", "postgresql://ana:geheim@host:x/wallet"])
def test_a_database_that_is_none_is_refused_unseen(home: Path, url: str) -> None:
    """A URL of another kind of server, or one that does not read, is refused at once, without its password."""
    with pytest.raises(BadValue, match=r"^database: .*expected postgresql://USER@HOST/DATABASE") as refused:
        load_config({}, {"CHAINWALLET_DATABASE": url}, home)
    assert "geheim" not in str(refused.value)

"""A real Redis under a scripted load of a known number of commands."""

import pytest

from agent.databases.interface import DatabaseError
from agent.databases.registry import open_database
from agent.databases.settings import DatabaseSettings

pytestmark = pytest.mark.slow


def opened(server, password="secret-word"):
    settings = DatabaseSettings(
        "cache", "redis", "statements", server.port, password_env="PASSWORD", timeout_s=5
    )
    return open_database(settings, {"PASSWORD": password})


@pytest.fixture
def reader(redis_server):
    found = opened(redis_server)
    yield found
    found.close()


@pytest.fixture
def cache(redis_server):
    import redis

    client = redis.Redis(port=redis_server.port, password="secret-word")
    yield client
    client.close()


def difference(reader, work):
    before = reader.count()
    work()
    after = reader.count()
    assert after.identity == before.identity
    return after.reads - before.reads, after.writes - before.writes


def test_a_load_of_a_known_number_of_commands_is_counted_exactly(reader, cache):
    def load():
        for number in range(300):
            cache.set(f"k{number}", number)
            cache.incr(f"k{number}")
        for number in range(400):
            cache.get(f"k{number}")
        cache.delete("k1", "k2")
        cache.lpush("list", 1)
        cache.lrange("list", 0, -1)
        cache.object("encoding", "list")
        cache.ping()
        cache.publish("channel", "x")

    assert difference(reader, load) == (402, 602)


def test_commands_of_transactions_and_scripts_count_one_by_one(reader, cache):
    def load():
        with cache.pipeline(transaction=True) as batch:
            batch.set("a", 1).get("a").execute()
        cache.eval("redis.call('set', KEYS[1], 1) return redis.call('get', KEYS[1])", 1, "b")

    assert difference(reader, load) == (2, 2)


def test_reading_and_connecting_count_nothing_of_their_own(redis_server, reader):
    def work():
        for _ in range(10):
            other = opened(redis_server)
            other.count()
            other.close()

    assert difference(reader, work) == (0, 0)


def test_a_reset_of_the_statistics_and_a_restart_are_other_identities(redis_server, reader, cache):
    for _ in range(50):
        cache.get("a")
    first = reader.count().identity
    cache.config_resetstat()
    reset = reader.count().identity
    assert reset == reader.count().identity
    redis_server.stop()
    with pytest.raises(DatabaseError, match="database cache: ConnectionError"):
        reader.count()
    redis_server.start()
    assert len({first, reset, reader.count().identity}) == 3


def test_a_wrong_password_is_refused_and_not_printed(redis_server):
    with pytest.raises(DatabaseError) as refused:
        opened(redis_server, "WRONG-BUT-SECRET").count()
    assert "database cache: " in str(refused.value)
    assert "WRONG-BUT-SECRET" not in str(refused.value)


def test_the_documented_rights_are_enough(redis_server, cache):
    cache.acl_setuser(
        "starproof", enabled=True, passwords=["+geheim"], reset_keys=True, reset_channels=True,
        categories=["-@all"],
        commands=["+info", "+command", "+ping", "+hello"],
    )  # fmt: skip
    settings = DatabaseSettings(
        "cache", "redis", "statements", redis_server.port, user="starproof", password_env="P", timeout_s=5
    )
    reader = open_database(settings, {"P": "geheim"})
    assert reader.count().reads >= 0
    reader.close()

"""The database: opened by URL, brought to the newest tables, read and written in short transactions.

SQLite (in WAL, so that readers never wait) is the default; PostgreSQL is named by URL. A write on SQLite takes the
lock at its beginning: taking it half way is refused at once when another has it, which loses a request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError

from kinema.errors import ExtraMissingError, ServeError
from kinema.settings import Settings, read_settings

BUSY_SECONDS = 20
_MIGRATION_LOCK = 5_043_219


class Store:
    """One database, shared by every process that opens its URL."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that writes nothing."""
        with self._connected() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is kept whole or not at all."""
        with self._connected().execution_options(kinema_writes=True) as connection, connection.begin():
            yield connection

    def _connected(self) -> Connection:
        """A connection that was alive just now. Raises OperationalError: the driver raises OSError too, unwrapped."""
        try:
            return self.engine.connect()
        except OSError as error:
            raise OperationalError("connect", None, error) from error

    def migrate(self) -> None:
        """The tables are those of this version. Raises ServeError where the database cannot be used."""
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        try:
            with self.write() as connection:
                if not self.is_sqlite:
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except SQLAlchemyError as error:
            where = self.engine.url.render_as_string(hide_password=True)
            said = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise ServeError(f"the database {where} cannot be used: {said}; set KINEMA_DATABASE") from None

    def close(self) -> None:
        """Gives all connections back."""
        self.engine.dispose()


def database_url(settings: Settings) -> str:
    """Where the settings say the database is."""
    return settings.database or f"sqlite:///{settings.home / 'serve' / 'kinema.db'}"


@cache
def _opened(url: str) -> Store:
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+pg8000")
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise ServeError(f"'{parsed.get_backend_name()}' is no database of a server; sqlite and postgresql are")
        if parsed.get_backend_name() == "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise ServeError("a database in memory cannot be shared by processes; name a file: sqlite:///films.db")
            Path(parsed.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            waits = {} if "timeout" in parsed.query else {"timeout": BUSY_SECONDS}
            engine = create_engine(parsed, pool_size=20, max_overflow=40, connect_args=waits)
            _speak_sqlite(engine)
        else:
            engine = create_engine(parsed, pool_size=10, max_overflow=20, pool_pre_ping=True, pool_timeout=10)
    except (ArgumentError, NoSuchModuleError):
        raise ServeError(f"'{url[:60]}' is no database's URL; sqlite:///films.db is, or postgresql://…") from None
    except ModuleNotFoundError as error:
        if error.name != "pg8000":
            raise
        raise ExtraMissingError("postgres", "a PostgreSQL database") from None
    except OSError as error:
        raise ServeError(f"the database cannot be kept: {error}; set KINEMA_DATABASE or KINEMA_HOME") from None
    return Store(engine)


def open_store(settings: Settings | None = None) -> Store:
    """The database of the settings, its tables there; opened once. Raises ServeError."""
    return _opened(database_url(settings or read_settings()))


def _speak_sqlite(engine: Engine) -> None:
    """WAL, waits instead of failing, foreign keys, and transactions that begin as they are meant."""

    @event.listens_for(engine, "connect")
    def connected(connection, _record) -> None:  # type: ignore[no-untyped-def]
        connection.isolation_level = None  # the driver's own BEGIN comes too late
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("kinema_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

"""The Videos API, served for real: one command, several processes, one database.

    store, tables, migrations            the database                             (SQLAlchemy, Alembic)
    jobs, leases, keys, hooks            what is kept in it: for askers, for workers, who they are, whom to tell
    depot                                films and uploads                        (fsspec)
    connection, doors, bodies, intake    what comes in: in time, from whom, what it says, what it brings
    files, characters                    what is brought to stay
    probe, address                       strangers' files and strangers' addresses, with care
    creating                             a request becomes jobs
    app, routes_…, content, streams      the API                                  (FastAPI)
    worker, watching, making             processes that make films
    supervise                            one command that starts and keeps all of it

Processes share nothing but the database and the depot, so any of them may be killed at any moment.
"""

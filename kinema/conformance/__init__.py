"""Does a server keep the contract of the Videos API? Asked of any server, by the official client, unmodified.

    Visit        a client, what films are asked for, and those that were made          visit.py
    checks       what is asked, each a row of the table                                making.py deriving.py around.py
    examine      all of them, one after the other, and the rows                        examine.py

It knows nothing of our own server: what it finds there it would find anywhere.
"""

from kinema.conformance.examine import CHECKS, chosen, examine, films_of, holds
from kinema.conformance.visit import NO_KEY, Check, Row, Visit

__all__ = ["CHECKS", "NO_KEY", "Check", "Row", "Visit", "chosen", "examine", "films_of", "holds"]

"""A server of the Videos API as whoever calls one sees it: no film is made, looked at or marked here.

    Line        requests and answers, retried with patience, films downloaded whole        line.py
    Body        a request's fields as JSON, or as a form with its files                      bodies.py
    follow      how far a film is: from a stream of events, or by asking again and again     news.py
    in_kind     an error of a server as the KinemaError that it would have been here         answers.py

It stands low so that a backend, Python's door and the terminal speak to a server in the same way.
"""

from kinema.client.answers import in_kind
from kinema.client.bodies import Body
from kinema.client.line import Line, base_url
from kinema.client.news import ENDED_WELL, News, follow, has_ended

__all__ = ["ENDED_WELL", "Body", "Line", "News", "base_url", "follow", "has_ended", "in_kind"]

"""The Flask application that both libraries observe. It answers with the status and the delay of the path."""

import time

from flask import Flask

app = Flask(__name__)


@app.get("/<int:status>/<int:milliseconds>")
def answer(status: int, milliseconds: int):
    time.sleep(milliseconds / 1000)  # The library must measure this duration.
    return "", status


@app.get("/crash")
def crash():
    raise RuntimeError("a bug")

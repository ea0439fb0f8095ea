# What Streamlit's own loader makes of secrets files: the paths as arguments, JSON on stdout.
#
# For each file the providers that its login accepts, or why it reads none.

import json
import sys

from streamlit import config
from streamlit.auth_util import validate_auth_credentials
from streamlit.runtime.secrets import secrets_singleton


def is_provider(name):
    try:
        validate_auth_credentials(name)
    except Exception:
        return False
    return True


def providers(path):
    secrets_singleton._reset()
    config.set_option("secrets.files", [path])
    secrets_singleton.load_if_toml_exists()
    auth = secrets_singleton.to_dict().get("auth")
    if not isinstance(auth, dict):
        raise ValueError("no [auth]")
    sections = [name for name, value in auth.items() if isinstance(value, dict)]
    names = sections + ["default"] * ("default" not in sections)
    return sorted(name for name in names if name != "client_kwargs" and is_provider(name))


def outcome(path):
    try:
        return {"providers": providers(path)}
    except Exception as error:
        return {"refused": type(error).__name__}


print(json.dumps({path: outcome(path) for path in sys.argv[1:]}))

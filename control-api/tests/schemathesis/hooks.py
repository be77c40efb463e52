"""Bodies that are neither JSON nor a form: sent as they are."""

import schemathesis


@schemathesis.serializer("application/toml", "application/vnd.sqlite3", "application/sdp", "image/jpeg")
def plain(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()

#!/bin/sh
# The ENTRYPOINT of an image: adds the keys, then becomes the application.
# DATABASE is the path of the database in its volume.
set -eu
: "${DATABASE:?the path of the database}"

# On the first start the application makes its database itself; the keys come with the next.
if [ -s "$DATABASE" ]; then
    # The copy is taken only if there is something to do. When up refuses or fails, nothing has
    # changed, and the container stops here with its message.
    fkfix up --database "$DATABASE" --lock-timeout 60s \
        --max-orphans "${FKFIX_MAX_ORPHANS:-5%}" \
        --backup "$DATABASE.$(date -u +%Y%m%dT%H%M%SZ).bak"
fi

exec "$@"

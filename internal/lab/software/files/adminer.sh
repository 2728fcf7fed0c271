#!/bin/sh
# Debian's Adminer, a web page for databases, on PHP's own server, configured by the environment alone.
#   LISTEN  port to listen on (8000)
set -eu
export PHP_CLI_SERVER_WORKERS="${PHP_CLI_SERVER_WORKERS:-4}"
exec php -S "0.0.0.0:${LISTEN:-8000}" -t /usr/share/adminer /usr/share/adminer/adminer.php

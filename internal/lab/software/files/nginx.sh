#!/bin/sh
# Debian's nginx as a reverse proxy, configured by the environment alone.
#   LISTEN    port to listen on (8080)
#   UPSTREAM  where requests go, HOST:PORT; of several addresses each client keeps one, so that its session holds
set -eu
: "${UPSTREAM:?names no upstream: set it to HOST:PORT}"
LISTEN="${LISTEN:-8080}"
mkdir -p /run/nginx
cat >/run/nginx/nginx.conf <<CONF
daemon off;
pid /run/nginx/nginx.pid;
error_log /dev/stderr warn;
events {}
http {
  access_log /dev/stdout;
  upstream app { ip_hash; server ${UPSTREAM}; }
  server {
    listen ${LISTEN};
    location = /healthz { return 200 "ok\n"; }
    location / {
      proxy_pass http://app;
      proxy_set_header Host \$host;
      proxy_connect_timeout 2s;
    }
  }
}
CONF
exec nginx -c /run/nginx/nginx.conf
